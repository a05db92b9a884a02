"""Events: the audit log of a transaction and the source of everything we tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ferryman.domain.units import Address, ChainId, CorrelationId, Instant, TransactionId


class Step(StrEnum):
    """What can happen to a transaction. The table of steps is in `domain.transaction`."""

    RECEIVED = "received"
    """Stored while the chain could not be read."""
    ACCEPTED = "accepted"
    """Stored with its funds reserved."""
    VALIDATED = "validated"
    """Funds reserved after it had been stored without."""
    BOUND = "bound"
    """A wallet nonce is bound to it."""
    INCLUDED = "included"
    """Mined, not yet deep enough."""
    REORGED = "reorged"
    """The block that held it is gone from the chain."""
    REOPENED = "reopened"
    """It was over, and the block that this rested on is gone from the chain."""
    CONFIRMED = "confirmed"
    FAILED = "failed"
    RETURNED = "returned"
    """It has lost its nonce uncarried, as when its batch left it out, and gets another."""
    RECOVERED = "recovered"
    """Found carried out on the chain, by a transaction that the tables had forgotten."""
    RETRIED = "retried"
    """An operator brought it back after it had failed; its funds are reserved anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of one transaction: immutable, numbered without gaps from 1.

    What an event repeats of its row spares whoever tells or counts it the reading of the row.
    """

    transaction_id: TransactionId
    sequence: int
    step: Step
    name: str
    """The public name, such as `payment_confirmed`."""
    status: str
    """The transaction's status after the step."""
    at: Instant
    kind: str
    chain_id: ChainId
    sender: Address
    reached: Mapping[str, Instant]
    """When each step was last taken, this one included."""
    facts: Mapping[str, object]
    """The fields of the row that this event changed."""
    correlation_id: CorrelationId | None = None
