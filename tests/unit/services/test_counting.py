"""Counting: sums of what was told, which never stop the telling."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.events import Event
from ferryman.services.counting import Counting
from ferryman.services.notify import Notify
from ferryman.services.telling import Telling
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeLog, FakePush
from tests.fakes.workers import OneByOne
from tests.support.away import AwayTables
from tests.support.payments import CHAIN_ID


def test_the_sums_of_all_batches_are_those_of_all_transactions() -> None:
    """However the stream cuts its batches."""
    memory = memory_world()
    for nonce in range(5):
        memory.world.post(memory.payers[0].pay(1_000, nonce=nonce, deadline=memory.deadline()))
    memory.world.settle()
    rows = memory.world.rows()
    events = [event for row in rows for event in memory.world.store.events(row.transaction_id)]
    statistics = DynamoStatistics(MemoryTables())
    counting = Counting(statistics=statistics, log=FakeLog())

    for start in range(0, len(events), 3):
        counting(events[start : start + 3])

    counts = statistics.counts(CHAIN_ID)
    assert counts["accepted__payment"] == counts["confirmed__payment"] == 5
    assert counts["gas_used"] == sum(row.gas_share or 0 for row in rows)
    settled = Counter({name: count for name, count in counts.items() if name.startswith("settled")})
    assert settled.total() == 5


def test_a_batch_without_anything_to_count_writes_nothing() -> None:
    """A bind alone changes no sum."""
    log = FakeLog()

    Counting(statistics=DynamoStatistics(AwayTables()), log=log)([])

    assert not log.lines


def test_sums_that_cannot_be_written_are_a_warning() -> None:
    """The events were told: telling them again to count them would be worse."""
    memory, log = memory_world(), FakeLog()
    row = memory.world.post(memory.payers[0].pay(1, nonce=1, deadline=memory.deadline())).transaction

    Counting(statistics=DynamoStatistics(AwayTables()), log=log)(
        memory.world.store.events(row.transaction_id)
    )

    assert [level for level, _, _ in log.lines] == ["warning"]


def test_what_has_to_be_told_again_is_counted_when_it_is_told() -> None:
    """Events are counted while they are told; the stream gives them again from the first that was not."""
    memory, statistics = memory_world(), DynamoStatistics(MemoryTables())
    for nonce in range(3):
        memory.world.post(memory.payers[0].pay(1, nonce=nonce, deadline=memory.deadline()))
    events = [event for row in memory.world.rows() for event in memory.world.store.events(row.transaction_id)]
    fanout = FanoutThatStops(after=1)
    telling = _telling(memory, fanout, statistics)

    assert telling(events) == 1
    assert statistics.counts(CHAIN_ID)["accepted__payment"] == 1
    fanout.after = 3
    assert telling(events[1:]) == 2
    assert statistics.counts(CHAIN_ID)["accepted__payment"] == 3


@dataclass
class FanoutThatStops:
    """Its queue is away after so many events."""

    after: int
    told: int = 0

    def __call__(self, _event: Event) -> None:
        """Queue one, or say that it cannot be."""
        if self.told == self.after:
            msg = "the queue is away"
            raise StoreUnavailableError(msg)
        self.told += 1


def test_what_was_not_counted_is_not_taken_back() -> None:
    """Sums that were away for the one and are back for the other would lose what they never had."""
    memory, tables = memory_world(), MemoryTables()
    row = memory.world.post(memory.payers[0].pay(1, nonce=1, deadline=memory.deadline())).transaction
    statistics = DynamoStatistics(tables)
    counting = Counting(statistics=statistics, log=FakeLog())

    counting.take_back(memory.world.store.events(row.transaction_id), counted=frozenset())

    assert not statistics.counts(CHAIN_ID)


def _telling(memory: MemoryWorld, fanout: Any, statistics: DynamoStatistics) -> Telling:  # noqa: ANN401 (in place of the real one)
    log = FakeLog()
    notify = Notify(
        connections=memory.world.connections,
        push=FakePush(),
        fanout=fanout,
        workers=OneByOne(),
        clock=memory.clock,
        log=log,
        metrics=memory.world.metrics,
    )
    counting = Counting(statistics=statistics, log=log)
    return Telling(notify=notify, counting=counting, workers=OneByOne())
