// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Intrinsic gas
/// @notice What a transaction costs before its first instruction runs, and which `gasleft` therefore does not show.
library IntrinsicGas {
    uint256 private constant PER_TRANSACTION = 21_000;
    uint256 private constant PER_BYTE = 4;
    /// @dev A byte other than zero costs 16 (EIP-2028).
    uint256 private constant PER_NONZERO_BYTE = 12;

    uint256 private constant LOWEST_BITS = 0x0101010101010101010101010101010101010101010101010101010101010101;

    /// @dev Of a transaction whose calldata is the current call's.
    function ofThisCall() internal pure returns (uint256) {
        return PER_TRANSACTION + msg.data.length * PER_BYTE + _countNonzeroBytes() * PER_NONZERO_BYTE;
    }

    /// @dev Each byte of a word is folded into its lowest bit; the multiplication adds the 32 bits up in the highest
    ///      byte. A loop over the bytes would cost more than it finds out. Beyond the end, calldata is zero.
    function _countNonzeroBytes() private pure returns (uint256 count) {
        assembly ("memory-safe") {
            for { let offset := 0 } lt(offset, calldatasize()) { offset := add(offset, 0x20) } {
                let word := calldataload(offset)
                word := or(word, shr(4, word))
                word := or(word, shr(2, word))
                word := or(word, shr(1, word))
                count := add(count, shr(248, mul(and(word, LOWEST_BITS), LOWEST_BITS)))
            }
        }
    }
}
