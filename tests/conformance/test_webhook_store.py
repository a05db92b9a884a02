"""Webhooks over both kinds of tables: what the port promises."""

import pytest

from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.domain.errors import StaleRowError
from ferryman.domain.units import Address, Instant
from ferryman.domain.webhooks import LOG_SECONDS, Disabled, Outcome
from tests.support.rows import NOW
from tests.support.webhooks import WEBHOOK_ID, log_entry, webhook

OTHER_ID = "wh_000000000000000000000002"


def test_a_webhook_is_read_back_as_it_was(tables: Tables) -> None:
    """With every field set, and with as few as there can be."""
    store = DynamoWebhooks(tables)
    full = webhook(
        webhook_id=OTHER_ID,
        events=("payment_confirmed",),
        senders=(Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),),
        previous_secret=b"\x00old",
        previous_until=Instant(NOW + 1),
        failing_since=NOW,
        disabled=Disabled.FAILING,
        disabled_at=NOW,
    )
    store.put(webhook())
    store.put(full)

    assert store.get(WEBHOOK_ID) == webhook()
    assert store.get(OTHER_ID) == full
    assert store.all() == (webhook(), full)
    assert store.get("wh_unknown") is None


def test_a_rotation_keeps_the_secret_it_replaces(tables: Tables) -> None:
    """And of two rotations of the same secret the second is refused."""
    store = DynamoWebhooks(tables)
    store.put(webhook(secret=b"one"))

    store.rotate(WEBHOOK_ID, secret=b"two", replaces=b"one", until=Instant(NOW + 9))
    with pytest.raises(StaleRowError):
        store.rotate(WEBHOOK_ID, secret=b"three", replaces=b"one", until=Instant(NOW + 9))

    stored = store.get(WEBHOOK_ID)
    assert stored
    assert (stored.secret, stored.previous_secret, stored.previous_until) == (b"two", b"one", NOW + 9)


def test_a_webhook_fails_from_its_first_failure_until_it_recovers(tables: Tables) -> None:
    """A second failure does not begin anew."""
    store = DynamoWebhooks(tables)
    store.put(webhook())

    store.begin_failing(WEBHOOK_ID, now=NOW)
    store.begin_failing(WEBHOOK_ID, now=Instant(NOW + 5))
    failing = store.get(WEBHOOK_ID)
    store.recover(WEBHOOK_ID)

    assert failing == webhook(failing_since=NOW)
    assert store.get(WEBHOOK_ID) == webhook()


def test_a_webhook_is_disabled_once_and_enabled_again(tables: Tables) -> None:
    """The first reason stays."""
    store = DynamoWebhooks(tables)
    store.put(webhook(failing_since=NOW))

    changed = [store.disable(WEBHOOK_ID, reason, now=NOW) for reason in (Disabled.GONE, Disabled.FAILING)]
    disabled = store.get(WEBHOOK_ID)
    store.enable(WEBHOOK_ID)

    assert changed == [True, False]
    assert disabled == webhook(failing_since=NOW, disabled=Disabled.GONE, disabled_at=NOW)
    assert store.get(WEBHOOK_ID) == webhook()


def test_what_happens_to_a_removed_webhook_does_not_bring_it_back(tables: Tables) -> None:
    """A delivery may be on its way when its webhook is removed."""
    store = DynamoWebhooks(tables)
    store.put(webhook())
    store.remove(WEBHOOK_ID)
    store.remove(WEBHOOK_ID)

    store.begin_failing(WEBHOOK_ID, now=NOW)
    store.recover(WEBHOOK_ID)
    store.enable(WEBHOOK_ID)
    is_disabled = store.disable(WEBHOOK_ID, Disabled.GONE, now=NOW)
    with pytest.raises(StaleRowError):
        store.rotate(WEBHOOK_ID, secret=b"two", replaces=b"sealed", until=NOW)

    assert not is_disabled
    assert store.all() == ()


def test_the_log_gives_the_newest_deliveries_of_one_webhook(tables: Tables) -> None:
    """Each once, as it is now."""
    store = DynamoWebhooks(tables)
    for number in (1, 2, 3):
        store.log(log_entry(number))
    store.log(log_entry(4, webhook_id=OTHER_ID))
    retried = log_entry(2, attempts=2, outcome=Outcome.RETRYING, next_attempt_at=Instant(NOW + 99))
    store.log(retried)

    assert store.deliveries(WEBHOOK_ID, limit=2, now=NOW) == (log_entry(3), retried)
    assert store.deliveries(OTHER_ID, limit=9, now=NOW) == (log_entry(4, webhook_id=OTHER_ID),)


def test_an_expired_delivery_is_not_shown(tables: Tables) -> None:
    """DynamoDB may leave it for two days."""
    store = DynamoWebhooks(tables)
    store.log(log_entry(1))

    later = Instant(NOW + 2 + LOG_SECONDS * 1000)

    assert store.deliveries(WEBHOOK_ID, limit=9, now=later) == ()
