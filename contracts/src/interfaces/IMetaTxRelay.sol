// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPriceFeed} from "./IPriceFeed.sol";

/// @title Relay of CroGas' meta-transactions
/// @notice Users without the chain's coin sign what they want done, and an authorization to pay for it in a token. A
///         relayer brings both in one transaction: the fee is collected, the call is made, the unused part is
///         refunded.
///
///         What users can rely on:
///         - payment and call are one: the fee's authorization names this very request, and neither happens alone;
///         - the fee is the gas used at the price paid for it, plus one percent, and never more than they signed for;
///         - what they signed is carried out once, on this chain and relay only, with the gas they asked for.
///
///         What relayers can rely on: a call that fails is paid for like one that does not.
/// @dev To its targets the relay is an ERC-2771 forwarder: the user is appended to the call.
///
///      Nonces have no order, so no request waits for another; a client that counts from zero is served as well. Two
///      requests with the same nonce exclude each other. A request is called off by cancelling its authorization at
///      the token (`cancelAuthorization` of {hashRequest}); hence a nonce is used if and only if its fee was paid.
///
///      Meant for plain ERC-3009 tokens that do not call anyone back. The fee covers what the execution costs; a
///      layer-2 chain's fee for publishing data is for the relayer to bear.
interface IMetaTxRelay {
    /// @notice What a user signs (EIP-712, domain "CroGas" version "1").
    /// @param user on whose behalf the call is made, and who pays.
    /// @param target contract that is called.
    /// @param data the call: a selector that is allowed for the target, and its arguments.
    /// @param gasLevel how fast it should be: slow, normal or fast. For the relayer; nothing here depends on it.
    /// @param gasLimit gas the call gets: exactly that much.
    /// @param maxFee most that is paid, in the fee token's base units.
    /// @param nonce any number the user has not used.
    /// @param deadline last second at which the call may be made, Unix time.
    struct MetaTransaction {
        address user;
        address target;
        bytes data;
        string gasLevel;
        uint256 gasLimit;
        uint256 maxFee;
        uint256 nonce;
        uint256 deadline;
    }

    /// @notice The user's ERC-3009 *receive* authorization to the relay. Its value is the request's `maxFee` and its
    ///         nonce the request's {hashRequest}, so neither is repeated here.
    /// @param token the fee is paid in.
    /// @param validAfter the authorization is good after this Unix time,
    /// @param validBefore and before this one.
    /// @param signature 65 bytes r, s, v; or whatever the token accepts for the user's contract (ERC-1271).
    struct Authorization {
        address token;
        uint256 validAfter;
        uint256 validBefore;
        bytes signature;
    }

    /// @notice On what terms a token is taken for fees.
    /// @param feed price of the chain's coin in the token's unit of account; zero for none.
    /// @param maxAgeSeconds an older answer of the feed is not used.
    /// @param toleranceBps by how much a relayer's price may exceed the feed's, basis points.
    /// @param overheadGas gas of a transaction that is not metered: see {MetaTxRelay-_gasUsed}.
    struct FeeTerms {
        IPriceFeed feed;
        uint32 maxAgeSeconds;
        uint16 toleranceBps;
        uint32 overheadGas;
    }

    // ------------------------------------------------------------------ events

    /// @notice The request was carried out and paid for.
    /// @param digest EIP-712 digest of the request.
    /// @param user who signed it.
    /// @param target which was called.
    /// @param nonce of the request; used from now on.
    /// @param success whether the target did it; if not, nothing the target did remains.
    /// @param token the fee was paid in.
    /// @param fee what it cost the user, in the token's base units.
    /// @param gasUsed gas the fee was computed of.
    /// @param reason what the target failed with, cut at 256 bytes; empty if it succeeded.
    event MetaTxExecuted(
        bytes32 indexed digest,
        address indexed user,
        address indexed target,
        uint256 nonce,
        bool success,
        address token,
        uint256 fee,
        uint256 gasUsed,
        bytes reason
    );

    /// @notice Whether requests may call `selector` of `target` was decided.
    event TargetAllowed(address indexed target, bytes4 indexed selector, bool allowed);

    /// @notice No request may ever call `target`.
    event TargetForbidden(address indexed target);

    /// @notice `token` is taken for fees, on these terms.
    event FeeTokenAccepted(
        address indexed token, IPriceFeed feed, uint32 maxAgeSeconds, uint16 toleranceBps, uint32 overheadGas
    );

    /// @notice `token` is no longer taken for fees.
    event FeeTokenRefused(address indexed token);

    /// @notice `amount` of the fees paid in `token` went to `to`.
    event FeesWithdrawn(address indexed token, address indexed to, uint256 amount);

    // ------------------------------------------------------------------ errors

    /// @notice `user` has had a request with `nonce` carried out.
    error MetaTxNonceUsed(address user, uint256 nonce);

    /// @notice The request's deadline, Unix time, has passed.
    error MetaTxExpired(uint256 deadline);

    /// @notice Requests may not call `selector` of `target`.
    error MetaTxTargetNotAllowed(address target, bytes4 selector);

    /// @notice The target is the relay itself, a token of fees, or another contract that is out of bounds for good.
    error MetaTxTargetForbidden(address target);

    /// @notice `target` does not take this relay for its forwarder (ERC-2771): it would see the relay as its caller.
    error MetaTxTargetUntrusting(address target);

    /// @notice The call has no selector. The appended user would be taken for one.
    error MetaTxSelectorMissing(uint256 length);

    /// @notice The signature is neither an ECDSA signature of `user` nor accepted by its contract (ERC-1271).
    error MetaTxSignatureInvalid(address user);

    /// @notice Fees are not taken in `token`.
    error MetaTxFeeTokenRefused(address token);

    /// @notice Of the `maxFee` that was authorized, `received` arrived.
    error MetaTxFeeNotReceived(address token, uint256 received, uint256 maxFee);

    /// @notice The relayer's price is above the `highest` that the feed allows, token base units for 10^18 wei.
    error MetaTxPriceTooHigh(uint256 tokenPerNative, uint256 highest);

    /// @notice The feed's newest answer is of `updatedAt`, Unix time: too old to check a price against.
    error MetaTxPriceStale(IPriceFeed feed, uint256 updatedAt);

    /// @notice The feed's answer is no price.
    error MetaTxPriceInvalid(IPriceFeed feed, int256 answer);

    /// @notice A token and its feed whose decimals are too far apart to compare them.
    error MetaTxDecimalsInvalid(address token, IPriceFeed feed);

    // ------------------------------------------------------------------ requests

    /// @notice Collects the fee, carries the request out and refunds what is left, or reverts. Relayers only.
    /// @dev The nonce is used and the fee paid also if the target fails: otherwise a user could have the relayer pay
    ///      for failing calls for ever. But the target fails by its own doing only: with too little gas in the
    ///      transaction to give it `gasLimit`, everything reverts. That takes `gasLimit * 64 / 63` when it is called,
    ///      and some more to finish.
    /// @param request what the user signed.
    /// @param signature 65 bytes r, s, v with low s; or whatever the user's contract accepts (ERC-1271).
    /// @param feeAuth the user's authorization of the fee.
    /// @param tokenPerNative the relayer's price of the chain's coin: token base units for 10^18 wei.
    /// @return success whether the target did what was asked.
    /// @return fee what it cost the user, in the token's base units.
    function executeMetaTx(
        MetaTransaction calldata request,
        bytes calldata signature,
        Authorization calldata feeAuth,
        uint256 tokenPerNative
    ) external returns (bool success, uint256 fee);

    // ------------------------------------------------------------------ administration

    /// @notice Lets requests call `selector` of `target`, or stops it. Admin only.
    /// @dev Only targets that take the relay for their forwarder: any other would see the relay as its caller, and
    ///      one user could act with the rights that another gave the relay.
    function setTargetAllowed(address target, bytes4 selector, bool allowed) external;

    /// @notice Puts `target` out of bounds for good, whatever is allowed. Admin only.
    function forbidTarget(address target) external;

    /// @notice Takes `token` for fees, on `terms`, or changes them. It is out of bounds as a target for good. Admin only.
    function acceptFeeToken(address token, FeeTerms calldata terms) external;

    /// @notice No longer takes `token` for fees. Admin only.
    function refuseFeeToken(address token) external;

    /// @notice Sends `amount` of the fees paid in `token` to `to`. Collectors only; never paused.
    function withdrawFees(address token, address to, uint256 amount) external;

    /// @notice Stops requests. Pausers only.
    function pause() external;

    /// @notice Ends the stop. Pausers only.
    function unpause() external;

    // ------------------------------------------------------------------ views

    /// @notice Whether a request of `user` with `nonce` was carried out.
    function isNonceUsed(address user, uint256 nonce) external view returns (bool);

    /// @notice The smallest nonce that `user` has not used.
    function nextNonce(address user) external view returns (uint256 nonce);

    /// @notice Whether requests may call `selector` of `target`.
    function isTargetAllowed(address target, bytes4 selector) external view returns (bool);

    /// @notice Whether `target` is out of bounds for good.
    function isTargetForbidden(address target) external view returns (bool);

    /// @notice Whether fees are taken in `token`, and on what terms.
    function feeTerms(address token) external view returns (bool accepted, FeeTerms memory terms);

    /// @notice The highest price a relayer may charge by now in `token`; the highest number where no feed is set.
    function highestPrice(address token) external view returns (uint256 tokenPerNative);

    /// @notice The fee of `gasUsed` at `gasPrice` wei, rounded up, before it is held to a request's `maxFee`.
    function feeOf(uint256 gasUsed, uint256 gasPrice, uint256 tokenPerNative)
        external
        pure
        returns (uint256 fee);

    /// @notice `hashStruct(request)` of EIP-712: the nonce of the authorization that pays for it.
    function hashRequest(MetaTransaction calldata request) external pure returns (bytes32);

    /// @notice The EIP-712 digest a user signs for `request`: its identity, on this chain and relay only.
    function digestOf(MetaTransaction calldata request) external view returns (bytes32 digest);
}
