"""Webhooks as their owners see them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.domain.access import ANONYMOUS, Caller
from ferryman.domain.errors import InvalidFieldsError, NotAllowedError, NotFoundError, StaleRowError
from ferryman.domain.units import Address, Instant
from ferryman.domain.webhooks import OVERLAP_MS, Disabled
from ferryman.intents import KINDS
from ferryman.intents.fields import validated
from ferryman.intents.registration import WebhookRegistration
from ferryman.services.webhooks import MOST_WEBHOOKS, Webhooks
from tests.fakes.clock import FakeClock
from tests.fakes.tables import MemoryTables
from tests.fakes.webhooks import FakeDeliveryQueue, FakeReceivers, FakeSecretBox
from tests.support.webhooks import ADMIN, OTHER, OWNER, READER, URL, log_entry


class Keeping:
    """The service over fakes."""

    def __init__(self) -> None:
        self.tables, self.box, self.queue = MemoryTables(), FakeSecretBox(), FakeDeliveryQueue()
        self.receivers, self.clock = FakeReceivers(), FakeClock()
        self.store = DynamoWebhooks(self.tables)
        self.service = Webhooks(
            kinds=KINDS,
            store=self.store,
            box=self.box,
            receivers=self.receivers,
            queue=self.queue,
            clock=self.clock,
        )

    def registered(self, caller: Caller = OWNER, **body: Any) -> dict[str, Any]:  # noqa: ANN401 (fields)
        """Register a webhook."""
        request = validated(WebhookRegistration, {"url": URL} | body)
        return self.service.register(caller, request)


def test_a_registered_webhook_is_shown_with_its_secret_once() -> None:
    """Later answers, lists and the table have it no more, or only encrypted."""
    world = Keeping()

    made = world.registered(events=["payment_confirmed"], senders=["0x" + "14" * 20])

    secret = made.pop("secret")
    shown = world.service.show(OWNER, made["webhook_id"])
    assert secret.startswith("whsec_")
    assert len(secret) > 40
    assert shown == made | {"deliveries": []}
    assert made["status"] == "enabled"
    assert made["events"] == ["payment_confirmed"]
    assert made["senders"] == [str(Address("0x1414141414141414141414141414141414141414"))]
    assert secret not in json.dumps([shown, world.service.page(OWNER)])
    assert secret not in str(world.tables.items)


def test_the_stored_secret_opens_for_its_own_webhook_only() -> None:
    """A row copied over another's signs nothing."""
    world = Keeping()
    made = world.registered()

    stored = world.store.get(made["webhook_id"])

    assert stored
    assert world.box.unseal(stored.secret, webhook_id=made["webhook_id"]) == made["secret"]


@pytest.mark.parametrize("caller", [ANONYMOUS, READER, Caller(name="address:0x1", address=Address("0x1"))])
def test_whoever_has_no_service_key_may_do_nothing_here(caller: Caller) -> None:
    """Neither register nor look."""
    world = Keeping()
    webhook_id = world.registered()["webhook_id"]
    attempts: list[Callable[[], object]] = [
        lambda: world.registered(caller),
        lambda: world.service.page(caller),
        lambda: world.service.show(caller, webhook_id),
        lambda: world.service.rotate(caller, webhook_id),
        lambda: world.service.enable(caller, webhook_id),
        lambda: world.service.test(caller, webhook_id),
        lambda: world.service.remove(caller, webhook_id),
    ]

    for attempt in attempts:
        with pytest.raises(NotAllowedError):
            attempt()

    assert len(world.store.all()) == 1


def test_another_key_s_webhook_does_not_exist_for_a_caller() -> None:
    """404, as for one that was never there; an admin's key sees all."""
    world = Keeping()
    webhook_id = world.registered()["webhook_id"]
    for attempt in (
        world.service.show,
        world.service.rotate,
        world.service.enable,
        world.service.test,
        world.service.remove,
    ):
        with pytest.raises(NotFoundError):
            attempt(OTHER, webhook_id)
        with pytest.raises(NotFoundError):
            attempt(OWNER, "wh_unknown")

    assert world.service.page(OTHER) == {"webhooks": []}
    assert world.service.show(ADMIN, webhook_id)["webhook_id"] == webhook_id
    assert len(world.service.page(ADMIN)["webhooks"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": None}, "url"),
        ({"url": 1}, "url"),
        ({"url": ""}, "url"),
        ({"events": "payment_confirmed"}, "events"),
        ({"events": ["Payment Confirmed"]}, "events.0"),
        ({"events": ["payment_confirmd"]}, "events"),
        ({"senders": ["0x1"]}, "senders.0"),
        ({"senders": ["0x" + "14" * 20] * 101}, "senders"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_a_bad_registration_names_the_field(body: dict[str, Any], field: str) -> None:
    """And leaves nothing behind."""
    world = Keeping()

    with pytest.raises(InvalidFieldsError) as refused:
        world.registered(**body)

    assert refused.value.problems[0].field == field
    assert world.store.all() == ()


def test_a_url_that_may_not_be_posted_to_is_refused_with_the_reason() -> None:
    """At once, not at the first delivery."""
    world = Keeping()
    world.receivers.refused[URL] = "must name a host with none but public addresses"

    with pytest.raises(InvalidFieldsError) as refused:
        world.registered()

    (problem,) = refused.value.problems
    assert (problem.field, problem.reason) == ("url", "must name a host with none but public addresses")


def test_everything_that_is_wrong_with_a_registration_is_told_at_once() -> None:
    """Nobody should have to mend one field to hear of the next."""
    world = Keeping()
    world.receivers.refused[URL] = "must name a host with none but public addresses"

    with pytest.raises(InvalidFieldsError) as refused:
        world.registered(events=["payment_confirmd", "payment_lost"])

    assert [problem.field for problem in refused.value.problems] == ["url", "events", "events"]


def test_a_key_may_have_so_many_webhooks_and_no_more() -> None:
    """Another key's do not count."""
    world = Keeping()
    for _ in range(MOST_WEBHOOKS):
        world.registered()

    with pytest.raises(InvalidFieldsError, match="too many"):
        world.registered()

    assert world.registered(OTHER)["webhook_id"]


def test_a_rotation_gives_a_new_secret_and_keeps_the_old_one_for_a_day() -> None:
    """So that receivers can be changed one after the other."""
    world = Keeping()
    made = world.registered()

    rotated = world.service.rotate(OWNER, made["webhook_id"])

    stored = world.store.get(made["webhook_id"])
    assert stored
    opened = [
        world.box.unseal(sealed, webhook_id=stored.webhook_id)
        for sealed in stored.sealed_secrets(world.clock.now())
    ]
    assert opened == [rotated["secret"], made["secret"]]
    assert stored.previous_until == world.clock.now() + OVERLAP_MS
    assert rotated["previous_secret_until"] is not None


def test_a_second_rotation_within_the_overlap_ends_the_first_secret() -> None:
    """Two sign at a time: who rotates twice means the oldest to be over."""
    world = Keeping()
    made = world.registered()
    first = world.service.rotate(OWNER, made["webhook_id"])["secret"]

    second = world.service.rotate(OWNER, made["webhook_id"])["secret"]

    stored = world.store.get(made["webhook_id"])
    assert stored
    opened = [
        world.box.unseal(sealed, webhook_id=stored.webhook_id)
        for sealed in stored.sealed_secrets(world.clock.now())
    ]
    assert opened == [second, first]


def test_a_rotation_that_another_overtook_changes_nothing() -> None:
    """Two secrets were shown, and only the stored one signs: the loser is told so."""
    world = Keeping()
    made = world.registered()
    webhook_id = made["webhook_id"]

    class Overtaken(DynamoWebhooks):
        def rotate(self, webhook_id: str, *, secret: bytes, replaces: bytes, until: Instant) -> None:
            raise StaleRowError(f"{webhook_id} {secret!r} {replaces!r} {until}")

    overtaken = Webhooks(
        kinds=KINDS,
        store=Overtaken(world.tables),
        box=world.box,
        receivers=world.receivers,
        queue=world.queue,
        clock=world.clock,
    )

    with pytest.raises(InvalidFieldsError):
        overtaken.rotate(OWNER, webhook_id)


def test_a_test_is_queued_as_any_delivery_and_named_so() -> None:
    """It says what it is, and of which webhook."""
    world = Keeping()
    webhook_id = world.registered()["webhook_id"]

    queued = world.service.test(OWNER, webhook_id)

    (delivery,) = world.queue.waiting
    assert delivery.delivery_id == queued["delivery_id"]
    assert (delivery.event, delivery.transaction_id) == ("webhook_test", None)
    assert json.loads(delivery.body)["webhook_id"] == webhook_id


def test_a_disabled_webhook_is_enabled_again_and_begins_anew() -> None:
    """Its failures are forgotten; until then it cannot be tested."""
    world = Keeping()
    webhook_id = world.registered()["webhook_id"]
    world.store.begin_failing(webhook_id, now=world.clock.now())
    world.store.disable(webhook_id, Disabled.FAILING, now=world.clock.now())
    disabled = world.service.show(OWNER, webhook_id)
    with pytest.raises(InvalidFieldsError, match="disabled"):
        world.service.test(OWNER, webhook_id)

    enabled = world.service.enable(OWNER, webhook_id)

    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "failing")
    assert disabled["failing_since"]
    assert enabled["status"] == "enabled"
    assert enabled["failing_since"] is enabled["disabled_reason"] is enabled["disabled_at"] is None


def test_a_webhook_is_shown_with_its_newest_deliveries() -> None:
    """The delivery log: what was sent when, and what came back."""
    world = Keeping()
    webhook_id = world.registered()["webhook_id"]
    for number in (1, 2):
        world.store.log(log_entry(number, webhook_id=webhook_id))

    deliveries = world.service.show(OWNER, webhook_id)["deliveries"]

    assert [one["delivery_id"] for one in deliveries] == ["dlv_2", "dlv_1"]
    assert deliveries[0]["outcome"] == "delivered"
    assert deliveries[0]["answer"] == "status 200"


def test_a_removed_webhook_is_gone() -> None:
    """For its owner too."""
    world = Keeping()
    webhook_id = world.registered()["webhook_id"]

    world.service.remove(OWNER, webhook_id)

    assert world.service.page(OWNER) == {"webhooks": []}
    with pytest.raises(NotFoundError):
        world.service.show(OWNER, webhook_id)
