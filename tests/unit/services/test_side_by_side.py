"""Recording: ends of different payers are written together, those of one are not, and a nonce closes last."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.workers import ThreadWorkers
from ferryman.domain.errors import StaleRowError, StoreUnavailableError
from ferryman.domain.nonces import NonceRow
from ferryman.domain.transaction import Status
from ferryman.ports import ITEMS_TOGETHER, Change, Recorded
from tests.fakes.settled import MemoryWorld, memory_world


class WatchedStore:
    """A store that takes a while for each end, and remembers which were written at the same time."""

    def __init__(self, store: Any) -> None:  # noqa: ANN401 (any port)
        self._store = store
        self._turn = threading.Lock()
        self._writing: Counter[str] = Counter()
        self.most_payers = self.most_of_one = 0
        self.closed: list[int] = []
        """How many ends were written before each that closed a nonce."""
        self.ends = 0
        self.together: list[int] = []
        """How many ends each request had that had several."""
        self.meanwhile: Callable[[Sequence[Recorded]], None] | None = None
        """Called before the first such request."""
        self.trouble: Exception | None = None
        """Raised at the first write of an end."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any method)
        return getattr(self._store, name)

    def write(self, change: Change, *, nonce_row: NonceRow | None = None, **named: Any) -> None:  # noqa: ANN401 (as the port)
        """Write, slowly if it is an end."""
        if change.after.status is not Status.CONFIRMED:
            self._store.write(change, nonce_row=nonce_row, **named)
            return
        one = Recorded(change=change, nonce_row=nonce_row)
        self._slowly([one], lambda: self._store.write(change, nonce_row=nonce_row, **named))

    def write_together(self, recorded: Sequence[Recorded]) -> None:
        """Write several ends, as slowly as one."""
        self.together.append(len(recorded))
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            meanwhile(recorded)
        self._slowly(recorded, lambda: self._store.write_together(recorded))

    def _slowly(self, recorded: Sequence[Recorded], write: Callable[[], None]) -> None:
        payers = [one.change.after.sender for one in recorded]
        with self._turn:
            if trouble := self.trouble:
                self.trouble = None
                raise trouble
            self._writing.update(payers)
            self.most_payers = max(self.most_payers, len(+self._writing))
            self.most_of_one = max(self.most_of_one, *self._writing.values())
            self.closed += [self.ends for one in recorded if one.nonce_row]
        time.sleep(0.002)
        write()
        with self._turn:
            self._writing.subtract(payers)
            self.ends += len(recorded)


def mined_crowds(*, payers: int = 5) -> tuple[MemoryWorld, WatchedStore]:
    """Build a world with three mined batches of eight, whose ends nobody has written."""
    watched: list[WatchedStore] = []

    def wrap(name: str, port: Any) -> Any:  # noqa: ANN401 (any port)
        if name != "store":
            return port
        watched.append(WatchedStore(port))
        return watched[-1]

    memory = memory_world(payers=payers, wrap=wrap, batch_size=8)
    memory.world.workers = ThreadWorkers(10)
    memory.world.restart()
    for place in range(24):
        memory.world.post(memory.payers[place % payers].pay(1_000, deadline=memory.deadline()))
    while memory.world.deliver():
        pass
    memory.chain.mine()
    return memory, watched[-1]


def test_ends_of_different_payers_are_written_at_the_same_time_and_those_of_one_are_not() -> None:
    """Two writes to one payer's ledger would be in each other's way, and one of them would be repeated."""
    memory, store = mined_crowds()

    memory.world.follow(run_ms=2_500)

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert store.most_payers > 1
    assert store.most_of_one == 1
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0


def test_a_nonce_closes_when_all_else_of_it_is_written() -> None:
    """A closed nonce is not looked at again, and what was left of it would never end."""
    memory, store = mined_crowds()

    memory.world.follow(run_ms=2_500)

    assert len(store.closed) >= 3
    assert min(store.closed) == 24 - len(store.closed)


def test_ends_of_many_payers_take_few_requests() -> None:
    """Each is four items; a request has fifty at most."""
    memory, store = mined_crowds(payers=24)

    memory.world.follow(run_ms=2_500)

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert sum(store.together) >= 24 - 3
    assert max(store.together) == ITEMS_TOGETHER // 4
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0


def test_one_end_that_cannot_be_written_does_not_keep_the_others_from_theirs() -> None:
    """They are written by themselves, and it is found."""
    memory, store = mined_crowds(payers=24)
    moved: list[str] = []

    def move(recorded: Sequence[Recorded]) -> None:
        row = recorded[1].change.before
        moved.append(row.transaction_id)
        memory.world.store.write(Change(before=row, after=replace(row, version=row.version + 1)))

    store.meanwhile = move
    memory.world.confirm.follower(memory.world.settings.chain_id).look()

    open_still = {row.transaction_id: row.nonce for row in memory.world.rows() if not row.status.is_terminal}
    assert set(moved) < open_still.keys()
    assert len(open_still) == 2, "itself, and the one that closes its nonce"
    assert len(set(open_still.values())) == 1
    memory.world.follow(run_ms=2_500)
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.check_events()
    memory.world.check_nonces()


@pytest.mark.parametrize("trouble", [StaleRowError("moved"), StoreUnavailableError("away")])
def test_a_write_that_fails_leaves_its_nonce_open_and_the_next_look_ends_it(trouble: Exception) -> None:
    """Whatever the others did meanwhile."""
    memory, store = mined_crowds()
    store.trouble = trouble

    memory.world.follow(run_ms=6_000)

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0
