"""Rows as acceptance makes them, for tests of what comes after."""

from collections.abc import Mapping
from typing import Any

from ferryman.domain.chain import ChainSettings
from ferryman.domain.events import Event, Step
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.domain.units import Instant
from ferryman.intents.payment import PAYMENT
from tests.support.payments import CHAIN_ID, NOW_SECONDS, chain_settings, signed_request

NOW = Instant(NOW_SECONDS * 1000)


def received_row(
    body: Mapping[str, Any] | None = None, *, settings: ChainSettings | None = None
) -> Transaction:
    """Give the row of a parsed payment before its first event."""
    settings = settings or chain_settings()
    intent = PAYMENT.parse(dict(body or signed_request()), {CHAIN_ID: settings})
    return Transaction(
        transaction_id=intent.transaction_id,
        kind=intent.kind,
        chain_id=intent.chain_id,
        sender=intent.sender,
        payload=intent.payload,
        priority=intent.priority,
        deadline_seconds=intent.deadline_seconds,
        received_at=NOW,
        status=Status.RECEIVED,
        version=0,
        due_at=Instant(NOW + 10_000),
    )


def accepted(row: Transaction) -> tuple[Transaction, Event]:
    """Take the step of acceptance."""
    return take_step(
        row, Step.ACCEPTED, name="payment_accepted", at=row.received_at, assured=True, accepted_block=90
    )


def accepted_row(body: Mapping[str, Any] | None = None) -> Transaction:
    """Give the row of an accepted payment."""
    return accepted(received_row(body))[0]
