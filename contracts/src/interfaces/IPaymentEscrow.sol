// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Escrow behind AION's instant payments
/// @notice Payers lock tokens here and then spend them by signing messages, which a relayer brings to the chain.
///
///         What makes a signed payment as good as paid, before it is mined:
///         - locked funds leave only by a signed payment or after a grace period announced on-chain, and a payment
///           still goes first while that period runs;
///         - only relayers execute payments, so a payer cannot spend the same funds past the relayer's ledger;
///         - a nonce, once signed for, can be called off only after the same grace period.
///
///         So a relayer that accepts only payments it can execute within the grace period is never overtaken.
/// @dev Meant for plain tokens. A token that takes a fee on transfer is credited by what arrived; one that rebases,
///      or charges the sender on top, must not be accepted by the relayer.
interface IPaymentEscrow {
    /// @notice The message a payer signs (EIP-712, domain "AION PaymentEscrow" version "1").
    /// @param token ERC-20 that is paid.
    /// @param from payer: its locked balance is debited by `amount + fee`.
    /// @param to recipient: receives `amount` in its own wallet.
    /// @param amount to the recipient, in the token's base units.
    /// @param fee to the treasury, in the token's base units; may be zero.
    /// @param nonce any number the payer has not used: nonces have no order, so no payment waits for another.
    /// @param deadline last second at which the payment may be executed, Unix time.
    struct Payment {
        address token;
        address from;
        address to;
        uint256 amount;
        uint256 fee;
        uint256 nonce;
        uint256 deadline;
    }

    // ------------------------------------------------------------------ events

    /// @notice `account` locked `amount` more of `token`: what the escrow received, not what was sent.
    event Deposited(address indexed token, address indexed account, uint256 amount);

    /// @notice The payment whose EIP-712 digest is `digest` was executed.
    event PaymentExecuted(
        bytes32 indexed digest,
        address indexed from,
        address indexed to,
        address token,
        uint256 amount,
        uint256 fee,
        uint256 nonce
    );

    /// @notice A payment of a batch was not executed and nothing of it happened; the rest of the batch went on.
    /// @param digest EIP-712 digest of the payment.
    /// @param from payer named in the payment, not proven by a signature here.
    /// @param index its place in the batch.
    /// @param nonce its nonce, which this attempt did not consume.
    /// @param reason ABI-encoded error it failed with, cut at 256 bytes; empty when the token gave none.
    event PaymentSkipped(
        bytes32 indexed digest, address indexed from, uint256 index, uint256 nonce, bytes reason
    );

    /// @notice `account` announced to take out up to `amount` at `claimableAt` (Unix time), replacing any earlier
    ///         announcement for this token.
    event WithdrawRequested(
        address indexed token, address indexed account, uint256 amount, uint256 claimableAt
    );

    /// @notice `account` called off its announced withdrawal of `amount`.
    event WithdrawCancelled(address indexed token, address indexed account, uint256 amount);

    /// @notice `account` took out `amount`: less than it announced if payments spent the difference meanwhile.
    event Withdrawn(address indexed token, address indexed account, uint256 amount);

    /// @notice From `effectiveAt` on (Unix time), payments of `account` with `nonce` are refused.
    event InvalidationRequested(address indexed account, uint256 indexed nonce, uint256 effectiveAt);

    // ------------------------------------------------------------------ errors

    /// @notice The payment's deadline, Unix time, has passed.
    error PaymentExpired(uint256 deadline);

    /// @notice `from` has already paid with `nonce`.
    error PaymentNonceUsed(address from, uint256 nonce);

    /// @notice `from` invalidated `nonce`, and the grace period since has passed.
    error PaymentNonceInvalidated(address from, uint256 nonce);

    /// @notice A payment of nothing.
    error PaymentAmountZero(address from, uint256 nonce);

    /// @notice `to` is the zero address, the payer itself, the token or the escrow.
    error PaymentRecipientInvalid(address to);

    /// @notice The signature is neither an ECDSA signature of `from` nor accepted by its contract (ERC-1271).
    error PaymentSignatureInvalid(address from);

    /// @notice `from` has locked `available`, but `amount + fee` is `required` (saturated at 2^256 - 1).
    error PaymentInsufficientBalance(address token, address from, uint256 available, uint256 required);

    /// @notice A batch needs as many signatures as payments.
    error PaymentBatchLengthMismatch(uint256 payments, uint256 signatures);

    /// @notice The step of a batch is for the escrow itself to call.
    error PaymentCallerNotEscrow(address caller);

    /// @notice Nothing arrived, so there is nothing to credit.
    error DepositAmountZero(address token, address account);

    /// @notice A withdrawal of nothing; {cancelWithdraw} calls one off.
    error WithdrawAmountZero(address token, address account);

    /// @notice `account` has locked `available`, less than the `requested` withdrawal.
    error WithdrawInsufficientBalance(address token, address account, uint256 available, uint256 requested);

    /// @notice `account` has no withdrawal of `token` pending.
    error WithdrawNotRequested(address token, address account);

    /// @notice The pending withdrawal may be claimed at `claimableAt` (Unix time), not yet.
    error WithdrawBeforeGrace(address token, address account, uint256 claimableAt);

    /// @notice `account` already asked to invalidate `nonce`; asking again would only delay it.
    error InvalidationAlreadyRequested(address account, uint256 nonce, uint256 effectiveAt);

    /// @notice The treasury must be an account that can hold tokens: neither zero nor the escrow.
    error EscrowTreasuryInvalid(address treasury);

    /// @notice The grace period must be between `minimum` and `maximum` seconds.
    error EscrowGracePeriodInvalid(uint256 gracePeriodSeconds, uint256 minimum, uint256 maximum);

    // ------------------------------------------------------------------ deposits

    /// @notice Locks `amount` of the caller's `token`, which it has approved to the escrow.
    function deposit(address token, uint256 amount) external;

    /// @notice Locks `amount` of `from`'s `token` with its signed ERC-3009 *receive* authorization to the escrow.
    ///         Anyone may bring it: only `from` is credited.
    /// @dev *Receive*, not *transfer*: that one could be run past the escrow, and the tokens would belong to nobody.
    function depositWithAuthorization(
        address token,
        address from,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    // ------------------------------------------------------------------ payments

    /// @notice Executes one payment, or reverts. Relayers only.
    /// @param payment what the payer signed.
    /// @param signature 65 bytes r, s, v with low s; or whatever the payer's contract accepts (ERC-1271).
    function executePayment(Payment calldata payment, bytes calldata signature) external;

    /// @notice Executes each payment that can be, in order; skips the others with {PaymentSkipped}. Relayers only.
    /// @dev Each payment runs with a fixed amount of gas. The transaction must have that much left before each
    ///      payment or the whole batch reverts: a payment is never skipped because the relayer was short of gas.
    function executePayments(Payment[] calldata payments, bytes[] calldata signatures) external;

    /// @notice Voids the caller's `nonce` once the grace period has passed. Payments signed for it and accepted
    ///         before remain good until then.
    function requestInvalidate(uint256 nonce) external;

    // ------------------------------------------------------------------ withdrawals (never paused)

    /// @notice Announces that the caller takes out up to `amount` after the grace period. The funds stay spendable
    ///         by signed payments until claimed. Announcing again replaces the amount and restarts the period.
    function requestWithdraw(address token, uint256 amount) external;

    /// @notice Calls off the caller's pending withdrawal.
    function cancelWithdraw(address token) external;

    /// @notice Pays the caller its pending withdrawal, or what payments have left of it, once the period has passed.
    function claim(address token) external;

    // ------------------------------------------------------------------ emergency stop

    /// @notice Stops deposits and payments; withdrawals go on. Pausers only.
    /// @dev Longer than the grace period, this voids the assurance of accepted payments: withdrawals overtake them.
    function pause() external;

    /// @notice Ends the stop. Pausers only.
    function unpause() external;

    // ------------------------------------------------------------------ views

    /// @notice Locked funds of `account`, in the token's base units; a pending withdrawal is still part of them.
    function balanceOf(address token, address account) external view returns (uint256);

    /// @notice The withdrawal `account` announced, and the Unix time it can be claimed; both zero when none is.
    function pendingWithdrawal(address token, address account)
        external
        view
        returns (uint256 amount, uint256 claimableAt);

    /// @notice Whether a payment of `account` with `nonce` was executed.
    function isNonceUsed(address account, uint256 nonce) external view returns (bool);

    /// @notice Unix time from which `nonce` of `account` is void; zero if that was never asked for.
    function invalidationEffectiveAt(address account, uint256 nonce) external view returns (uint256);

    /// @notice Everything a relayer needs to judge a payment, of one block, in one call.
    function paymentState(address token, address payer, uint256 nonce)
        external
        view
        returns (
            uint256 balance,
            uint256 pendingWithdrawalAmount,
            uint256 claimableAt,
            bool nonceUsed,
            uint256 nonceInvalidAt
        );

    /// @notice The EIP-712 digest a payer signs for `payment`: its identity, on this chain and escrow only.
    function hashPayment(Payment calldata payment) external view returns (bytes32 digest);

    /// @notice Seconds between announcing a withdrawal or an invalidation and its taking effect.
    function gracePeriod() external view returns (uint256);

    /// @notice Receiver of the payments' fees.
    function treasury() external view returns (address);
}
