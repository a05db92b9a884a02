// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title ERC-3009 with signatures as bytes
/// @notice The overloads that USDC 2.2 added for contract wallets, whose signatures need not have a v, r and s.
/// @dev Complements OpenZeppelin's `IERC3009`, which has the standard's own (v, r, s) functions.
interface IERC3009Bytes {
    /// @notice Transfers `value` from `from` to `to` with `from`'s signed authorization.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice The same, but only the payee `to` may call it, so nobody can run it ahead of the payee's own logic.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    /// @notice Voids an authorization that was not used yet.
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes calldata signature) external;
}
