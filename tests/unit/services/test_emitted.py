"""The metrics of a whole life: each is emitted, under the dimensions that it declares."""

from typing import Final

from ferryman.domain.metrics import Metric
from tests.fakes.settled import memory_world

WAY: Final = {
    Metric.ACCEPTED,
    Metric.TIME_TO_BIND,
    Metric.TIME_TO_BROADCAST,
    Metric.TIME_TO_INCLUSION,
    Metric.TIME_TO_CONFIRMATION,
    Metric.SETTLEMENT_TIME,
    Metric.CONFIRMED,
    Metric.FAILED,
    Metric.FAILURE,
    Metric.REORGED,
    Metric.GAS_USED,
    Metric.GAS_COST,
    Metric.SIGNATURES,
    Metric.CONFIRM_LOOKS,
    Metric.HEAD_AGE,
    Metric.OPEN,
    Metric.OUTBOX_AGE,
    Metric.RESERVED,
    Metric.WALLET_BALANCE,
    Metric.WINDOW_USED,
    Metric.WINDOW_FREE,
}
"""What ingest, submit and confirm emit; FakeMetrics refuses other dimensions than the declared ones."""


def test_one_confirmed_one_failed_and_one_reorged_payment_emit_all_of_it() -> None:
    """Nothing else is needed, and nothing is left out."""
    memory = memory_world(required_confirmations=3)
    for nonce in (1, 2):
        memory.world.post(memory.payers[0].pay(1_000, nonce=nonce, deadline=memory.deadline()))
    memory.world.settle()
    memory.world.post(memory.payers[1].pay(1_000, nonce=3, deadline=memory.deadline()))
    memory.world.deliver()
    memory.world.follow(run_ms=1_000)
    memory.chain.mine()
    memory.world.follow(run_ms=1_000)
    memory.chain.reorg()
    memory.world.settle()
    memory.chain.is_paused = True
    late = memory.payers[1].pay(1_000, nonce=4, deadline=memory.clock.now() // 1000 + 60)
    memory.world.post(late)
    memory.world.settle()
    memory.world.gauge()

    assert memory.world.metrics.counts().keys() >= WAY
    assert memory.world.metrics.total(Metric.CONFIRMED) == 3
    assert memory.world.metrics.total(Metric.FAILED) == 1
