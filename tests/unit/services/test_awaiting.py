"""Awaiting: how often a row is read for a client that waits."""

from dataclasses import dataclass, field, replace

import pytest

from ferryman.domain.events import Step
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import BlockNumber, Instant, Milliseconds, TransactionId
from ferryman.ports import TransactionStore
from ferryman.services.awaiting import Awaiting
from tests.fakes.clock import FakeClock
from tests.fakes.settled import MemoryWorld, memory_world


@pytest.mark.parametrize(
    ("block_time_ms", "looks"),
    [
        (1_000, [500, 750, 1_000, 1_250, 1_500, 1_750, 2_000]),
        (200, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]),
        (12_000, [6_000, 7_000, 8_000, 9_000, 10_000]),
    ],
)
def test_a_row_is_looked_at_as_often_as_its_chain_has_news(
    monkeypatch: pytest.MonkeyPatch, block_time_ms: int, looks: list[int]
) -> None:
    """Each look is a read that is paid for; and none comes later than the client's patience."""
    memory = memory_world(block_time_ms=block_time_ms)
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    store, since, read = memory.world.store, memory.clock.now(), list[int]()
    awaiting = Awaiting(
        store=store,
        chains=memory.world.ingest.chains,
        clock=memory.clock,
        patience_ms=Milliseconds(looks[-1]),
    )

    def noted(_name: TransactionId) -> Transaction:
        read.append(memory.clock.now() - since)
        return row

    monkeypatch.setattr(store, "get", noted)

    assert awaiting(row, since=Instant(since)) == row

    assert read == looks


@dataclass
class Ending:
    """A row that is bound, and later confirmed, as a store shows it; and when it was read."""

    row: Transaction
    clock: FakeClock
    bound_at: int
    ends_at: int
    written_in: int = 0
    """How long after its end a read first shows it, in milliseconds."""
    read_at: list[int] = field(default_factory=list)

    def get(self, _name: TransactionId) -> Transaction:
        """Show it as it is now."""
        now = self.clock.now()
        self.read_at.append(now)
        row = self.row
        if now >= self.bound_at:
            reached = {**row.reached, Step.BOUND: Instant(self.bound_at)}
            row = replace(row, status=Status.PENDING, reached=reached)
        if now >= self.ends_at + self.written_in:
            reached = {**row.reached, Step.CONFIRMED: Instant(self.ends_at)}
            row = replace(row, status=Status.CONFIRMED, reached=reached)
        return row


def patient(memory: MemoryWorld, store: TransactionStore) -> Awaiting:
    """Give a process that waits for longer than anything here takes."""
    return Awaiting(
        store=store,
        chains=memory.world.ingest.chains,
        clock=memory.clock,
        patience_ms=Milliseconds(20_000),
    )


@pytest.mark.parametrize("block_time_ms", [1_000, 2_000, 12_000])
@pytest.mark.parametrize("asked", [0.05, 0.4, 0.7, 0.95])
def test_a_process_that_saw_one_end_reads_the_next_just_after_it(
    monkeypatch: pytest.MonkeyPatch, block_time_ms: int, asked: float
) -> None:
    """Ends come just after blocks: it reads then, and seldom between them, whenever it is asked."""
    memory = memory_world(block_time_ms=block_time_ms)
    store, clock = memory.world.store, memory.clock
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    patience = Milliseconds(4 * block_time_ms)
    awaiting = Awaiting(store=store, chains=memory.world.ingest.chains, clock=clock, patience_ms=patience)
    began = clock.now()

    late, reads = [], []
    for place in range(4):
        since = Instant(began + (4 * place + 1) * block_time_ms + round(asked * block_time_ms))
        clock.sleep(Milliseconds(since - clock.now()))
        # Bound and sent, it is in the next block if there is time left, and over a little later.
        blocks = (since - began) // block_time_ms + (1 if asked < 0.5 else 2)
        ends_at = began + blocks * block_time_ms + 200 + 20 * place
        ending = Ending(row, clock, bound_at=since + 200, ends_at=ends_at)
        monkeypatch.setattr(store, "get", ending.get)
        assert awaiting(row, since=since).status is Status.CONFIRMED
        late.append(clock.now() - ends_at)
        reads.append(len(ending.read_at))

    assert max(late[1:]) <= block_time_ms // 8
    # What was bound before a block's ends came, and is not among them, is looked for in vain.
    assert max(reads[1:]) <= (8 if asked > 0.5 else 2)


@pytest.mark.parametrize("bound_before", [0.1, 0.2, 0.5])
@pytest.mark.parametrize("late_by", [0.0, 0.2, 0.4])
def test_what_was_bound_shortly_before_a_block_does_not_wait_for_the_one_after_the_next(
    monkeypatch: pytest.MonkeyPatch, bound_before: float, late_by: float
) -> None:
    """It is in the very next block if it was sent before it, though its end may be written late."""
    block_time_ms = 1_000
    memory = memory_world(block_time_ms=block_time_ms)
    store, clock = memory.world.store, memory.clock
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    awaiting = patient(memory, store)
    learnt = Ending(row, clock, bound_at=clock.now(), ends_at=clock.now() + block_time_ms)
    monkeypatch.setattr(store, "get", learnt.get)
    awaiting(row, since=clock.now())
    usual = learnt.ends_at + 2 * block_time_ms
    ending = Ending(
        row,
        clock,
        bound_at=usual - round(bound_before * block_time_ms),
        ends_at=usual + round(late_by * block_time_ms),
    )
    monkeypatch.setattr(store, "get", ending.get)

    awaiting(row, since=clock.now())

    assert clock.now() - ending.ends_at <= block_time_ms // 8


def waited_for(monkeypatch: pytest.MonkeyPatch, *written_in: int) -> tuple[list[int], list[int]]:
    """Have a process wait for one end after the other, each two blocks after the one before.

    Args:
        monkeypatch: shows each row as it is.
        written_in: how long after its end a read first shows each, in milliseconds.

    Returns:
        How long after its end each was read, in milliseconds; and in how many reads.

    """
    memory = memory_world(block_time_ms=1_000)
    store, clock = memory.world.store, memory.clock
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    awaiting = patient(memory, store)
    began, late, reads = clock.now(), list[int](), list[int]()
    for place, one in enumerate(written_in):
        ends_at = began + (place + 1) * 2_000
        ending = Ending(row, clock, bound_at=ends_at - 400, ends_at=ends_at, written_in=one)
        clock.sleep(Milliseconds(ends_at - 600 - clock.now()))
        monkeypatch.setattr(store, "get", ending.get)
        awaiting(row, since=clock.now())
        late.append(clock.now() - ends_at)
        reads.append(len(ending.read_at))
    return late, reads


@pytest.mark.parametrize("written_in", [0, 90, 150, 220])
def test_a_process_learns_how_long_after_its_moment_an_end_can_be_read(
    monkeypatch: pytest.MonkeyPatch, written_in: int
) -> None:
    """Many that end in a block are written one by one: who looks too soon looks again, and delays them."""
    late, reads = waited_for(monkeypatch, *[written_in] * 10)

    assert sum(late[2:]) / 8 - written_in <= 100
    assert sum(reads[2:]) / 8 <= 1.5


def test_a_process_soon_forgets_that_ends_came_late_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block with many ends is written late; those after it are not."""
    late, _ = waited_for(monkeypatch, 0, 220, 0, 0, 0, 0)

    assert late[-1] <= late[2] // 2


def test_whoever_waited_for_an_end_knows_the_head_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a message confirmed three blocks deep, the chain had reached the second one after its own."""
    memory = memory_world(block_time_ms=1_000)
    store, clock, chain = memory.world.store, memory.clock, memory.chain
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    mined = replace(row, block_number=BlockNumber(70), confirmations=3)
    ending = Ending(mined, clock, bound_at=clock.now(), ends_at=clock.now() + 2_000)
    monkeypatch.setattr(store, "get", ending.get)
    awaiting = patient(memory, store)

    awaiting(mined, since=clock.now())
    assert chain.heard == [(72, ending.ends_at)]
    awaiting(ending.get(row.transaction_id), since=clock.now())
    assert len(chain.heard) == 1, "a row that was over before says nothing new"


def test_an_end_that_comes_between_blocks_is_read_within_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain may change its step: what a process has learned delays nobody by more than a block."""
    memory = memory_world(block_time_ms=2_000)
    store, clock = memory.world.store, memory.clock
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    awaiting = patient(memory, store)

    for ends_in in (2_000, 5_300, 3_700):
        since = clock.now()
        ending = Ending(row, clock, bound_at=since + 100, ends_at=since + ends_in)
        monkeypatch.setattr(store, "get", ending.get)
        awaiting(row, since=since)
        assert clock.now() - ending.ends_at <= 2_000


def test_what_others_carried_out_is_an_end_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found when it is found, which says nothing of when others end."""
    memory = memory_world()
    store, clock = memory.world.store, memory.clock
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    found = replace(row, status=Status.CONFIRMED, reached={**row.reached, Step.RECOVERED: clock.now()})
    awaiting = patient(memory, store)
    monkeypatch.setattr(store, "get", lambda _name: found)

    assert awaiting(row, since=clock.now()) is found
