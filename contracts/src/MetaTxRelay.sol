// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC3009Bytes} from "./interfaces/IERC3009Bytes.sol";
import {IMetaTxRelay} from "./interfaces/IMetaTxRelay.sol";
import {IPriceFeed} from "./interfaces/IPriceFeed.sol";
import {CappedCall} from "./libraries/CappedCall.sol";
import {CappedSignatureChecker} from "./libraries/CappedSignatureChecker.sol";
import {IntrinsicGas} from "./libraries/IntrinsicGas.sol";
import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

/// @title Relay of CroGas' meta-transactions
/// @notice See {IMetaTxRelay}.
contract MetaTxRelay is
    IMetaTxRelay,
    AccessControlDefaultAdminRules,
    EIP712,
    Pausable,
    ReentrancyGuardTransient
{
    using BitMaps for BitMaps.BitMap;
    using CappedSignatureChecker for address;
    using SafeERC20 for IERC20;

    /// @dev Terms of a token as they are kept, in one slot.
    struct FeeToken {
        bool accepted;
        IPriceFeed feed;
        uint32 maxAgeSeconds;
        uint16 toleranceBps;
        uint32 overheadGas;
        // The feed's answer times 10 to this power is a price in the token's base units.
        int8 feedExponent;
    }

    /// @dev What came of a request; see {MetaTxExecuted}.
    struct Outcome {
        bool success;
        bytes reason;
        uint256 gasUsed;
        uint256 fee;
    }

    /// @notice May execute meta-transactions, and names the price of the chain's coin.
    bytes32 public constant RELAYER_ROLE = keccak256("RELAYER_ROLE");

    /// @notice May withdraw the fees.
    bytes32 public constant COLLECTOR_ROLE = keccak256("COLLECTOR_ROLE");

    /// @notice May pause and unpause.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice EIP-712 type of a request.
    bytes32 public constant META_TRANSACTION_TYPEHASH = keccak256(
        "MetaTransaction(address user,address target,bytes data,string gasLevel,uint256 gasLimit,uint256 maxFee,uint256 nonce,uint256 deadline)"
    );

    /// @notice What is paid for 100 wei of gas: the facilitator's fee is one percent.
    uint256 public constant FEE_PERCENT = 101;

    /// @notice Longest reason, in bytes, that {MetaTxExecuted} repeats.
    uint256 public constant REASON_LIMIT = 256;

    uint256 private constant BPS = 10_000;
    uint256 private constant NATIVE_UNIT = 1e18;

    /// @dev 10 to the power of more would not fit into 256 bits beside a price.
    int256 private constant MAX_FEED_EXPONENT = 36;

    /// @dev Seconds between scheduling and accepting a change of the admin.
    uint48 private constant ADMIN_TRANSFER_DELAY = 1 days;

    mapping(address user => BitMaps.BitMap used) private _usedNonces;
    mapping(address target => mapping(bytes4 selector => bool allowed)) private _allowed;
    mapping(address target => bool forbidden) private _forbidden;
    mapping(address token => FeeToken terms) private _feeTokens;

    /// @param admin grants and revokes the roles, decides on targets and tokens, pauses and collects.
    /// @param forbidden targets that are out of bounds for good, as the escrow is; the relay itself always is.
    constructor(address admin, address[] memory forbidden)
        AccessControlDefaultAdminRules(ADMIN_TRANSFER_DELAY, admin)
        EIP712("CroGas", "1")
    {
        _forbid(address(this));
        for (uint256 i = 0; i < forbidden.length; ++i) {
            _forbid(forbidden[i]);
        }
        _grantRole(PAUSER_ROLE, admin);
        _grantRole(COLLECTOR_ROLE, admin);
    }

    // ------------------------------------------------------------------ requests

    /// @inheritdoc IMetaTxRelay
    function executeMetaTx(
        MetaTransaction calldata request,
        bytes calldata signature,
        Authorization calldata feeAuth,
        uint256 tokenPerNative
    ) external onlyRole(RELAYER_ROLE) whenNotPaused nonReentrant returns (bool success, uint256 fee) {
        uint256 gasAtStart = gasleft();
        (bytes32 digest, uint256 overheadGas) = _accept(request, signature, feeAuth, tokenPerNative);
        Outcome memory outcome = _call(request);

        outcome.gasUsed = _gasUsed(gasAtStart, overheadGas);
        outcome.fee = Math.min(request.maxFee, feeOf(outcome.gasUsed, tx.gasprice, tokenPerNative));
        _report(digest, request, feeAuth.token, outcome);
        _refund(feeAuth.token, request.user, request.maxFee - outcome.fee);
        return (outcome.success, outcome.fee);
    }

    /// @dev Checks the request, uses its nonce and collects its fee.
    function _accept(
        MetaTransaction calldata request,
        bytes calldata signature,
        Authorization calldata feeAuth,
        uint256 tokenPerNative
    ) private returns (bytes32 digest, uint256 overheadGas) {
        bytes32 structHash = hashRequest(request);
        digest = _hashTypedDataV4(structHash);
        _check(request, digest, signature);
        overheadGas = _checkFeeToken(feeAuth.token, tokenPerNative);

        _usedNonces[request.user].set(request.nonce);
        _collect(request, structHash, feeAuth);
    }

    /// @dev A used nonce is reported before a passed deadline: it is what tells a relayer that the request was
    ///      carried out.
    function _check(MetaTransaction calldata request, bytes32 digest, bytes calldata signature) private view {
        (address user, address target) = (request.user, request.target);
        if (_usedNonces[user].get(request.nonce)) revert MetaTxNonceUsed(user, request.nonce);
        if (block.timestamp > request.deadline) revert MetaTxExpired(request.deadline);
        if (request.data.length < 4) revert MetaTxSelectorMissing(request.data.length);
        if (_forbidden[target]) revert MetaTxTargetForbidden(target);
        bytes4 selector = bytes4(request.data);
        if (!_allowed[target][selector]) revert MetaTxTargetNotAllowed(target, selector);
        if (!user.isSignedBy(digest, signature)) revert MetaTxSignatureInvalid(user);
    }

    /// @dev Only above its feed is a price refused: below, the relayer loses and the user does not.
    function _checkFeeToken(address token, uint256 tokenPerNative)
        private
        view
        returns (uint256 overheadGas)
    {
        FeeToken memory terms = _feeTokens[token];
        if (!terms.accepted) revert MetaTxFeeTokenRefused(token);
        uint256 highest = _highestPrice(terms);
        if (tokenPerNative > highest) revert MetaTxPriceTooHigh(tokenPerNative, highest);
        return terms.overheadGas;
    }

    function _collect(MetaTransaction calldata request, bytes32 structHash, Authorization calldata feeAuth)
        private
    {
        uint256 balanceBefore = IERC20(feeAuth.token).balanceOf(address(this));
        _receive(request.user, request.maxFee, structHash, feeAuth);
        uint256 received = IERC20(feeAuth.token).balanceOf(address(this)) - balanceBefore;
        if (received != request.maxFee) {
            revert MetaTxFeeNotReceived(feeAuth.token, received, request.maxFee);
        }
    }

    function _receive(address from, uint256 value, bytes32 nonce, Authorization calldata feeAuth) private {
        (uint256 validAfter, uint256 validBefore) = (feeAuth.validAfter, feeAuth.validBefore);
        bytes calldata signature = feeAuth.signature;
        if (signature.length == 65) {
            // The standard's own function: every ERC-3009 token has it.
            (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(signature);
            IERC3009(feeAuth.token)
                .receiveWithAuthorization(from, address(this), value, validAfter, validBefore, nonce, v, r, s);
        } else {
            IERC3009Bytes(feeAuth.token)
                .receiveWithAuthorization(
                    from, address(this), value, validAfter, validBefore, nonce, signature
                );
        }
    }

    /// @dev Without value, and with the user appended (ERC-2771). Asking for the code makes the target warm, which
    ///      {CappedCall} relies on.
    function _call(MetaTransaction calldata request) private returns (Outcome memory outcome) {
        address target = request.target;
        if (target.code.length == 0) revert MetaTxTargetUntrusting(target);

        bytes memory data = abi.encodePacked(request.data, request.user);
        outcome.success = CappedCall.tryCall(target, request.gasLimit, data);
        if (!outcome.success) outcome.reason = CappedCall.returnData(REASON_LIMIT);
    }

    /// @dev What the transaction costs in all: what is metered from `gasAtStart` on; what it cost before its first
    ///      instruction; and `overheadGas`, which is the rest: the checks before, and the refund and the event after,
    ///      whose cost depends on the token. Gas that the chain gives back for cleared storage (EIP-3529) is not
    ///      deducted, nor is the floor of calldata-heavy transactions (EIP-7623) applied.
    function _gasUsed(uint256 gasAtStart, uint256 overheadGas) private view returns (uint256) {
        // First, as counting costs gas too.
        uint256 intrinsicGas = IntrinsicGas.ofThisCall();
        return gasAtStart - gasleft() + intrinsicGas + overheadGas;
    }

    function _report(bytes32 digest, MetaTransaction calldata request, address token, Outcome memory outcome)
        private
    {
        emit MetaTxExecuted(
            digest,
            request.user,
            request.target,
            request.nonce,
            outcome.success,
            token,
            outcome.fee,
            outcome.gasUsed,
            outcome.reason
        );
    }

    function _refund(address token, address user, uint256 amount) private {
        if (amount != 0) IERC20(token).safeTransfer(user, amount);
    }

    // ------------------------------------------------------------------ administration

    /// @inheritdoc IMetaTxRelay
    function setTargetAllowed(address target, bytes4 selector, bool allowed)
        external
        onlyRole(DEFAULT_ADMIN_ROLE)
    {
        if (allowed) {
            if (_forbidden[target]) revert MetaTxTargetForbidden(target);
            if (!_trusts(target)) revert MetaTxTargetUntrusting(target);
        }

        _allowed[target][selector] = allowed;
        emit TargetAllowed(target, selector, allowed);
    }

    /// @inheritdoc IMetaTxRelay
    function forbidTarget(address target) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _forbid(target);
    }

    /// @inheritdoc IMetaTxRelay
    function acceptFeeToken(address token, FeeTerms calldata terms) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _forbid(token);
        _feeTokens[token] = FeeToken({
            accepted: true,
            feed: terms.feed,
            maxAgeSeconds: terms.maxAgeSeconds,
            toleranceBps: terms.toleranceBps,
            overheadGas: terms.overheadGas,
            feedExponent: _feedExponent(token, terms.feed)
        });
        emit FeeTokenAccepted(token, terms.feed, terms.maxAgeSeconds, terms.toleranceBps, terms.overheadGas);
    }

    /// @inheritdoc IMetaTxRelay
    function refuseFeeToken(address token) external onlyRole(DEFAULT_ADMIN_ROLE) {
        delete _feeTokens[token];
        emit FeeTokenRefused(token);
    }

    /// @inheritdoc IMetaTxRelay
    /// @dev Between two requests the relay holds fees only, so nothing has to be kept to tell them apart. Within one
    ///      it also holds what may be refunded: hence the guard.
    function withdrawFees(address token, address to, uint256 amount)
        external
        onlyRole(COLLECTOR_ROLE)
        nonReentrant
    {
        emit FeesWithdrawn(token, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IMetaTxRelay
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc IMetaTxRelay
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    function _forbid(address target) private {
        if (_forbidden[target]) return;

        _forbidden[target] = true;
        emit TargetForbidden(target);
    }

    function _trusts(address target) private view returns (bool) {
        return target.code.length != 0 && ERC2771Context(target).isTrustedForwarder(address(this));
    }

    function _feedExponent(address token, IPriceFeed feed) private view returns (int8) {
        if (address(feed) == address(0)) return 0;

        int256 exponent = int256(uint256(IERC20Metadata(token).decimals())) - int256(uint256(feed.decimals()));
        if (exponent > MAX_FEED_EXPONENT || exponent < -MAX_FEED_EXPONENT) {
            revert MetaTxDecimalsInvalid(token, feed);
        }
        // Between -36 and 36.
        // forge-lint: disable-next-line(unsafe-typecast)
        return int8(exponent);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IMetaTxRelay
    function isNonceUsed(address user, uint256 nonce) external view returns (bool) {
        return _usedNonces[user].get(nonce);
    }

    /// @inheritdoc IMetaTxRelay
    function nextNonce(address user) external view returns (uint256 nonce) {
        BitMaps.BitMap storage used = _usedNonces[user];
        uint256 bucket = 0;
        while (used._data[bucket] == type(uint256).max) ++bucket;
        uint256 free = ~used._data[bucket];
        uint256 lowest = free & (~free + 1);
        return bucket * 256 + Math.log2(lowest);
    }

    /// @inheritdoc IMetaTxRelay
    function isTargetAllowed(address target, bytes4 selector) external view returns (bool) {
        return _allowed[target][selector] && !_forbidden[target];
    }

    /// @inheritdoc IMetaTxRelay
    function isTargetForbidden(address target) external view returns (bool) {
        return _forbidden[target];
    }

    /// @inheritdoc IMetaTxRelay
    function feeTerms(address token) external view returns (bool accepted, FeeTerms memory terms) {
        FeeToken memory kept = _feeTokens[token];
        terms = FeeTerms({
            feed: kept.feed,
            maxAgeSeconds: kept.maxAgeSeconds,
            toleranceBps: kept.toleranceBps,
            overheadGas: kept.overheadGas
        });
        return (kept.accepted, terms);
    }

    /// @inheritdoc IMetaTxRelay
    function highestPrice(address token) external view returns (uint256 tokenPerNative) {
        return _highestPrice(_feeTokens[token]);
    }

    function _highestPrice(FeeToken memory terms) private view returns (uint256) {
        if (address(terms.feed) == address(0)) return type(uint256).max;

        (, int256 answer,, uint256 updatedAt,) = terms.feed.latestRoundData();
        if (answer <= 0) revert MetaTxPriceInvalid(terms.feed, answer);
        if (block.timestamp > updatedAt + terms.maxAgeSeconds) {
            revert MetaTxPriceStale(terms.feed, updatedAt);
        }

        // Not negative, as was just checked.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint256 tolerated = uint256(answer) * (BPS + terms.toleranceBps);
        uint256 power = 10 ** SignedMath.abs(terms.feedExponent);
        return terms.feedExponent < 0 ? tolerated / (BPS * power) : Math.mulDiv(tolerated, power, BPS);
    }

    /// @inheritdoc IMetaTxRelay
    function feeOf(uint256 gasUsed, uint256 gasPrice, uint256 tokenPerNative)
        public
        pure
        returns (uint256 fee)
    {
        return Math.mulDiv(
            gasUsed * gasPrice * FEE_PERCENT, tokenPerNative, NATIVE_UNIT * 100, Math.Rounding.Ceil
        );
    }

    /// @inheritdoc IMetaTxRelay
    function hashRequest(MetaTransaction calldata request) public pure returns (bytes32) {
        return keccak256(
            abi.encode(
                META_TRANSACTION_TYPEHASH,
                request.user,
                request.target,
                keccak256(request.data),
                keccak256(bytes(request.gasLevel)),
                request.gasLimit,
                request.maxFee,
                request.nonce,
                request.deadline
            )
        );
    }

    /// @inheritdoc IMetaTxRelay
    function digestOf(MetaTransaction calldata request) external view returns (bytes32 digest) {
        return _hashTypedDataV4(hashRequest(request));
    }
}
