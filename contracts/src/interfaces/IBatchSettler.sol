// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Settlement of many authorizations at once
/// @notice Carries out many ERC-3009 *transfer* authorizations of one token in one transaction. One that fails does
///         not stop the others.
///
///         Anyone may call it: a payer's signature allows the transfer it names, whoever brings it, and nothing else.
///         So there is no role, no list and no owner; the contract keeps nothing, holds nothing and is allowed
///         nothing. Which tokens to settle is for the caller to choose.
/// @dev That a leg did not fail means that the token did not revert. Whether it then moved what it should is in its
///      own `Transfer` log, as with any token; a log of ours for each success would make it 3 % dearer, and say less.
///      A leg can also fail because somebody else has brought its authorization before: the payment is made all the
///      same, and the token's `authorizationState` tells.
interface IBatchSettler {
    /// @notice An ERC-3009 *transfer* authorization that an account signed with its key.
    /// @param from payer, who signed it.
    /// @param to recipient.
    /// @param value transferred, in the token's base units.
    /// @param validAfter it is good after this Unix time,
    /// @param validBefore and before this one.
    /// @param nonce of the authorization.
    /// @param v 27 or 28,
    /// @param r and
    /// @param s: the signature.
    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    /// @notice An ERC-3009 *transfer* authorization of an account that is a contract, for tokens that ask it (ERC-1271).
    /// @param signature whatever the contract accepts. For the rest, see {Authorization}.
    struct ContractAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
        bytes signature;
    }

    /// @notice The token did not carry out the authorization at `index`; it did all those that are not told of.
    /// @param index its place in the batch, where those of contracts come after the others.
    /// @param reason what the token failed with, cut at 256 bytes.
    event LegFailed(uint256 index, bytes reason);

    /// @notice There is no contract at `token`, so nothing would happen, and nothing would fail.
    error SettlementTokenMissing(address token);

    /// @notice The settler holds nothing: whatever was paid to it would be lost.
    error SettlementRecipientInvalid(address to);

    /// @notice Carries out each authorization that can be, in order, and tells of each that cannot by {LegFailed}.
    /// @dev The transaction must have `legGasLimit * 64 / 63` and some more left before each leg, or the whole batch
    ///      reverts: a leg never fails because the caller was short of gas.
    /// @param token an ERC-3009 token.
    /// @param legGasLimit gas each leg gets: the most that a bad one can burn.
    /// @param legs authorizations of accounts with keys.
    /// @param contractLegs authorizations of contracts.
    function settle(
        address token,
        uint256 legGasLimit,
        Authorization[] calldata legs,
        ContractAuthorization[] calldata contractLegs
    ) external;
}
