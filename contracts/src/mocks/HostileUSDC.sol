// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MockUSDC} from "./MockUSDC.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Hostile token for local chains
/// @notice Looks like USDC, and does to who settles it what anyone told it to.
contract HostileUSDC is MockUSDC {
    enum Way {
        None,
        // Authorizations burn all the gas they are given.
        BurnGas,
        // Authorizations are used up, and nothing is paid.
        Pretend,
        // Everybody seems to be rich.
        LieAboutBalances,
        // Authorizations fail with a reason that is dear to read.
        FailAtLength
    }

    Way private _way;

    /// @notice Misbehaves in this way from now on.
    function misbehave(Way way) external {
        _way = way;
    }

    /// @inheritdoc ERC20
    function balanceOf(address account) public view override returns (uint256) {
        return _way == Way.LieAboutBalances ? type(uint128).max : super.balanceOf(account);
    }

    function _transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce
    ) internal override {
        if (_way == Way.BurnGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (_way == Way.FailAtLength) {
            assembly ("memory-safe") {
                revert(mload(0x40), 200000)
            }
        }
        if (_way == Way.Pretend) {
            _consumeNonce(from, nonce);
        } else {
            super._transferWithAuthorization(from, to, value, validAfter, validBefore, nonce);
        }
    }
}
