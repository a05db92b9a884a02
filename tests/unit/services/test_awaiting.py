"""Awaiting: how often a row is read for a client that waits."""

import pytest

from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Instant, Milliseconds, TransactionId
from ferryman.services.awaiting import Awaiting
from tests.fakes.settled import memory_world


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
