"""A restore again, on a real chain with the real contracts."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.tables import MemoryTables
from tests.faults.interruptions import Interruption, noted
from tests.faults.messages import FEE, message
from tests.faults.real_chain import RealChain, RealWorld
from tests.faults.scenarios import AMOUNT, live
from tests.faults.test_restore import BLOCKS_MS, RESTORED, Snapshot

RESTORES = 12


@pytest.fixture(scope="module")
def chain() -> Iterator[RealChain]:
    """One anvil for all restores; each is undone on it."""
    with RealChain.running() as running:
        yield running


def lived(chain: RealChain) -> tuple[RealWorld, list[Snapshot]]:
    """Pay twice, copying all tables at every port call."""
    snapshots: list[Snapshot] = []
    seen: list[RealWorld] = []

    class Recorder(Interruption):
        def call(self, name: str, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 (as the base class)
            if seen:
                tables = seen[0].world.tables
                assert isinstance(tables, MemoryTables)
                snapshots.append({name: items.snapshot() for name, items in tables.items.items()})
            return super().call(name, ask)

    real = chain.world(Recorder().wrap)
    seen.append(real)
    deadline = real.clock.now() // 1000 + 3_600
    messages = [message("payment", payer, AMOUNT + FEE, deadline=deadline) for payer in real.payers]
    live(real.world, real.clock, messages)
    return real, snapshots


def test_restored_deployments_find_on_the_chain_what_they_have_forgotten(chain: RealChain) -> None:
    """Each table from a moment of its own: what was executed is found in the logs, none is paid twice."""
    found = 0
    for seed in range(RESTORES):
        with noted(f"restore {seed}"), chain.rewound():
            found += one_restore(chain, random.Random(seed))  # noqa: S311 (which moments are tried, no secret)

    assert found > RESTORES


def one_restore(chain: RealChain, numbers: random.Random) -> int:
    """Pay, put every table back to some moment, recover, go on, and compare with the chain.

    Returns:
        How much recovery found to mend.

    """
    start = chain.web3.eth.block_number
    real, snapshots = lived(chain)
    executed, spent = Counter(chain.executed(start)), chain.spent_nonces()
    tables = real.world.tables
    assert isinstance(tables, MemoryTables)
    for table in RESTORED:
        tables.items[table] = numbers.choice(snapshots)[table].snapshot()
    real.world.queue.lose()
    real.world.restart()
    real.clock.sleep(BLOCKS_MS)

    found = real.world.recover()
    again = real.world.recover()
    live(real.world, real.clock, [])
    real.clock.sleep(Milliseconds(1_000))

    assert again == []
    assert {row.status for row in real.world.rows()} <= {Status.CONFIRMED}
    for row in real.world.rows():
        receipt = chain.web3.eth.get_transaction_receipt(row.hash or "")  # type: ignore[arg-type]
        assert row.block_number == int(receipt["blockNumber"])
    assert Counter(chain.executed(start)) == executed
    assert chain.spent_nonces() == spent
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()
    return len(found)
