"""Webhooks: who wants to be told where, and how a delivery is signed and repeated."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ferryman.domain.events import Event
from ferryman.domain.units import Address, Instant, TransactionId

PAUSES_SECONDS: Final = (10, 60, 300, 1_800, 7_200, 21_600, 43_200)
"""Between one attempt and the next: eight attempts in about twenty hours."""
OVERLAP_MS: Final = 24 * 60 * 60 * 1000
"""How long the old secret still signs after a rotation."""
PATIENCE_MS: Final = 3 * 24 * 60 * 60 * 1000
"""A webhook that has only failed for so long is disabled."""
LOG_SECONDS: Final = 7 * 24 * 60 * 60
"""How long the log of a delivery is kept."""
TEST_EVENT: Final = "webhook_test"


class Disabled(StrEnum):
    """Why nothing is delivered to a webhook."""

    GONE = "gone"
    """Its server answered 410."""
    FAILING = "failing"
    """Nothing was taken for `PATIENCE_MS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL that wants to be told."""

    webhook_id: str
    owner: str
    """`Caller.name` of the API key that registered it."""
    url: str
    events: tuple[str, ...] = ()
    """Names of the events it wants; none means all."""
    senders: tuple[Address, ...] = ()
    """Whose transactions it wants; none means everybody's."""
    created_at: Instant
    secret: bytes
    """Encrypted."""
    previous_secret: bytes | None = None
    """Encrypted; signs too, until `previous_until`."""
    previous_until: Instant | None = None
    failing_since: Instant | None = None
    """The first of its failures since anything was last taken."""
    disabled: Disabled | None = None
    disabled_at: Instant | None = None

    def wants(self, event: Event) -> bool:
        """Whether an event is to be delivered."""
        return (
            self.disabled is None
            and (not self.events or event.name in self.events)
            and (not self.senders or event.sender in self.senders)
        )

    def sealed_secrets(self, now: Instant) -> tuple[bytes, ...]:
        """The secrets that sign now, the newest first."""
        overlaps = self.previous_until is not None and now < self.previous_until
        return (self.secret, self.previous_secret) if overlaps and self.previous_secret else (self.secret,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one webhook."""

    webhook_id: str
    delivery_id: str
    """The same at every attempt, so that a receiver can tell a repetition."""
    event: str
    transaction_id: TransactionId | None
    """None of a test."""
    body: str
    """What is posted: exactly the same at every attempt."""
    created_at: Instant
    """When the event was, or the test was asked for."""
    attempt: int = 1
    """The number of the next attempt."""
    due_at: Instant


class Outcome(StrEnum):
    """What has become of a delivery."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"
    """The webhook was disabled before it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLog:
    """What is remembered of a delivery: the newest attempt and the outcome so far."""

    webhook_id: str
    delivery_id: str
    event: str
    transaction_id: TransactionId | None
    created_at: Instant
    attempts: int
    outcome: Outcome
    answer: str
    """`status 200`, or what went wrong instead of an answer."""
    attempted_at: Instant
    took_ms: int
    next_attempt_at: Instant | None = None


def delivery_id_of(webhook_id: str, event: Event) -> str:
    """Name the delivery of an event: the stream may give the event twice, and it is the same delivery."""
    text = f"{webhook_id}:{event.transaction_id}:{event.sequence}"
    return "dlv_" + hashlib.sha256(text.encode()).hexdigest()[:32]


def pause_milliseconds(attempt: int) -> int | None:
    """How long to wait after an attempt that failed; None if it was the last."""
    return PAUSES_SECONDS[attempt - 1] * 1000 if attempt <= len(PAUSES_SECONDS) else None


def signature_header(secrets: Iterable[str], *, timestamp_seconds: int, body: bytes) -> str:
    """Write `Ferryman-Signature`: HMAC-SHA256 of `<timestamp>.<body>` under each secret that is valid."""
    message = f"{timestamp_seconds}.".encode() + body
    return ",".join(
        f"v1={hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()}" for secret in secrets
    )
