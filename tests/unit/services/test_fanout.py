"""From an event to its webhooks: each that wants it, once, and cheaply."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.operations import Item, Query
from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import Milliseconds
from ferryman.domain.webhooks import Disabled, delivery_id_of
from ferryman.services.fanout import REMEMBERED
from ferryman.services.records import event_of
from tests.fakes.clock import FakeClock
from tests.fakes.tables import MemoryTables
from tests.fakes.webhooks import FakeDeliveryQueue, memory_fanout
from tests.support.away import AwayTables
from tests.support.rows import accepted, received_row
from tests.support.webhooks import webhook

EVENT = accepted(received_row())[1]


class CountingTables(MemoryTables):
    """Tables that count their queries."""

    queries = 0

    def query(self, query: Query) -> tuple[Item, ...]:
        """Count, and answer."""
        self.queries += 1
        return super().query(query)


def test_an_event_is_queued_for_every_webhook_that_wants_it_and_no_other() -> None:
    """As the body that a WebSocket client would get."""
    tables, queue, clock = MemoryTables(), FakeDeliveryQueue(), FakeClock()
    filters: list[dict[str, Any]] = [
        {},
        {"events": ("payment_failed",)},
        {"disabled": Disabled.GONE},
        {"senders": (EVENT.sender,)},
    ]
    for number, changes in enumerate(filters):
        DynamoWebhooks(tables).put(webhook(webhook_id=f"wh_{number}", **changes))

    memory_fanout(tables, clock, queue)(EVENT)

    assert [one.webhook_id for one in queue.waiting] == ["wh_0", "wh_3"]
    assert {one.body for one in queue.waiting} == {json.dumps(event_of(EVENT))}
    assert {one.due_at for one in queue.waiting} == {clock.now()}


def test_an_event_that_the_stream_gives_twice_is_the_same_delivery() -> None:
    """The receiver knows it by its name."""
    tables, queue, clock = MemoryTables(), FakeDeliveryQueue(), FakeClock()
    DynamoWebhooks(tables).put(webhook(webhook_id="wh_1"))
    fanout = memory_fanout(tables, clock, queue)

    fanout(EVENT)
    clock.sleep(Milliseconds(1_000))
    fanout(EVENT)

    assert [one.delivery_id for one in queue.waiting] == [delivery_id_of("wh_1", EVENT)] * 2


def test_without_any_webhook_an_event_costs_no_query() -> None:
    """One in five seconds finds those that were registered meanwhile."""
    tables, queue, clock = CountingTables(), FakeDeliveryQueue(), FakeClock()
    fanout = memory_fanout(tables, clock, queue)

    for sequence in range(1, 101):
        fanout(replace(EVENT, sequence=sequence))
    after_a_hundred = tables.queries
    DynamoWebhooks(tables).put(webhook())
    clock.sleep(REMEMBERED)
    fanout(EVENT)

    assert after_a_hundred == 1
    assert tables.queries == 2
    assert len(queue.waiting) == 1


@pytest.mark.parametrize("part", ["tables", "queue"])
def test_an_event_that_cannot_be_queued_is_told_again(part: str) -> None:
    """The stream keeps it."""
    tables, queue, clock = MemoryTables(), FakeDeliveryQueue(is_away=True), FakeClock()
    DynamoWebhooks(tables).put(webhook())

    with pytest.raises(StoreUnavailableError):
        memory_fanout(tables if part == "queue" else AwayTables(), clock, queue)(EVENT)
