"""A transaction's life: its states, the one table of steps between them, and its row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from ferryman.domain.changing import changed
from ferryman.domain.errors import IllegalTransitionError
from ferryman.domain.events import Event, Step
from ferryman.domain.fees import Tier
from ferryman.domain.units import (
    Address,
    BlockHash,
    BlockNumber,
    ChainId,
    CorrelationId,
    Gas,
    Instant,
    Seconds,
    TokenUnits,
    TransactionId,
    TxHash,
    WalletNonce,
    Wei,
)


class Status(StrEnum):
    """What is promised of a transaction; the requirements' own names."""

    RECEIVED = "RECEIVED"
    """Stored; the chain could not be read, so nothing is assured yet."""
    VALIDATED = "VALIDATED"
    """Its funds are reserved: the instant assurance."""
    PENDING = "PENDING"
    """A wallet nonce is bound to it, and stays so until something is mined with that nonce."""
    CONFIRMED = "CONFIRMED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more is expected to happen."""
        return self in {Status.CONFIRMED, Status.FAILED}


TRANSITIONS: Final[Mapping[tuple[Status | None, Step], Status]] = MappingProxyType(
    {
        (None, Step.RECEIVED): Status.RECEIVED,
        (None, Step.ACCEPTED): Status.VALIDATED,
        (Status.RECEIVED, Step.VALIDATED): Status.VALIDATED,
        (Status.RECEIVED, Step.FAILED): Status.FAILED,
        (Status.VALIDATED, Step.BOUND): Status.PENDING,
        (Status.VALIDATED, Step.FAILED): Status.FAILED,
        (Status.PENDING, Step.INCLUDED): Status.PENDING,
        (Status.PENDING, Step.REORGED): Status.PENDING,
        (Status.PENDING, Step.CONFIRMED): Status.CONFIRMED,
        (Status.PENDING, Step.FAILED): Status.FAILED,
        (Status.PENDING, Step.RETURNED): Status.VALIDATED,
        (Status.RECEIVED, Step.RECOVERED): Status.CONFIRMED,
        (Status.VALIDATED, Step.RECOVERED): Status.CONFIRMED,
        (Status.PENDING, Step.RECOVERED): Status.CONFIRMED,
        (Status.FAILED, Step.RECOVERED): Status.CONFIRMED,
        (Status.FAILED, Step.RETRIED): Status.VALIDATED,
        (Status.CONFIRMED, Step.REOPENED): Status.PENDING,
        (Status.FAILED, Step.REOPENED): Status.PENDING,
    }
)
"""(status before, step) -> status after. A pair that is not here does not happen."""

OUT_OF_AN_END: Final = frozenset({Step.RETRIED, Step.RECOVERED, Step.REOPENED})
"""Steps that lead out of a status that is over: an operator's, and those of a chain that changed its mind."""

WAITS: Final = (1_000, 5_000, 15_000, 30_000)
"""Milliseconds a waiting row pauses: the first, second, third wait, and every later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """The row of one transaction.

    Its first part never changes, its second is the fold of its events, and its third is
    housekeeping: when the row next wants attention and what went wrong on the way.
    """

    transaction_id: TransactionId
    kind: str
    chain_id: ChainId
    sender: Address
    payload: Mapping[str, str | int]
    """The signed message and its signature as the client sent them, normalised."""
    priority: Tier
    deadline_seconds: Seconds
    """Unix time after which the contract refuses the message."""
    received_at: Instant
    correlation_id: CorrelationId | None = None
    """Of the request that was accepted."""

    status: Status
    sequence: int = 0
    """Sequence number of the newest event."""
    reached: Mapping[str, Instant] = field(default_factory=dict)
    """When each step was last taken."""
    assured: bool = False
    """Whether the funds are reserved under a signature that nobody can revoke."""
    accepted_block: BlockNumber | None = None
    """The block at which the funds were read."""
    wallet: Address | None = None
    nonce: WalletNonce | None = None
    hash: TxHash | None = None
    """The transaction that was mined."""
    block_number: BlockNumber | None = None
    block_hash: BlockHash | None = None
    confirmations: int | None = None
    witnesses: int | None = None
    """How many endpoints said how it ended, where the chain had a say."""
    predicted_gas: Gas | None = None
    """At acceptance, where the fee follows the market."""
    predicted_cost: Wei | None = None
    """What it was expected to cost us, L1 fee included."""
    batch_size: int | None = None
    """How many intents share its nonce; None: it is alone."""
    batch_position: int | None = None
    """Its place among them, from 0."""
    gas_used: Gas | None = None
    """By the whole chain transaction."""
    gas_share: Gas | None = None
    """Its part of that; the parts of a batch add up to the whole."""
    effective_gas_price: Wei | None = None
    gas_cost: Wei | None = None
    """What it cost us, where that is not gas times price: with an L1 fee, or a share of a batch."""
    fee_taken: TokenUnits | None = None
    """What went to the treasury, if anything did."""
    margin: TokenUnits | None = None
    """The fee less the cost, where the token prices gas."""
    cost_error_bps: int | None = None
    """How far the cost was above its prediction."""
    reason: str | None = None
    """Why it failed: a machine-readable word."""

    version: int = 1
    due_at: Instant | None = None
    """When the sweep looks at it; None while it is bound, or over.

    What others carried out is over and stays due until their block is final.
    """
    waits: int = 0
    starts: int = 0
    """Attempts that were started and never recorded an outcome."""
    failures: int = 0
    """Tries that were answered, and failed for a reason that may be the intent's own."""
    last_error: str | None = None
    permanent_reason: str | None = None
    """Set when the work can never succeed, and only deadletter is left to say so."""
    permanent_witnesses: int | None = None
    """How many endpoints said that, where the chain had a say."""

    @property
    def is_settled(self) -> bool:
        """Whether it was mined, for good."""
        return self.status.is_terminal and self.block_hash is not None


ACCEPTANCE_FACTS: Final = ("assured", "accepted_block", "predicted_gas", "predicted_cost")
"""What acceptance found and foresaw."""

BINDING_FACTS: Final = ("wallet", "nonce", "batch_size", "batch_position")
"""Where it is bound, and in what company."""

INCLUSION_FACTS: Final = (
    "hash",
    "block_number",
    "block_hash",
    "gas_used",
    "gas_share",
    "effective_gas_price",
)
"""What it was mined in; a reorg takes them back."""

ENDING_FACTS: Final = (
    "confirmations",
    "witnesses",
    "gas_cost",
    "fee_taken",
    "margin",
    "cost_error_bps",
    "reason",
)
"""How it ended, what that cost and what it earned."""

FACTS: Final = frozenset((*ACCEPTANCE_FACTS, *BINDING_FACTS, *INCLUSION_FACTS, *ENDING_FACTS))
"""Fields of a row that only an event may change, besides status, sequence and reached."""


def take_step(
    transaction: Transaction, step: Step, *, name: str, at: Instant, **facts: object
) -> tuple[Transaction, Event]:
    """Move a transaction one step along the table.

    Args:
        transaction: the row as it was read.
        step: what happened.
        name: the public name of the event, from the transaction's kind.
        at: when it happened.
        facts: new values of fields in FACTS.

    Raises:
        IllegalTransitionError: the table has no such step from the row's status.

    """
    before = transaction.status if transaction.sequence else None
    after = TRANSITIONS.get((before, step))
    if after is None:
        raise IllegalTransitionError(before, step)
    event = Event(
        transaction_id=transaction.transaction_id,
        sequence=transaction.sequence + 1,
        step=step,
        name=name,
        status=after.value,
        at=at,
        kind=transaction.kind,
        chain_id=transaction.chain_id,
        sender=transaction.sender,
        reached={**transaction.reached, step.value: at},
        facts=dict(facts),
        correlation_id=transaction.correlation_id,
    )
    return _applied(transaction, event, version=transaction.version + 1), event


def apply_event(transaction: Transaction, event: Event) -> Transaction:
    """Write what an event says into the row: the only way a status changes."""
    return _applied(transaction, event, version=transaction.version)


def _applied(transaction: Transaction, event: Event, *, version: int) -> Transaction:
    unknown = event.facts.keys() - FACTS
    if unknown:
        msg = f"an event may not change {sorted(unknown)}"
        raise ValueError(msg)
    facts: dict[str, Any] = dict(event.facts)
    return changed(
        transaction,
        status=Status(event.status),
        sequence=event.sequence,
        reached={**transaction.reached, event.step.value: event.at},
        version=version,
        **facts,
    )


def fold(received: Transaction, events: Iterable[Event]) -> Transaction:
    """Rebuild a row from what was received and all its events, in order of sequence."""
    blank = Transaction(
        transaction_id=received.transaction_id,
        kind=received.kind,
        chain_id=received.chain_id,
        sender=received.sender,
        payload=received.payload,
        priority=received.priority,
        deadline_seconds=received.deadline_seconds,
        received_at=received.received_at,
        correlation_id=received.correlation_id,
        status=Status.RECEIVED,
    )
    for event in events:
        blank = apply_event(blank, event)
    return blank


def told(transaction: Transaction) -> Transaction:
    """Strip the housekeeping: what is left must equal the fold of the events."""
    return changed(
        transaction,
        version=1,
        due_at=None,
        waits=0,
        starts=0,
        failures=0,
        last_error=None,
        permanent_reason=None,
        permanent_witnesses=None,
    )


def unhindered(transaction: Transaction, *, due_at: Instant | None) -> Transaction:
    """Forget what went wrong so far: the row begins anew with its waits, starts and failures."""
    return changed(
        transaction,
        due_at=due_at,
        waits=0,
        starts=0,
        failures=0,
        last_error=None,
        permanent_reason=None,
        permanent_witnesses=None,
    )


def gas_share(gas_used: Gas, *, position: int, size: int) -> Gas:
    """Give the part of a batch's gas that one of its intents bears: equal, and the first ones the rest."""
    return Gas(gas_used // size + (position < gas_used % size))


def wait_milliseconds(waits: int) -> int:
    """How long a row pauses that has waited `waits` times already."""
    return WAITS[min(waits, len(WAITS) - 1)]
