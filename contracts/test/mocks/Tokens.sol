// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice Takes one percent of every transfer.
contract FeeOnTransferToken is ERC20("Fee on transfer", "FEE") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : value / 100;
        if (fee != 0) super._update(from, address(0), fee);
        super._update(from, to, value - fee);
    }
}

/// @notice Transfers that misbehave in a chosen way, from the moment it is chosen.
contract MisbehavingToken is ERC20("Misbehaving", "BAD") {
    enum Way {
        None,
        Revert,
        RevertLoudly,
        EatGas,
        ReturnFalse,
        CallBack
    }

    error Frozen(address to);

    Way private _way;
    address private _target;
    bytes private _callback;

    /// @notice The call that a transfer made back, if any, and what came of it.
    bool public calledBack;
    bool public callbackSucceeded;
    bytes public callbackResult;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function misbehave(Way way) external {
        _way = way;
    }

    /// @notice Each transfer then calls `target` with `data` first, and goes on whatever comes of it.
    function callBack(address target, bytes calldata data) external {
        (_way, _target, _callback) = (Way.CallBack, target, data);
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        if (_misbehaves(to)) return false;
        return super.transfer(to, value);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (_misbehaves(to)) return false;
        return super.transferFrom(from, to, value);
    }

    function _misbehaves(address to) private returns (bool returnsFalse) {
        if (_way == Way.Revert) revert Frozen(to);
        if (_way == Way.RevertLoudly) {
            assembly ("memory-safe") {
                revert(mload(0x40), 200000)
            }
        }
        if (_way == Way.EatGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (_way == Way.CallBack) {
            calledBack = true;
            (callbackSucceeded, callbackResult) = _target.call(_callback);
        }
        return _way == Way.ReturnFalse;
    }
}

/// @notice Answers nothing on transfer, as some old tokens do.
contract SilentToken {
    mapping(address account => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// @notice Accepts any call and does nothing, as wrapped Ether's fallback does with functions it does not know.
contract PhantomToken {
    mapping(address account => uint256) public balanceOf;

    fallback() external {}
}
