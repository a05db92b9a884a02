"""Webhooks and deliveries that are right in every way, for tests to change."""

from typing import Any, Final

from ferryman.domain.access import Caller, Role
from ferryman.domain.units import Instant
from ferryman.domain.webhooks import Delivery, DeliveryLog, Outcome, Webhook
from tests.support.rows import NOW

OWNER: Final = Caller(name="key:shop", role=Role.SERVICE)
OTHER: Final = Caller(name="key:other", role=Role.SERVICE)
ADMIN: Final = Caller(name="key:admin", role=Role.ADMIN)
READER: Final = Caller(name="key:reader", role=Role.READER)
WEBHOOK_ID: Final = "wh_000000000000000000000001"
URL: Final = "https://shop.example/hooks"


def webhook(**changes: Any) -> Webhook:  # noqa: ANN401 (any field)
    """Give a webhook that wants everything."""
    values: dict[str, Any] = {
        "webhook_id": WEBHOOK_ID,
        "owner": OWNER.name,
        "url": URL,
        "created_at": NOW,
        "secret": b"sealed",
    }
    return Webhook(**values | changes)


def delivery(**changes: Any) -> Delivery:  # noqa: ANN401 (any field)
    """Give a delivery that is due."""
    values: dict[str, Any] = {
        "webhook_id": WEBHOOK_ID,
        "delivery_id": "dlv_1",
        "event": "payment_confirmed",
        "transaction_id": "0x" + "6f" * 32,
        "body": '{"event": "payment_confirmed"}',
        "created_at": NOW,
        "due_at": NOW,
    }
    return Delivery(**values | changes)


def log_entry(number: int = 1, **changes: Any) -> DeliveryLog:  # noqa: ANN401 (any field)
    """Give the log of a delivery; a higher number is later."""
    values: dict[str, Any] = {
        "webhook_id": WEBHOOK_ID,
        "delivery_id": f"dlv_{number}",
        "event": "payment_confirmed",
        "transaction_id": None,
        "created_at": Instant(NOW + number),
        "attempts": 1,
        "outcome": Outcome.DELIVERED,
        "answer": "status 200",
        "attempted_at": Instant(NOW + number),
        "took_ms": 5,
    }
    return DeliveryLog(**values | changes)
