// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC3009Bytes} from "./interfaces/IERC3009Bytes.sol";
import {IPaymentEscrow} from "./interfaces/IPaymentEscrow.sol";
import {CappedCall} from "./libraries/CappedCall.sol";
import {CappedSignatureChecker} from "./libraries/CappedSignatureChecker.sol";
import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

/// @title Escrow behind AION's instant payments
/// @notice See {IPaymentEscrow}.
contract PaymentEscrow is
    IPaymentEscrow,
    AccessControlDefaultAdminRules,
    EIP712,
    Pausable,
    ReentrancyGuardTransient
{
    using BitMaps for BitMaps.BitMap;
    using CappedSignatureChecker for address;
    using SafeERC20 for IERC20;

    /// @dev `amount` and `claimableAt` are zero when nothing is pending.
    struct Withdrawal {
        uint256 amount;
        uint256 claimableAt;
    }

    /// @notice May execute payments. Its holders must share one ledger of what they have accepted, or two of them
    ///         could each promise the same funds.
    bytes32 public constant RELAYER_ROLE = keccak256("RELAYER_ROLE");

    /// @notice May pause and unpause.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice EIP-712 type of a payment.
    bytes32 public constant PAYMENT_TYPEHASH = keccak256(
        "Payment(address token,address from,address to,uint256 amount,uint256 fee,uint256 nonce,uint256 deadline)"
    );

    /// @notice Gas each payment of a batch runs with: the most that a bad one can burn.
    uint256 public constant PAYMENT_GAS_LIMIT = 500_000;

    /// @notice Gas a payer's contract may use to judge a signature (ERC-1271).
    uint256 public constant ERC1271_GAS_LIMIT = CappedSignatureChecker.ERC1271_GAS_LIMIT;

    /// @notice Longest reason, in bytes, that {PaymentSkipped} repeats; every error of the escrow is shorter.
    uint256 public constant SKIP_REASON_LIMIT = 256;

    /// @notice Shortest grace period, seconds: without any, a withdrawal could overtake every payment.
    uint256 public constant MIN_GRACE_PERIOD = 1;

    /// @notice Longest grace period, seconds: funds must not be locked up for good by a typing error.
    uint256 public constant MAX_GRACE_PERIOD = 365 days;

    /// @dev Seconds between scheduling and accepting a change of the admin.
    uint48 private constant ADMIN_TRANSFER_DELAY = 1 days;

    /// @inheritdoc IPaymentEscrow
    uint256 public immutable gracePeriod;

    /// @inheritdoc IPaymentEscrow
    address public immutable treasury;

    mapping(address token => mapping(address account => uint256 locked)) private _balances;
    mapping(address token => mapping(address account => Withdrawal pending)) private _withdrawals;
    mapping(address account => BitMaps.BitMap used) private _usedNonces;
    mapping(address account => mapping(uint256 nonce => uint256 effectiveAt)) private _invalidations;

    /// @param admin grants and revokes the roles, and pauses.
    /// @param treasury_ receiver of the fees.
    /// @param gracePeriodSeconds see {gracePeriod}.
    constructor(address admin, address treasury_, uint256 gracePeriodSeconds)
        AccessControlDefaultAdminRules(ADMIN_TRANSFER_DELAY, admin)
        EIP712("AION PaymentEscrow", "1")
    {
        if (treasury_ == address(0) || treasury_ == address(this)) revert EscrowTreasuryInvalid(treasury_);
        if (gracePeriodSeconds < MIN_GRACE_PERIOD || gracePeriodSeconds > MAX_GRACE_PERIOD) {
            revert EscrowGracePeriodInvalid(gracePeriodSeconds, MIN_GRACE_PERIOD, MAX_GRACE_PERIOD);
        }

        gracePeriod = gracePeriodSeconds;
        treasury = treasury_;
        _grantRole(PAUSER_ROLE, admin);
    }

    // ------------------------------------------------------------------ deposits

    /// @inheritdoc IPaymentEscrow
    function deposit(address token, uint256 amount) external whenNotPaused nonReentrant {
        uint256 balanceBefore = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        _creditReceived(token, msg.sender, balanceBefore);
    }

    /// @inheritdoc IPaymentEscrow
    function depositWithAuthorization(
        address token,
        address from,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external whenNotPaused nonReentrant {
        uint256 balanceBefore = IERC20(token).balanceOf(address(this));
        if (signature.length == 65) {
            // The standard's own function: every ERC-3009 token has it.
            (uint8 v, bytes32 r, bytes32 s) = ECDSA.parseCalldata(signature);
            IERC3009(token)
                .receiveWithAuthorization(
                    from, address(this), amount, validAfter, validBefore, nonce, v, r, s
                );
        } else {
            IERC3009Bytes(token)
                .receiveWithAuthorization(
                    from, address(this), amount, validAfter, validBefore, nonce, signature
                );
        }
        _creditReceived(token, from, balanceBefore);
    }

    /// @dev Credits what arrived since `balanceBefore`, so that a token which takes a fee on transfer cannot make the
    ///      escrow owe more than it holds. The reentrancy guard keeps every other movement out of the difference.
    function _creditReceived(address token, address account, uint256 balanceBefore) private {
        uint256 received = IERC20(token).balanceOf(address(this)) - balanceBefore;
        if (received == 0) revert DepositAmountZero(token, account);

        _balances[token][account] += received;
        emit Deposited(token, account, received);
    }

    // ------------------------------------------------------------------ payments

    /// @inheritdoc IPaymentEscrow
    function executePayment(Payment calldata payment, bytes calldata signature)
        external
        onlyRole(RELAYER_ROLE)
        whenNotPaused
        nonReentrant
    {
        _executePayment(payment, signature);
    }

    /// @inheritdoc IPaymentEscrow
    function executePayments(Payment[] calldata payments, bytes[] calldata signatures)
        external
        onlyRole(RELAYER_ROLE)
        whenNotPaused
        nonReentrant
    {
        if (payments.length != signatures.length) {
            revert PaymentBatchLengthMismatch(payments.length, signatures.length);
        }

        for (uint256 i = 0; i < payments.length; ++i) {
            Payment calldata payment = payments[i];
            bytes memory step = abi.encodeCall(this.executePaymentOfBatch, (payment, signatures[i]));
            if (!CappedCall.tryCall(address(this), PAYMENT_GAS_LIMIT, step)) {
                bytes memory reason = CappedCall.returnData(SKIP_REASON_LIMIT);
                emit PaymentSkipped(hashPayment(payment), payment.from, i, payment.nonce, reason);
            }
        }
    }

    /// @notice One step of {executePayments}, for the escrow itself to call.
    /// @dev A call of its own, so that a failing payment is undone whole, token transfers included. Role, pause and
    ///      reentrancy were checked by {executePayments}.
    function executePaymentOfBatch(Payment calldata payment, bytes calldata signature) external {
        if (msg.sender != address(this)) revert PaymentCallerNotEscrow(msg.sender);
        _executePayment(payment, signature);
    }

    /// @inheritdoc IPaymentEscrow
    function requestInvalidate(uint256 nonce) external {
        if (isNonceUsed(msg.sender, nonce)) revert PaymentNonceUsed(msg.sender, nonce);
        uint256 requested = _invalidations[msg.sender][nonce];
        if (requested != 0) revert InvalidationAlreadyRequested(msg.sender, nonce, requested);

        uint256 effectiveAt = block.timestamp + gracePeriod;
        _invalidations[msg.sender][nonce] = effectiveAt;
        emit InvalidationRequested(msg.sender, nonce, effectiveAt);
    }

    /// @dev A used nonce is reported before a passed deadline: it is what tells a relayer that the payment was made.
    function _executePayment(Payment calldata payment, bytes calldata signature) private {
        (address token, address from, address to) = (payment.token, payment.from, payment.to);
        (uint256 amount, uint256 fee, uint256 nonce) = (payment.amount, payment.fee, payment.nonce);

        if (_usedNonces[from].get(nonce)) revert PaymentNonceUsed(from, nonce);
        if (block.timestamp > payment.deadline) revert PaymentExpired(payment.deadline);
        if (_isInvalidated(from, nonce)) revert PaymentNonceInvalidated(from, nonce);
        if (amount == 0) revert PaymentAmountZero(from, nonce);
        if (to == address(0) || to == from || to == token || to == address(this)) {
            revert PaymentRecipientInvalid(to);
        }
        bytes32 digest = hashPayment(payment);
        if (!from.isSignedBy(digest, signature)) revert PaymentSignatureInvalid(from);
        uint256 available = _balances[token][from];
        uint256 required = Math.saturatingAdd(amount, fee);
        if (available < required) revert PaymentInsufficientBalance(token, from, available, required);

        _usedNonces[from].set(nonce);
        _balances[token][from] = available - required;
        emit PaymentExecuted(digest, from, to, token, amount, fee, nonce);

        IERC20(token).safeTransfer(to, amount);
        if (fee != 0) IERC20(token).safeTransfer(treasury, fee);
    }

    function _isInvalidated(address account, uint256 nonce) private view returns (bool) {
        uint256 effectiveAt = _invalidations[account][nonce];
        return effectiveAt != 0 && block.timestamp >= effectiveAt;
    }

    // ------------------------------------------------------------------ withdrawals

    /// @inheritdoc IPaymentEscrow
    function requestWithdraw(address token, uint256 amount) external {
        if (amount == 0) revert WithdrawAmountZero(token, msg.sender);
        uint256 available = _balances[token][msg.sender];
        if (available < amount) revert WithdrawInsufficientBalance(token, msg.sender, available, amount);

        uint256 claimableAt = block.timestamp + gracePeriod;
        _withdrawals[token][msg.sender] = Withdrawal({amount: amount, claimableAt: claimableAt});
        emit WithdrawRequested(token, msg.sender, amount, claimableAt);
    }

    /// @inheritdoc IPaymentEscrow
    function cancelWithdraw(address token) external {
        uint256 amount = _pending(token, msg.sender).amount;

        delete _withdrawals[token][msg.sender];
        emit WithdrawCancelled(token, msg.sender, amount);
    }

    /// @inheritdoc IPaymentEscrow
    /// @dev A request whose funds were all spent is closed as well: left open, it would let later deposits out
    ///      without a grace period of their own.
    function claim(address token) external nonReentrant {
        Withdrawal memory pending = _pending(token, msg.sender);
        if (block.timestamp < pending.claimableAt) {
            revert WithdrawBeforeGrace(token, msg.sender, pending.claimableAt);
        }

        uint256 available = _balances[token][msg.sender];
        uint256 paid = Math.min(pending.amount, available);
        delete _withdrawals[token][msg.sender];
        _balances[token][msg.sender] = available - paid;
        emit Withdrawn(token, msg.sender, paid);

        if (paid != 0) IERC20(token).safeTransfer(msg.sender, paid);
    }

    function _pending(address token, address account) private view returns (Withdrawal memory pending) {
        pending = _withdrawals[token][account];
        if (pending.amount == 0) revert WithdrawNotRequested(token, account);
    }

    // ------------------------------------------------------------------ emergency stop

    /// @inheritdoc IPaymentEscrow
    function pause() external onlyRole(PAUSER_ROLE) {
        _pause();
    }

    /// @inheritdoc IPaymentEscrow
    function unpause() external onlyRole(PAUSER_ROLE) {
        _unpause();
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IPaymentEscrow
    function balanceOf(address token, address account) public view returns (uint256) {
        return _balances[token][account];
    }

    /// @inheritdoc IPaymentEscrow
    function pendingWithdrawal(address token, address account)
        public
        view
        returns (uint256 amount, uint256 claimableAt)
    {
        Withdrawal storage pending = _withdrawals[token][account];
        return (pending.amount, pending.claimableAt);
    }

    /// @inheritdoc IPaymentEscrow
    function isNonceUsed(address account, uint256 nonce) public view returns (bool) {
        return _usedNonces[account].get(nonce);
    }

    /// @inheritdoc IPaymentEscrow
    function invalidationEffectiveAt(address account, uint256 nonce) public view returns (uint256) {
        return _invalidations[account][nonce];
    }

    /// @inheritdoc IPaymentEscrow
    function paymentState(address token, address payer, uint256 nonce)
        external
        view
        returns (
            uint256 balance,
            uint256 pendingWithdrawalAmount,
            uint256 claimableAt,
            bool nonceUsed,
            uint256 nonceInvalidAt
        )
    {
        balance = balanceOf(token, payer);
        (pendingWithdrawalAmount, claimableAt) = pendingWithdrawal(token, payer);
        nonceUsed = isNonceUsed(payer, nonce);
        nonceInvalidAt = invalidationEffectiveAt(payer, nonce);
    }

    /// @inheritdoc IPaymentEscrow
    function hashPayment(Payment calldata payment) public view returns (bytes32 digest) {
        return _hashTypedDataV4(keccak256(abi.encode(PAYMENT_TYPEHASH, payment)));
    }
}
