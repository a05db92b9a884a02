"""The PaymentEscrow's interface: what we encode for it and decode of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eth_abi.abi import decode
from eth_hash.auto import keccak

from ferryman.domain.abi import WORD, bytes_array, numbers, padded, words
from ferryman.domain.eip712 import Eip712Domain, typed_data_digest
from ferryman.domain.units import Address, ChainId, Seconds, TokenUnits

PAYMENT_TYPE: Final = (
    "Payment(address token,address from,address to,uint256 amount,uint256 fee,uint256 nonce,uint256 deadline)"
)
_TYPE_HASH: Final = keccak(PAYMENT_TYPE.encode())
MEMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {name: kind for kind, name in map(str.split, PAYMENT_TYPE[len("Payment(") : -1].split(","))}
)
"""The message's members in the order they are signed: name -> Solidity type."""
_MEMBERS: Final = tuple(MEMBERS.values())
_TUPLE: Final = f"({','.join(_MEMBERS)})"
_HEAD_OF_ONE: Final = WORD * (len(_MEMBERS) + 1)
"""Where the signature begins, after the payment itself."""
_STATE: Final = ("uint256", "uint256", "uint256", "bool", "uint256")


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


EXECUTE_PAYMENT: Final = _selector(f"executePayment({_TUPLE},bytes)")
EXECUTE_PAYMENTS: Final = _selector(f"executePayments({_TUPLE}[],bytes[])")
PAYMENT_STATE: Final = _selector("paymentState(address,address,uint256)")
GRACE_PERIOD: Final = _selector("gracePeriod()")

PAYMENT_EXECUTED: Final = keccak(b"PaymentExecuted(bytes32,address,address,address,uint256,uint256,uint256)")
PAYMENT_SKIPPED: Final = keccak(b"PaymentSkipped(bytes32,address,uint256,uint256,bytes)")
"""First topics of what a batch tells of each payment; the second is the payment's digest."""

PERMANENT_ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        f"0x{_selector(signature).hex()}": reason
        for signature, reason in {
            "PaymentExpired(uint256)": "deadline_passed",
            "PaymentNonceUsed(address,uint256)": "nonce_used",
            "PaymentNonceInvalidated(address,uint256)": "nonce_invalidated",
            "PaymentSignatureInvalid(address)": "signature_invalid",
            "PaymentRecipientInvalid(address)": "recipient_invalid",
            "PaymentAmountZero(address,uint256)": "amount_zero",
        }.items()
    }
)
"""Reverts that time does not heal."""
PASSING_ERRORS: Final = frozenset(
    f"0x{_selector(signature).hex()}"
    for signature in (
        "EnforcedPause()",
        "AccessControlUnauthorizedAccount(address,bytes32)",
        "PaymentInsufficientBalance(address,address,uint256,uint256)",
    )
)
"""Reverts that wait for somebody: an unpaused contract, a relayer's role, a deposit that a reorg undid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """The EIP-712 message."""

    token: Address
    payer: Address
    payee: Address
    amount: TokenUnits
    fee: TokenUnits
    nonce: int
    deadline_seconds: Seconds

    def members(self) -> tuple[int | str, ...]:
        """Members in the order of the contract's struct."""
        return (
            self.token,
            self.payer,
            self.payee,
            self.amount,
            self.fee,
            self.nonce,
            self.deadline_seconds,
        )

    def digest(self, separator: bytes) -> bytes:
        """What the payer signs, 32 bytes."""
        return typed_data_digest(separator, keccak(words([_TYPE_HASH, *self.members()])))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentState:
    """The escrow's answer to `paymentState`."""

    balance: TokenUnits
    pending_withdrawal: TokenUnits
    is_nonce_used: bool
    invalidation_effective_at: Seconds
    """Unix time from which the nonce is void, 0 if the payer never asked for that."""


def domain(chain_id: ChainId, escrow: Address) -> Eip712Domain:
    """The domain of a chain's escrow."""
    return Eip712Domain("AION PaymentEscrow", "1", chain_id, escrow)


def execute_payment(payment: Payment, signature: bytes) -> bytes:
    """Calldata of `executePayment`."""
    return EXECUTE_PAYMENT + words([*payment.members(), _HEAD_OF_ONE]) + padded(signature)


def execute_payments(payments: Sequence[Payment], signatures: Sequence[bytes]) -> bytes:
    """Calldata of `executePayments`."""
    structs = words(member for payment in payments for member in payment.members())
    heads = words([2 * WORD, 3 * WORD + len(structs), len(payments)])
    return EXECUTE_PAYMENTS + heads + structs + bytes_array(signatures)


def skip_reason(data: bytes) -> bytes:
    """Decode what `PaymentSkipped` does not index: the error that the payment failed with."""
    _index, _nonce, reason = decode(["uint256", "uint256", "bytes"], data)
    return bytes(reason)


def payment_state_call(payment: Payment) -> bytes:
    """Calldata of `paymentState`."""
    return PAYMENT_STATE + words([payment.token, payment.payer, payment.nonce])


def payment_state(answer: bytes) -> PaymentState:
    """Decode the answer to `paymentState`."""
    balance, pending, _claimable_at, is_used, invalid_from = _state(answer)
    return PaymentState(
        balance=TokenUnits(balance),
        pending_withdrawal=TokenUnits(pending),
        is_nonce_used=is_used,
        invalidation_effective_at=Seconds(invalid_from),
    )


def account_state_call(token: Address, payer: Address) -> bytes:
    """Calldata of `paymentState` for what does not depend on a nonce."""
    return PAYMENT_STATE + words([token, payer, 0])


def account_state(answer: bytes) -> tuple[int, int, int]:
    """Decode an answer to `paymentState`: balance, pending withdrawal, claimable at (Unix seconds)."""
    balance, withdrawal, claimable_at, _is_used, _invalid_from = _state(answer)
    return balance, withdrawal, claimable_at


def _state(answer: bytes) -> tuple[int, int, int, bool, int]:
    """Decode an answer to `paymentState`; what has another form is left to the general decoder."""
    if len(answer) != len(_STATE) * WORD or (found := numbers(answer))[3] > 1:
        balance, withdrawal, claimable_at, is_used, invalid_from = decode(_STATE, answer)
        return balance, withdrawal, claimable_at, is_used, invalid_from
    balance, withdrawal, claimable_at, is_used, invalid_from = found
    return balance, withdrawal, claimable_at, bool(is_used), invalid_from


def payment_state_answer(balance: int, withdrawal: int, claimable_at: int) -> bytes:
    """Encode the answer to `paymentState` for a nonce that was neither used nor invalidated."""
    return words([balance, withdrawal, claimable_at, False, 0])


def grace_period(answer: bytes) -> int:
    """Decode the answer to `gracePeriod`, in seconds."""
    (seconds,) = decode(["uint256"], answer)
    return int(seconds)
