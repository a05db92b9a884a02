"""Receiving webhooks: whether a delivery is Ferryman's, and what it says."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman_client.errors import WebhookError
from ferryman_client.models import Event

TEST_EVENT: Final = "webhook_test"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """A delivery that is Ferryman's."""

    delivery_id: str
    """The same whenever this delivery is repeated: keep it, and do nothing the second time."""
    name: str
    """Of the event."""
    event: Event | None
    """None of a test."""
    body: Mapping[str, Any]


def verify_webhook(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_seconds: float = 300,
    now: float | None = None,
) -> WebhookDelivery:
    """Check a delivery and read it.

    Args:
        secrets: the webhook's secret; during a rotation the new one and the old one.
        headers: of the request, in any case.
        body: of the request, exactly as it came: not parsed and written again.
        tolerance_seconds: how far the delivery's time may be from now; a copy sent later is refused.
        now: Unix time in seconds, for tests.

    Raises:
        WebhookError: it is forged, too old, or no delivery at all. Answer 400, and do nothing.

    """
    known = {name.lower(): value for name, value in headers.items()}
    timestamp = known.get("ferryman-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise WebhookError("there is no Ferryman-Timestamp")
    _check_signature(
        (secrets,) if isinstance(secrets, str) else tuple(secrets),
        known.get("ferryman-signature", ""),
        timestamp.encode() + b"." + body,
    )
    # After the signature: only then it is Ferryman's time.
    if abs((time.time() if now is None else now) - int(timestamp)) > tolerance_seconds:
        raise WebhookError(f"the delivery was signed more than {tolerance_seconds} seconds from now")
    return _delivery(known.get("ferryman-delivery", ""), body)


def _check_signature(secrets: tuple[str, ...], header: str, message: bytes) -> None:
    """Compare every given signature with every secret's, each in constant time."""
    if not all(secrets) or not secrets:
        raise WebhookError("there is no secret to check with")
    given = [part.strip().removeprefix("v1=") for part in header.split(",") if part.strip().startswith("v1=")]
    expected = [hmac.new(secret.encode(), message, hashlib.sha256).hexdigest() for secret in secrets]
    # A list, not a generator: no early end that tells by its time which of them matched.
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in expected]
    if not any(matches):
        raise WebhookError("no Ferryman-Signature is by one of the secrets")


def _delivery(delivery_id: str, body: bytes) -> WebhookDelivery:
    try:
        parsed = json.loads(body)
        name = str(parsed["event"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise WebhookError("the body is no event") from error
    event = None if name == TEST_EVENT else Event.of(parsed)
    return WebhookDelivery(delivery_id=delivery_id, name=name, event=event, body=parsed)
