"""Webhooks: what they want, how long they are tried, and how a delivery is signed."""

import hashlib
import hmac
from dataclasses import replace

import pytest

from ferryman.domain.units import Address, Instant
from ferryman.domain.webhooks import (
    PAUSES_SECONDS,
    Disabled,
    delivery_id_of,
    pause_milliseconds,
    signature_header,
)
from tests.support.rows import NOW, accepted, received_row
from tests.support.webhooks import webhook

EVENT = accepted(received_row())[1]


def test_a_webhook_that_names_nothing_wants_everything() -> None:
    """An empty filter is no filter."""
    assert webhook().wants(EVENT)


@pytest.mark.parametrize(
    ("changes", "is_wanted"),
    [
        ({"events": ("payment_accepted", "payment_failed")}, True),
        ({"events": ("payment_failed",)}, False),
        ({"senders": (EVENT.sender,)}, True),
        ({"senders": (Address("0x90F79bf6EB2c4f870365E785982E1f101E93b906"),)}, False),
        ({"events": ("payment_accepted",), "senders": (EVENT.sender,)}, True),
        ({"disabled": Disabled.GONE}, False),
    ],
)
def test_a_webhook_wants_what_its_filters_name(changes: dict[str, object], *, is_wanted: bool) -> None:
    """Both filters have to agree, and a disabled one wants nothing."""
    assert webhook(**changes).wants(EVENT) is is_wanted


def test_attempts_are_further_and_further_apart_and_end_within_a_day() -> None:
    """Eight attempts; after the last there is no pause."""
    pauses = [pause_milliseconds(attempt) for attempt in range(1, len(PAUSES_SECONDS) + 2)]

    given = [pause for pause in pauses if pause is not None]
    assert pauses[-1] is None
    assert given == sorted(given)
    assert given[0] == 10_000
    assert sum(given) <= 24 * 60 * 60 * 1000


def test_after_a_rotation_both_secrets_sign_until_the_old_one_is_over() -> None:
    """The newest first."""
    rotated = webhook(secret=b"new", previous_secret=b"old", previous_until=Instant(NOW + 10))

    assert rotated.sealed_secrets(NOW) == (b"new", b"old")
    assert rotated.sealed_secrets(Instant(NOW + 10)) == (b"new",)
    assert webhook(secret=b"only").sealed_secrets(NOW) == (b"only",)


def test_the_signature_is_the_hmac_of_timestamp_and_body_under_each_secret() -> None:
    """So a receiver with either secret can check it."""
    header = signature_header(["one", "two"], timestamp_seconds=1_800_000_000, body=b'{"a": 1}')

    expected = [
        hmac.new(secret, b'1800000000.{"a": 1}', hashlib.sha256).hexdigest() for secret in (b"one", b"two")
    ]
    assert header == f"v1={expected[0]},v1={expected[1]}"


def test_a_delivery_is_named_after_its_event_and_its_webhook() -> None:
    """The stream may give an event twice; another event or webhook is another delivery."""
    name = delivery_id_of("wh_1", EVENT)

    assert name == delivery_id_of("wh_1", replace(EVENT, at=Instant(0)))
    assert name != delivery_id_of("wh_2", EVENT)
    assert name != delivery_id_of("wh_1", replace(EVENT, sequence=2))
