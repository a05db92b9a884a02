"""Counting: sums of what was told, which never stop the telling."""

from collections import Counter

from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.services.counting import Counting
from tests.fakes.settled import memory_world
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeLog
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
