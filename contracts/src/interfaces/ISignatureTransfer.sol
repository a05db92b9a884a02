// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Signed transfers of Permit2
/// @notice The part of Uniswap's Permit2 that we call; nonces are bits of a map, in no order.
interface ISignatureTransfer {
    /// @notice What may be taken: of `token` at most `amount`.
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    /// @notice What an owner signs, together with the spender and the witness.
    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    /// @notice What the spender makes of it.
    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    /// @notice Transfers as `owner` signed for `msg.sender`, with a witness of the spender's own type.
    /// @param witnessTypeString The end of the signed type's string, from the witness' member on.
    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;

    /// @notice The word of 256 nonces at `wordPosition`.
    function nonceBitmap(address owner, uint256 wordPosition) external view returns (uint256);

    /// @notice The EIP-712 domain that owners sign in: it has a name, and no version.
    function DOMAIN_SEPARATOR() external view returns (bytes32);
}
