"""What the API answers, typed. A field that a later version adds is in `raw`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from ferryman_client.errors import ConfigurationError, ProtocolError

Json = Mapping[str, Any]


class Status(StrEnum):
    """The states of a transaction, in the order it goes through them."""

    RECEIVED = "RECEIVED"
    """Stored; the chain could not be read, so nothing is assured yet."""
    VALIDATED = "VALIDATED"
    """The funds are reserved: the payee can rely on it, if the record says `assured`."""
    PENDING = "PENDING"
    """A relayer wallet's nonce is bound to it."""
    CONFIRMED = "CONFIRMED"
    """Mined with success, deep enough."""
    FAILED = "FAILED"
    """Over, with a reason."""

    @property
    def is_over(self) -> bool:
        """Whether nothing comes after it."""
        return self in {Status.CONFIRMED, Status.FAILED}

    def has_reached(self, other: "Status") -> bool:
        """Whether a transaction with this status has been as far as `other`; FAILED has only failed."""
        if Status.FAILED in {self, other}:
            return self is other
        ranks = list(Status)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One set of signed bytes; several may share a transaction's nonce, and at most one is mined."""

    hash: str
    max_fee_per_gas: int
    """In wei per gas; of a legacy transaction, both fees are its gas price."""
    max_priority_fee_per_gas: int
    purpose: str
    """`call`, or `fill`: that only uses the nonce up."""
    signed_at: datetime
    mined: bool

    @classmethod
    def of(cls, raw: Json) -> Self:
        """Read an attempt of a record."""
        return cls(
            hash=str(raw["hash"]),
            max_fee_per_gas=int(raw["max_fee_per_gas"]),
            max_priority_fee_per_gas=int(raw["max_priority_fee_per_gas"]),
            purpose=str(raw["purpose"]),
            signed_at=datetime.fromisoformat(raw["signed_at"]),
            mined=bool(raw["mined"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A transaction as it is now."""

    transaction_id: str
    kind: str
    chain_id: int
    sender: str
    status: Status
    assured: bool
    intent: Json
    """The signed message, without its signature."""
    received_at: datetime
    sequence: int
    """Of the newest event."""
    hash: str | None
    attempts: tuple[Attempt, ...]
    """What was signed for it, oldest first; empty in lists, which do not tell."""
    block_number: int | None
    confirmations: int
    gas_used: int | None
    reason: str | None
    """Why it FAILED."""
    waiting_for: str | None
    raw: Json = field(repr=False)
    """The whole answer."""

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read a record.

        Raises:
            ProtocolError: it is none.

        """
        with _Reading("record"):
            raw = _object(answer)
            return cls(
                transaction_id=str(raw["transaction_id"]),
                kind=str(raw["kind"]),
                chain_id=int(raw["chain_id"]),
                sender=str(raw["sender"]),
                status=Status(raw["status"]),
                assured=bool(raw["assured"]),
                intent=_object(raw["intent"]),
                received_at=datetime.fromisoformat(raw["received_at"]),
                sequence=int(raw["sequence"]),
                hash=raw.get("hash"),
                attempts=tuple(Attempt.of(attempt) for attempt in raw.get("attempts") or ()),
                block_number=raw.get("block_number"),
                confirmations=int(raw.get("confirmations") or 0),
                gas_used=raw.get("gas_used"),
                reason=raw.get("reason"),
                waiting_for=raw.get("waiting_for"),
                raw=raw,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of a transaction: numbered without gaps from 1."""

    name: str
    """`payment_confirmed`, for example."""
    transaction_id: str
    sequence: int
    status: Status
    """The transaction's status after the step."""
    at: datetime
    data: Json

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read an event.

        Raises:
            ProtocolError: it is none.

        """
        with _Reading("event"):
            raw = _object(answer)
            return cls(
                name=str(raw["event"]),
                transaction_id=str(raw["transaction_id"]),
                sequence=int(raw["sequence"]),
                status=Status(raw["status"]),
                at=datetime.fromisoformat(raw["at"]),
                data=_object(raw.get("data") or {}),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list, newest first."""

    records: tuple[Record, ...]
    next_cursor: str | None
    """Gives the next page; None after the last."""

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read a page.

        Raises:
            ProtocolError: it is none.

        """
        with _Reading("page"):
            raw = _object(answer)
            return cls(records=tuple(map(Record.of, raw["transactions"])), next_cursor=raw["next_cursor"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A chain that the deployment serves."""

    chain_id: int
    escrow: str
    tokens: tuple[str, ...]
    block_time_ms: int
    required_confirmations: int
    shortest_deadline_seconds: int
    """From now; the deployment refuses nearer ones."""
    longest_deadline_seconds: int
    """From now; the deployment refuses later ones."""
    intents: Mapping[str, Json]
    """By kind: `path`, and the EIP-712 `domain`, `types` and `primary_type`."""

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read a chain.

        Raises:
            ProtocolError: it is none.

        """
        with _Reading("chain"):
            raw = _object(answer)
            return cls(
                chain_id=int(raw["chain_id"]),
                escrow=str(raw["escrow"]),
                tokens=tuple(raw["tokens"]),
                block_time_ms=int(raw["block_time_ms"]),
                required_confirmations=int(raw["required_confirmations"]),
                shortest_deadline_seconds=int(raw["shortest_deadline_seconds"]),
                longest_deadline_seconds=int(raw["longest_deadline_seconds"]),
                intents=_object(raw["intents"]),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a deployment offers."""

    websocket_url: str
    chains: tuple[Chain, ...]

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read an offer.

        Raises:
            ProtocolError: it is none.

        """
        with _Reading("deployment"):
            raw = _object(answer)
            return cls(websocket_url=str(raw["websocket_url"]), chains=tuple(map(Chain.of, raw["chains"])))

    def chain(self, chain_id: int | None) -> Chain:
        """Find a chain; None means the only one there is.

        Raises:
            ConfigurationError: it is not served, or there are several to choose from.

        """
        found = [one for one in self.chains if chain_id in {None, one.chain_id}]
        if len(found) != 1:
            served = ", ".join(str(one.chain_id) for one in self.chains)
            raise ConfigurationError(f"choose chain_id among those this deployment serves: {served}")
        return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What a payment has to pay, if it is sent in time."""

    fee: int
    """Token units."""
    expires_at: datetime | None
    raw: Json = field(repr=False)
    """The whole answer, with the breakdown."""

    @classmethod
    def of(cls, answer: object) -> Self:
        """Read a quote.

        Raises:
            ProtocolError: it is none.

        """
        with _Reading("quote"):
            raw = _object(answer)
            until = raw.get("expires_at")
            return cls(
                fee=int(raw["fee"]), expires_at=datetime.fromisoformat(until) if until else None, raw=raw
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPayment:
    """A payment that is signed and may be sent, again and again: it is paid at most once.

    Keep it before sending it, and a crash in between is harmless.
    """

    body: Json
    """What is posted."""


class _Reading:
    """Turns whatever is wrong with an answer into a ProtocolError that names what was read."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Translate."""
        if isinstance(error, _MALFORMED):
            raise ProtocolError(f"the answer is no {self._what} of Ferryman's: {error!r}") from error


_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError)


def _object(value: object) -> Json:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} instead of an object")
    return value
