// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice A target that anyone may use as forwarder, and that does what it is told to.
contract ObedientTarget {
    bool private _trusting = true;

    /// @notice What the last {callOut} came to.
    bool public calledOut;
    bool public callSucceeded;
    bytes public callResult;

    /// @notice Gas {meter} was called with.
    uint256 public gasSeen;

    function isTrustedForwarder(address) external view returns (bool) {
        return _trusting;
    }

    function distrust() external {
        _trusting = false;
    }

    function callOut(address callee, bytes calldata data) external {
        calledOut = true;
        (callSucceeded, callResult) = callee.call(data);
    }

    function meter() external {
        gasSeen = gasleft();
    }

    function work(uint256 gasUnits) external view {
        for (uint256 start = gasleft(); start - gasleft() < gasUnits;) {}
    }

    function burnGas() external pure {
        assembly ("memory-safe") {
            invalid()
        }
    }

    function failAtLength() external pure {
        assembly ("memory-safe") {
            revert(mload(0x40), 180000)
        }
    }

    function answerAtLength() external pure {
        assembly ("memory-safe") {
            return(mload(0x40), 180000)
        }
    }
}

/// @notice Code that takes nobody for its forwarder, and does not know the question.
contract DeafTarget {
    function sign() external {}
}
