"""Whether a delivery is Ferryman's: signed here by Ferryman's own code, forged in every way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.webhooks import signature_header
from ferryman_client import ProtocolError, Status, WebhookError, verify_webhook
from tests.support.deployments import event

SECRET, OTHER = "whsec_one", "whsec_two"
NOW = 1_800_000_000
BODY = json.dumps(event(4)).encode()


def headers(*secrets: str, body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    """Sign a delivery as deliver does."""
    return {
        "Ferryman-Delivery": "dlv_1",
        "Ferryman-Timestamp": str(at),
        "Ferryman-Signature": signature_header(secrets, timestamp_seconds=at, body=body),
    }


def test_a_delivery_of_ferryman_s_is_read() -> None:
    """Its name, and the event."""
    delivery = verify_webhook(SECRET, headers(SECRET), BODY, now=NOW)

    assert (delivery.delivery_id, delivery.name) == ("dlv_1", "payment_confirmed")
    assert delivery.event
    assert delivery.event.status is Status.CONFIRMED
    assert delivery.body == event(4)


def test_a_test_delivery_has_no_event() -> None:
    """It says only that it works."""
    body = b'{"event": "webhook_test", "webhook_id": "wh_1"}'

    delivery = verify_webhook(SECRET, headers(SECRET, body=body), body, now=NOW)

    assert (delivery.name, delivery.event) == ("webhook_test", None)


@pytest.mark.parametrize(
    ("signed_by", "known"),
    [
        ((SECRET, OTHER), SECRET),
        ((SECRET, OTHER), OTHER),
        ((OTHER,), [SECRET, OTHER]),
        ((SECRET,), (OTHER, SECRET)),
    ],
)
def test_during_a_rotation_either_secret_will_do(signed_by: tuple[str, ...], known: str | list[str]) -> None:
    """Whichever side changes first."""
    assert verify_webhook(known, headers(*signed_by), BODY, now=NOW)


def test_headers_are_found_in_any_case() -> None:
    """Frameworks differ."""
    shouted = {name.upper(): value for name, value in headers(SECRET).items()}

    assert verify_webhook(SECRET, shouted, BODY, now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_a_delivery_that_is_too_old_or_too_new_is_refused(seconds: int) -> None:
    """A copy that somebody sends again later."""
    with pytest.raises(WebhookError, match="seconds from now"):
        verify_webhook(SECRET, headers(SECRET), BODY, now=NOW + seconds)

    assert verify_webhook(SECRET, headers(SECRET), BODY, now=NOW + seconds, tolerance_seconds=86_400)


@pytest.mark.parametrize(
    "changes",
    [
        {"Ferryman-Signature": ""},
        {"Ferryman-Signature": "v1="},
        {"Ferryman-Signature": "v1=" + "0" * 64},
        {"Ferryman-Signature": "v0=" + signature_header([SECRET], timestamp_seconds=NOW, body=BODY)[3:]},
        {"Ferryman-Signature": "v1=é"},
        {"Ferryman-Timestamp": str(NOW + 1)},
        {"Ferryman-Timestamp": ""},
        {"Ferryman-Timestamp": "-1"},
        {"Ferryman-Timestamp": "now"},
        {"Ferryman-Timestamp": "\u0661"},
        {"Ferryman-Timestamp": "9" * 400},
    ],
)
def test_a_forged_header_is_refused(changes: dict[str, str]) -> None:
    """Neither left out, nor guessed, nor of another time."""
    with pytest.raises(WebhookError):
        verify_webhook(SECRET, headers(SECRET) | changes, BODY, now=NOW)


@pytest.mark.parametrize("secrets", [OTHER, "", [], [""], [SECRET, ""]])
def test_a_wrong_or_empty_secret_verifies_nothing(secrets: str | list[str]) -> None:
    """An empty one would be known to everybody."""
    signed = headers(SECRET, "")

    with pytest.raises(WebhookError):
        verify_webhook(secrets, signed, BODY, now=NOW)


@given(position=st.integers(0, len(BODY) - 1), change=st.integers(1, 255))
def test_a_body_with_one_changed_byte_is_refused(position: int, change: int) -> None:
    """Any byte, to any other."""
    changed = bytearray(BODY)
    changed[position] ^= change

    with pytest.raises(WebhookError):
        verify_webhook(SECRET, headers(SECRET), bytes(changed), now=NOW)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"\xff", b"[" * 100_000])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    """A wrong URL was registered, or the version is another."""
    with pytest.raises((WebhookError, ProtocolError)):
        verify_webhook(SECRET, headers(SECRET, body=body), body, now=NOW)
