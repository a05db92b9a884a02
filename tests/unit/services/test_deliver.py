"""Delivering: posted, signed, tried again, and given up in the end."""

from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import Instant, Milliseconds
from ferryman.domain.webhooks import (
    PATIENCE_MS,
    PAUSES_SECONDS,
    DeliveryLog,
    Disabled,
    Outcome,
    Webhook,
    signature_header,
)
from ferryman.services.deliver import Deliver
from tests.fakes.clock import FakeClock
from tests.fakes.metrics import FakeMetrics
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeLog
from tests.fakes.webhooks import FakeDeliveryQueue, FakeReceivers, FakeSecretBox
from tests.support.away import AwayTables
from tests.support.webhooks import URL, WEBHOOK_ID, delivery, webhook

SECRET = "whsec_one"  # noqa: S105 (a test's)
OLD_SECRET = "whsec_old"  # noqa: S105 (a test's)


class Delivering:
    """The service over fakes."""

    def __init__(self, **changes: Any) -> None:  # noqa: ANN401 (fields of the webhook)
        self.box, self.queue, self.receivers = FakeSecretBox(), FakeDeliveryQueue(), FakeReceivers()
        self.clock, self.metrics, self.log = FakeClock(), FakeMetrics(), FakeLog()
        self.tables = MemoryTables()
        self.store = DynamoWebhooks(self.tables)
        secret = self.box.seal(SECRET, webhook_id=WEBHOOK_ID)
        self.store.put(webhook(secret=secret, **changes))
        self.deliver = self.over(self.store)

    def over(self, store: DynamoWebhooks) -> Deliver:
        """Give the service over some store."""
        return Deliver(
            store=store,
            box=self.box,
            receivers=self.receivers,
            queue=self.queue,
            clock=self.clock,
            log=self.log,
            metrics=self.metrics,
        )

    @property
    def webhook(self) -> Webhook:
        """The webhook as it is stored."""
        stored = self.store.get(WEBHOOK_ID)
        assert stored
        return stored

    def run(self, *changes: Any) -> list[str]:  # noqa: ANN401 (a delivery)
        """Deliver what is given, or the one delivery there is."""
        return self.deliver({f"m{number}": one for number, one in enumerate(changes or (delivery(),))})

    def outcomes(self) -> list[tuple[str, int, str]]:
        """What the log says: outcome, attempts and answer, the newest delivery first."""
        entries = self.store.deliveries(WEBHOOK_ID, limit=10, now=self.clock.now())
        return [(entry.outcome.value, entry.attempts, entry.answer) for entry in entries]

    def counted(self) -> list[Metric]:
        """The metrics that were added."""
        return [metric for metric, _, _ in self.metrics.added]


def test_a_delivery_is_posted_signed_and_logged() -> None:
    """The receiver can tell who sent it, when, and whether it has come before."""
    world = Delivering()

    unsettled = world.run()

    ((url, headers, body),) = world.receivers.posts
    seconds = world.clock.now() // 1000
    assert unsettled == []
    assert (url, body) == (URL, delivery().body.encode())
    assert headers["Ferryman-Timestamp"] == str(seconds)
    assert headers["Ferryman-Signature"] == signature_header([SECRET], timestamp_seconds=seconds, body=body)
    assert headers["Ferryman-Delivery"] == "dlv_1"
    assert headers["Content-Type"] == "application/json"
    assert world.outcomes() == [("delivered", 1, "status 204")]
    assert world.counted() == [Metric.WEBHOOK_DELIVERED, Metric.WEBHOOK_LATENCY]


def test_what_is_not_taken_comes_again_after_the_pause_with_the_same_name_and_body() -> None:
    """Twice refused, then taken; the webhook is marked failing in between."""
    world = Delivering()
    world.receivers.answers = [500, None]

    world.run()
    (second,) = world.queue.take().values()
    world.clock.sleep(Milliseconds(second.due_at - world.clock.now()))
    world.run(second)
    failing_since = world.webhook.failing_since
    (third,) = world.queue.take().values()
    world.clock.sleep(Milliseconds(third.due_at - world.clock.now()))
    world.run(third)

    assert [second.attempt, third.attempt] == [2, 3]
    assert third.due_at - second.due_at == PAUSES_SECONDS[1] * 1000
    assert {(headers["Ferryman-Delivery"], body) for _, headers, body in world.receivers.posts} == {
        ("dlv_1", delivery().body.encode())
    }
    assert len({headers["Ferryman-Timestamp"] for _, headers, _ in world.receivers.posts}) == 3
    assert world.outcomes() == [("delivered", 3, "status 204")]
    assert failing_since is not None
    assert world.webhook.failing_since is None
    assert world.counted().count(Metric.WEBHOOK_FAILED) == 2


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 429, 500, 503, None])
def test_everything_but_2xx_and_410_is_tried_again(status: int | None) -> None:
    """A redirect is an answer like any other: it is not followed."""
    world = Delivering()
    world.receivers.answers = [status]

    world.run()

    assert len(world.receivers.posts) == 1
    assert [one.attempt for one in world.queue.waiting] == [2]
    ((outcome, attempts, _),) = world.outcomes()
    assert (outcome, attempts) == ("retrying", 1)


def test_after_the_last_attempt_it_is_set_aside_for_an_operator() -> None:
    """Nothing waits any more, and the log says so."""
    world = Delivering()
    world.receivers.answers = [500]
    last = delivery(attempt=len(PAUSES_SECONDS) + 1)

    world.run(last)

    assert world.queue.given_up == [last]
    assert not world.queue.waiting
    assert world.outcomes() == [("given_up", 8, "status 500")]
    assert Metric.WEBHOOK_GIVEN_UP in world.counted()


def test_a_receiver_that_answers_410_is_told_nothing_more() -> None:
    """Gone: the webhook is disabled, and what is on its way is dropped."""
    world = Delivering()
    world.receivers.answers = [410]

    world.run(delivery(delivery_id="dlv_1"))
    world.run(delivery(delivery_id="dlv_2", created_at=Instant(delivery().created_at + 1)))

    assert len(world.receivers.posts) == 1
    assert (world.webhook.disabled, world.webhook.disabled_at) == (Disabled.GONE, world.clock.now())
    assert [outcome for outcome, _, _ in world.outcomes()] == ["dropped", "given_up"]
    assert world.metrics.added[-1] == (Metric.WEBHOOK_DISABLED, 1, {"reason": "gone"})


def test_a_webhook_that_only_failed_for_days_is_disabled() -> None:
    """Three days after the first failure; a success in between would have begun anew."""
    world = Delivering()
    world.receivers.answers = [500, 500, 500]

    world.run(delivery(delivery_id="dlv_1"))
    world.clock.sleep(Milliseconds(PATIENCE_MS))
    world.run(delivery(delivery_id="dlv_2"))
    still_enabled = world.webhook.disabled is None
    world.clock.sleep(Milliseconds(1))
    world.run(delivery(delivery_id="dlv_3"))

    assert still_enabled
    assert world.webhook.disabled is Disabled.FAILING


def test_what_is_handed_out_too_early_waits_on_and_is_no_attempt() -> None:
    """SQS holds a message back for a quarter of an hour at most."""
    world = Delivering()
    later = delivery(attempt=5, due_at=Instant(world.clock.now() + 7_200_000))

    world.run(later)

    assert world.queue.waiting == [later]
    assert not world.receivers.posts
    assert world.outcomes() == []


def test_what_is_for_a_webhook_that_was_removed_is_dropped() -> None:
    """There is nobody to tell, and no log to write it in."""
    world = Delivering()
    world.store.remove(WEBHOOK_ID)

    unsettled = world.run()

    assert unsettled == []
    assert not world.receivers.posts
    assert not world.queue.waiting


def test_during_a_rotation_both_secrets_sign() -> None:
    """A receiver that knows either takes it."""
    box = FakeSecretBox()
    world = Delivering(
        previous_secret=box.seal(OLD_SECRET, webhook_id=WEBHOOK_ID),
        previous_until=Instant(FakeClock().now() + 1),
    )

    world.run()

    ((_, headers, body),) = world.receivers.posts
    seconds = world.clock.now() // 1000
    both = signature_header([SECRET, OLD_SECRET], timestamp_seconds=seconds, body=body)
    assert headers["Ferryman-Signature"] == both


@pytest.mark.parametrize("part", ["tables", "queue", "box"])
def test_a_delivery_whose_outcome_cannot_be_written_down_comes_again(part: str) -> None:
    """And the others of its batch do not."""
    world = Delivering()
    world.receivers.answers = [500]
    if part == "tables":
        world.deliver = world.over(DynamoWebhooks(AwayTables()))
    elif part == "queue":
        world.queue.is_away = True
    else:
        world.box.is_away = True

    unsettled = world.run()

    assert unsettled == ["m0"]
    assert [level for level, _, _ in world.log.lines] == ["warning"]


def test_a_death_after_the_retry_was_queued_loses_nothing() -> None:
    """The message comes again and is posted again, under the same name: told twice rather than never."""
    world = Delivering()
    world.receivers.answers = [500]

    class Dying(DynamoWebhooks):
        def log(self, entry: DeliveryLog) -> None:
            raise StoreUnavailableError(f"died before {entry.delivery_id} was logged")

    world.deliver = world.over(Dying(world.tables))
    unsettled = world.run()
    (retry,) = world.queue.take().values()
    world.deliver = world.over(world.store)
    world.run()

    assert unsettled == ["m0"]
    assert (retry.delivery_id, retry.attempt) == ("dlv_1", 2)
    assert {headers["Ferryman-Delivery"] for _, headers, _ in world.receivers.posts} == {"dlv_1"}
    assert world.outcomes() == [("delivered", 1, "status 204")]


def test_a_batch_is_settled_one_by_one() -> None:
    """A slow or broken receiver holds up no other."""
    world = Delivering()
    other = "wh_000000000000000000000002"
    world.store.put(webhook(webhook_id=other, secret=b"wh_x|sealed for another"))

    unsettled = world.run(delivery(), delivery(webhook_id=other), replace(delivery(), delivery_id="dlv_3"))

    assert unsettled == ["m1"]
    assert len(world.receivers.posts) == 2


def test_no_secret_and_no_body_is_logged() -> None:
    """Neither when it goes well nor when it does not."""
    world = Delivering()
    world.receivers.answers = [410]

    world.run()

    assert SECRET not in str(world.log.lines)
    assert "payment_confirmed" not in str(world.log.lines)


def test_the_log_of_an_outcome_names_the_next_attempt() -> None:
    """So that an operator of a receiver knows when to look."""
    world = Delivering()
    world.receivers.answers = [500]

    world.run()

    (entry,) = world.store.deliveries(WEBHOOK_ID, limit=1, now=world.clock.now())
    assert entry.outcome is Outcome.RETRYING
    assert entry.next_attempt_at == world.clock.now() + 10_000
