"""Executions: what is not found is not executed, as far as was looked."""

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.settled import SETTINGS, memory_world
from tests.fakes.witness import FakeWitness
from tests.faults.messages import every_kind, fund, message


@pytest.mark.parametrize("lag", [0, 1])
def test_nothing_ends_by_a_search_that_stops_before_the_block_that_used_the_nonce(lag: int) -> None:
    """One address may stand for many nodes: the one that is searched is behind the one that was read."""
    memory = memory_world(payers=1, wallets=1, **every_kind(SETTINGS))
    fund(memory.chain, memory.payers[0].address, 1_000)
    memory.clock.sleep(Milliseconds(20_000))
    one = message("settlement", memory.payers[0], 1_000, deadline=memory.deadline())
    payload = one.post(memory.world).transaction.payload
    memory.chain.relay(payload, kind="settlement")
    memory.chain.mine()
    memory.chain.is_mining = False
    memory.chain.endpoints = (FakeWitness(memory.chain),)
    memory.chain.endpoints[0].lag = lag

    memory.world.deliver()

    (row,) = memory.world.rows()
    assert row.status is (Status.VALIDATED if lag else Status.CONFIRMED)
    memory.chain.endpoints[0].lag = 0
    memory.chain.is_mining = True
    memory.world.settle()
    (row,) = memory.world.rows()
    assert (row.status, row.hash) == (Status.CONFIRMED, memory.chain.by_others[0])
