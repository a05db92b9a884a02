"""Retention: first the archive, then the end; and nothing that may still be needed."""

from typing import Any

import pytest

from ferryman.adapters.dynamodb.operations import Table
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.domain.archive import unarchived
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.statistics import Gauges
from ferryman.domain.transaction import Status, fold, told
from ferryman.domain.units import BlockNumber, Instant, Milliseconds, Seconds
from ferryman.services.retain import LAST_LOOK_MS, Retain
from tests.fakes.archive import FakeArchive
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.talk import FakeLog
from tests.faults.interruptions import Died, Interruption

DAY_MS = 24 * 60 * 60 * 1000
DAYS = 30


def world_of(count: int, **settings: Any) -> MemoryWorld:  # noqa: ANN401 (fields of ChainSettings)
    """Settle payments of two payers on a deployment that lists what ends."""
    memory = memory_world(**settings)
    memory.world.lists_closed = True
    memory.world.restart()
    for number in range(count):
        payer = memory.payers[number % 2]
        memory.world.post(payer.pay(1_000 + number, deadline=memory.deadline()))
    memory.world.settle(rounds=200)
    return memory


def retain_of(
    memory: MemoryWorld,
    archive: FakeArchive,
    *,
    days: int = DAYS,
    final: int = 1_000,
    interruption: Interruption | None = None,
) -> Retain:
    """Build the service over a world's tables, whose chain is final up to a block."""
    wrap = (interruption or Interruption()).wrap
    statistics = DynamoStatistics(memory.world.tables)
    statistics.keep(memory.world.settings.chain_id, gauges(final))
    return Retain(
        chain_ids=(memory.world.settings.chain_id,),
        store=wrap("store", memory.world.store),
        statistics=wrap("statistics", statistics),
        archive=wrap("archive", archive),
        retention_days=days,
        clock=memory.clock,
        log=FakeLog(),
    )


def gauges(final: int) -> Gauges:
    """What confirm measured last, as far as it matters here."""
    return Gauges(
        at=Instant(0),
        head=BlockNumber(final),
        final=BlockNumber(final),
        head_age_seconds=Seconds(0),
        outbox_age_seconds=Seconds(0),
        open_by_status={},
        reserved={},
        wallets=(),
    )


def run(memory: MemoryWorld, retain: Retain) -> int:
    """Run for as long as it takes."""
    return retain(until=Instant(memory.clock.now() + 60_000))


def expiring(memory: MemoryWorld, table: str) -> list[int]:
    """When each item of a table expires; those that do not are left out."""
    items = memory.world._items(table).values()
    return [item["expires_at"] for item in items if "expires_at" in item]


def age(memory: MemoryWorld, days: float) -> None:
    """Let days pass."""
    memory.clock.sleep(Milliseconds(int(days * DAY_MS)))


def test_what_has_long_been_over_is_archived_and_expires_with_its_events() -> None:
    """Every row, every event, a week from now; markers and ledgers stay."""
    memory, archive = world_of(3), FakeArchive()
    kept = dict(memory.world._items(Table.ACCOUNTS))
    age(memory, DAYS + 1)

    exported = run(memory, retain_of(memory, archive))

    when = (memory.clock.now() + LAST_LOOK_MS) // 1000
    assert exported == len(archive.lines) == 3
    assert expiring(memory, Table.TRANSACTIONS) == [when] * 3
    assert expiring(memory, Table.EVENTS) == [when] * len(memory.world._items(Table.EVENTS))
    assert memory.world._items(Table.ACCOUNTS) == kept


def test_what_a_reorg_could_still_undo_is_kept() -> None:
    """A chain that has not called a block final for a month: the row in it may have to be opened again."""
    memory, archive = world_of(1), FakeArchive()
    (row,) = memory.world.rows()
    assert row.block_number is not None
    age(memory, DAYS + 1)

    before = run(memory, retain_of(memory, archive, final=row.block_number - 1))
    after = run(memory, retain_of(memory, archive, final=row.block_number))

    assert (before, after) == (0, 1)


def test_the_archive_can_build_every_row_again_from_its_events() -> None:
    """A line is enough."""
    memory, archive = world_of(4), FakeArchive()
    rows = {row.transaction_id: row for row in memory.world.rows()}
    age(memory, DAYS + 1)
    run(memory, retain_of(memory, archive))

    for line in archive.lines:
        row, events = unarchived(line)

        assert row == rows[row.transaction_id]
        assert events == memory.world.store.events(row.transaction_id)
        assert told(fold(row, events)) == told(rows[row.transaction_id])


def test_an_archive_that_is_away_deletes_nothing() -> None:
    """And the next run finds everything as it was."""
    memory, archive = world_of(3), FakeArchive()
    archive.is_away = True
    age(memory, DAYS + 1)

    with pytest.raises(StoreUnavailableError):
        run(memory, retain_of(memory, archive))

    assert expiring(memory, Table.TRANSACTIONS) == expiring(memory, Table.EVENTS) == []
    archive.is_away = False
    assert run(memory, retain_of(memory, archive)) == 3


def test_nothing_expires_that_is_not_archived_wherever_a_run_dies() -> None:
    """Before and after every call; and the next run finishes the work."""
    memory = world_of(2)
    counter = Interruption()
    age(memory, DAYS + 1)
    run(memory, retain_of(memory, FakeArchive(), interruption=counter))
    assert {"archive.put", "store.expire"} <= set(counter.calls)

    for at in range(1, len(counter.calls) + 1):
        for after in (False, True):
            memory, archive = world_of(2), FakeArchive()
            age(memory, DAYS + 1)
            with pytest.raises(Died):
                run(memory, retain_of(memory, archive, interruption=Interruption(at, after=after)))

            archived = {unarchived(line)[0].transaction_id for line in archive.lines}
            for key, item in memory.world._items(Table.EVENTS).items():
                assert "expires_at" not in item or key[0] in archived
            for key, item in memory.world._items(Table.TRANSACTIONS).items():
                assert "expires_at" not in item or key[0] in archived
            run(memory, retain_of(memory, archive))
            assert len(expiring(memory, Table.TRANSACTIONS)) == 2


@pytest.mark.parametrize(("days", "passed"), [(DAYS, DAYS - 1), (0, 1_000)])
def test_what_is_not_old_enough_stays(days: int, passed: int) -> None:
    """And without a retention everything does."""
    memory, archive = world_of(2), FakeArchive()
    age(memory, passed)

    assert run(memory, retain_of(memory, archive, days=days)) == 0
    assert not archive.objects
    assert expiring(memory, Table.TRANSACTIONS) == []


def test_what_is_open_is_never_archived() -> None:
    """However long it has been so."""
    memory, archive = world_of(0), FakeArchive()
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    memory.world.deliver()
    age(memory, DAYS + 1)

    assert run(memory, retain_of(memory, archive)) == 0


def test_a_row_whose_deadline_is_yet_to_come_stays() -> None:
    """An operator may still bring it back."""
    memory, archive = world_of(0, grace_seconds=60 * 86_400), FakeArchive()
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(40 * 86_400)))
    memory.world.settle()
    age(memory, DAYS + 1)

    early = run(memory, retain_of(memory, archive))
    age(memory, 10)
    late = run(memory, retain_of(memory, archive))

    assert (early, late) == (0, 1)


def test_more_than_one_object_holds_is_archived_in_several() -> None:
    """Until nothing old is left."""
    memory, archive = world_of(120), FakeArchive()
    age(memory, DAYS + 1)

    assert run(memory, retain_of(memory, archive)) == 120
    assert [len(lines) for lines in archive.objects.values()] == [100, 20]
    assert run(memory, retain_of(memory, archive)) == 0


def test_an_archived_row_is_read_as_before_until_it_is_gone() -> None:
    """For those who still ask."""
    memory = world_of(1)
    (before,) = memory.world.rows()
    age(memory, DAYS + 1)
    run(memory, retain_of(memory, FakeArchive()))

    (row,) = memory.world.rows()

    assert row == before
    assert row.status is Status.CONFIRMED
    memory.world.check_events()
