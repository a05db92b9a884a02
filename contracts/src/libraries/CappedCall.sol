// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Calls into code we do not trust
/// @notice The callee gets exactly the gas it was promised, and its answer is read only so far.
/// @dev The EVM hands a callee *at most* 63/64 of the gas at hand (EIP-150) and does not say when that is less than
///      was asked for. A failure would then be blamed on the callee although the caller was short of gas, so these
///      functions revert instead: the caller must bring more gas.
library CappedCall {
    /// @notice The transaction has too little gas left to keep the promise made to the callee.
    /// @param available gas that could be handed on.
    /// @param required gas that was promised.
    error CappedCallInsufficientGas(uint256 available, uint256 required);

    /// @dev Upper bound of the gas spent between {_requireForwardable} and the call it guards, the call's own
    ///      (warm) price included.
    uint256 private constant CALL_OVERHEAD = 1000;

    /// @dev Calls `target` with exactly `gasLimit` gas. Its answer stays in the return data buffer.
    function tryCall(address target, uint256 gasLimit, bytes memory data) internal returns (bool success) {
        _requireForwardable(gasLimit);
        assembly ("memory-safe") {
            success := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
    }

    /// @dev Static-calls `target` with exactly `gasLimit` gas and returns the first word of its answer, which is zero
    ///      when the call failed or answered with less than a word. `target` must be warm.
    function tryStaticcall(address target, uint256 gasLimit, bytes memory data)
        internal
        view
        returns (bytes32 word)
    {
        _requireForwardable(gasLimit);
        assembly ("memory-safe") {
            if staticcall(gasLimit, target, add(data, 0x20), mload(data), 0, 0) {
                if gt(returndatasize(), 0x1f) {
                    returndatacopy(0, 0, 0x20)
                    word := mload(0)
                }
            }
        }
    }

    /// @dev The return data of the last call, cut at `maxLength` bytes: a callee cannot make us pay to copy the rest.
    function returnData(uint256 maxLength) internal pure returns (bytes memory result) {
        assembly ("memory-safe") {
            let length := returndatasize()
            if gt(length, maxLength) { length := maxLength }
            result := mload(0x40)
            mstore(result, length)
            returndatacopy(add(result, 0x20), 0, length)
            // The next free word starts on a multiple of 32.
            mstore(0x40, add(result, and(add(length, 0x3f), not(0x1f))))
        }
    }

    function _requireForwardable(uint256 gasLimit) private view {
        uint256 left = gasleft();
        left = left < CALL_OVERHEAD ? 0 : left - CALL_OVERHEAD;
        uint256 available = left - left / 64;
        if (available < gasLimit) revert CappedCallInsufficientGas(available, gasLimit);
    }
}
