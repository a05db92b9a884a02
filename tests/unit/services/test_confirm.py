"""Confirmation: depth, reverts, blocks that vanish, and who holds the lease."""

from collections.abc import Callable, Sequence

import pytest

from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.operations import Item, Query
from ferryman.domain.events import Step
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status
from ferryman.domain.units import Instant, Milliseconds
from ferryman.ports import Block
from tests.fakes.settled import MemoryWorld, memory_world


def posted(memory: MemoryWorld) -> str:
    """Post one payment and bind it; give its id."""
    body = memory.payers[0].pay(1_000, nonce=1, deadline=memory.deadline())
    row = memory.world.post(body).transaction
    memory.world.deliver()
    return row.transaction_id


def names(memory: MemoryWorld) -> list[str]:
    """The events of the one row."""
    (row,) = memory.world.rows()
    memory.world.check_events()
    return [event.name for event in memory.world.store.events(row.transaction_id)]


def test_a_payment_is_included_first_and_confirmed_at_depth() -> None:
    """Three confirmations: the block that holds it, and two more."""
    memory = memory_world(required_confirmations=3)
    posted(memory)
    memory.clock.sleep(Milliseconds(1_000))

    memory.world.follow(run_ms=2_000)
    (included,) = memory.world.rows()
    assert (included.status, included.block_number, included.confirmations) == (Status.PENDING, 21, None)
    memory.clock.sleep(Milliseconds(15_000))
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.block_number, row.gas_used) == (Status.CONFIRMED, 21, 60_000)
    assert row.confirmations is not None
    assert row.confirmations >= 3
    assert names(memory) == ["payment_accepted", "payment_pending", "payment_included", "payment_confirmed"]


def test_a_reverted_payment_fails_at_depth_and_lets_its_funds_go() -> None:
    """Gas was spent on it, which simulation could not see coming."""
    memory = memory_world()
    posted(memory)
    memory.chain.state.used.add((memory.payers[0].address.lower(), 1))

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "reverted")
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_nonces()


def test_a_block_that_vanishes_is_told_and_its_payment_mined_again() -> None:
    """The record never says more than the chain does."""
    memory = memory_world(required_confirmations=3)
    posted(memory)
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=2_000)

    memory.chain.reorg()
    memory.chain.is_mining = True
    memory.clock.sleep(Milliseconds(20_000))
    memory.world.settle()

    (row,) = memory.world.rows()
    assert row.status is Status.CONFIRMED
    assert names(memory) == [
        "payment_accepted",
        "payment_pending",
        "payment_included",
        "payment_reorged",
        "payment_confirmed",
    ]
    assert memory.world.reserved() == 0


def test_a_payment_that_vanishes_for_good_is_broadcast_again() -> None:
    """Its block is gone and the mempool with it."""
    memory = memory_world(required_confirmations=3)
    posted(memory)
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=2_000)

    memory.chain.reorg()
    memory.chain.forget()
    memory.world.settle()

    (row,) = memory.world.rows()
    assert row.status is Status.CONFIRMED
    assert memory.signer.signatures == 1


def test_one_run_at_a_time_follows_a_chain() -> None:
    """The second finds the lease taken and leaves at once."""
    memory = memory_world()
    posted(memory)
    leases = DynamoLeases(memory.world.tables)
    now = memory.clock.now()
    leases.take(memory.world.settings.chain_id, until=Instant(now + 60_000), now=now)

    memory.clock.sleep(Milliseconds(5_000))
    memory.world.follow()

    assert memory.world.rows()[0].status is Status.PENDING


def test_a_wake_up_during_the_last_look_is_not_lost() -> None:
    """Whoever gives the lease back sees that the counter moved, and takes it again."""
    memory = memory_world(wrap=lambda _name, port: port)
    sweep = memory.world.confirm.sweep
    looks: list[int] = []

    class WakingSweep:
        def __call__(self, chain_id: object, *, freed: int, resting: object) -> bool:
            if not looks:  # something arrives just after the first look found nothing
                posted(memory)
            looks.append(freed)
            return sweep(chain_id, freed=freed, resting=resting) and len(looks) > 1  # type: ignore[arg-type]

    object.__setattr__(memory.world.confirm, "sweep", WakingSweep())
    memory.world.follow()

    assert len(looks) > 1
    assert memory.world.rows()[0].status is Status.CONFIRMED


def test_a_run_out_of_time_hands_over_to_a_new_one() -> None:
    """Something is open: the next schedule may be a minute away."""
    memory = memory_world()
    memory.chain.is_mining = False
    posted(memory)
    memory.world.confirmer.started.clear()

    memory.world.follow(run_ms=5_000)

    assert memory.world.confirmer.started == [memory.world.settings.chain_id]
    memory.chain.is_mining = True
    memory.world.follow()
    assert memory.world.rows()[0].status is Status.CONFIRMED


def test_a_run_with_nothing_open_ends_at_once() -> None:
    """Idle costs nothing."""
    memory = memory_world()
    before = memory.clock.now()

    memory.world.follow()

    assert memory.clock.now() == before
    assert not memory.world.confirmer.started


def test_a_chain_that_goes_away_in_the_middle_is_looked_at_when_it_is_back() -> None:
    """A failed look loses nothing: the next reads by hash."""
    memory = memory_world(block_time_ms=1_000)
    posted(memory)
    memory.chain.is_reachable = False
    memory.world.follow(run_ms=10_000)
    assert memory.world.rows()[0].status is Status.PENDING

    memory.chain.is_reachable = True
    memory.clock.sleep(Milliseconds(60_000))
    memory.world.follow()

    assert memory.world.rows()[0].status is Status.CONFIRMED


@pytest.mark.parametrize("begun_ms", [100, 500, 900])
def test_a_run_is_in_step_with_the_blocks_whenever_it_begins(begun_ms: int) -> None:
    """A run that looked a block time after its first look would be as late behind each block as it began."""
    memory = memory_world()
    started = memory.clock.now()
    posted(memory)
    memory.clock.sleep(Milliseconds(begun_ms))

    memory.world.follow(run_ms=3_000)

    (row,) = memory.world.rows()
    assert row.status is Status.CONFIRMED
    assert (row.reached[Step.CONFIRMED] - started) % 1_000 <= 250


def test_a_look_that_finds_no_new_block_reads_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks feel for the moment when a block comes; most of them find none, and are one request each."""
    memory = memory_world(required_confirmations=50, block_time_ms=2_000)
    posted(memory)
    heads, reads = list[int](), list[int]()
    head, query = memory.chain.head, memory.world.tables.query

    def noted_head() -> Block:
        found = head()
        heads.append(found.number)
        return found

    def noted_query(asked: Query) -> tuple[Item, ...]:
        reads.append(heads[-1] if heads else 0)
        return query(asked)

    monkeypatch.setattr(memory.chain, "head", noted_head)
    monkeypatch.setattr(memory.world.tables, "query", noted_query)

    memory.world.follow(run_ms=40_000)

    in_a_look = reads.count(heads[0])
    assert len(heads) > len(set(heads))
    assert all(reads.count(number) <= in_a_look for number in set(heads))


def test_a_look_asks_for_all_wallets_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten wallets are ten queries: one wait, not the sum of them."""
    memory = memory_world(wallets=2)
    posted(memory)
    asked, work_off = list[int](), memory.world.workers.work_off

    def noted(queues: Sequence[Sequence[Callable[[], None]]]) -> None:
        asked.append(len(queues))
        work_off(queues)

    monkeypatch.setattr(memory.world.workers, "work_off", noted)
    memory.world.follow(run_ms=1_000)

    assert asked[0] == 2


def test_a_run_reads_its_tables_though_no_block_comes() -> None:
    """Time alone brings things on as well, and its lease would run out."""
    memory = memory_world(block_time_ms=12_000)
    posted(memory)
    memory.chain.is_mining = False
    started = memory.clock.now()

    memory.world.follow(run_ms=60_000)

    counts = memory.world.metrics.counts()
    assert counts[Metric.CONFIRM_LOOKS] >= (memory.clock.now() - started) // 6_000
