"""Executions: what is not found is not executed, as far as was looked."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import BlockNumber, Milliseconds
from ferryman.ports import Depth, Read, Reading
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


class ReadBehind(FakeWitness):
    """An address whose reads are answered by a node that is a block behind the others."""

    def read(self, reads: Sequence[Read], *, fresh: bool = False, at: BlockNumber | None = None) -> Reading:  # noqa: ARG002 (it is always behind)
        """Answer as of the block before the newest."""
        behind = BlockNumber(self.head().number - 1)
        said = super().read([replace(read, depth=Depth.CONFIRMED) for read in reads], at=behind)
        return replace(said, head=behind)


def test_nothing_ends_by_a_node_that_does_not_know_yet_why_it_was_refused() -> None:
    """One node says that the nonce is used, and another that it is not: so nobody has searched yet."""
    memory = memory_world(payers=1, wallets=1, **every_kind(SETTINGS))
    fund(memory.chain, memory.payers[0].address, 1_000)
    memory.clock.sleep(Milliseconds(20_000))
    one = message("settlement", memory.payers[0], 1_000, deadline=memory.deadline())
    payload = one.post(memory.world).transaction.payload
    memory.chain.relay(payload, kind="settlement")
    memory.chain.mine()
    memory.chain.is_mining = False
    memory.chain.endpoints = (ReadBehind(memory.chain),)

    memory.world.deliver()

    (row,) = memory.world.rows()
    assert row.status is Status.VALIDATED
    memory.chain.endpoints = ()
    memory.chain.is_mining = True
    memory.world.settle()
    (row,) = memory.world.rows()
    assert (row.status, row.hash) == (Status.CONFIRMED, memory.chain.by_others[0])


def test_a_deadline_has_passed_when_a_block_has_come_that_is_later() -> None:
    """By our clock it is over; the next block may still be one that its contract lets it into."""
    memory = memory_world(payers=1, wallets=1, required_confirmations=2, **every_kind(SETTINGS))
    fund(memory.chain, memory.payers[0].address, 1_000)
    memory.clock.sleep(Milliseconds(20_000))
    memory.chain.is_paused = True
    message("settlement", memory.payers[0], 1_000, deadline=memory.deadline(60)).post(memory.world)
    memory.clock.sleep(Milliseconds(40_000))
    assert memory.chain.head()
    memory.chain.is_mining = False
    memory.clock.sleep(Milliseconds(21_000))

    memory.world.deliver()

    (row,) = memory.world.rows()
    assert row.status is Status.VALIDATED
    assert memory.world.held() == memory.world.reserved() == 1_000
    memory.chain.is_mining = True
    memory.world.settle()
    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "deadline_passed")


def test_what_came_while_the_chain_was_away_is_not_searched_for_in_all_of_its_history() -> None:
    """Whoever posts what was cancelled long ago, in such a moment, would have every block of it read."""
    memory = memory_world(payers=1, wallets=1, **every_kind(SETTINGS))
    fund(memory.chain, memory.payers[0].address, 1_000)
    memory.clock.sleep(Milliseconds(20_000_000))
    one = message("settlement", memory.payers[0], 1_000, deadline=memory.deadline())
    asset, payer = (str(one.body[name]).lower() for name in ("asset", "from"))
    memory.chain.state.tokens.used.add((asset, payer, bytes.fromhex(str(one.body["nonce"])[2:])))
    memory.clock.sleep(Milliseconds(20_000))
    memory.chain.is_reachable = False
    one.post(memory.world)
    memory.chain.is_reachable = True
    (only,) = memory.chain.endpoints = (FakeWitness(memory.chain),)

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "nonce_used")
    assert only.asked.count("range_logs") == 2, "of 20,000 blocks"


def test_what_came_while_the_chain_was_away_may_have_been_carried_out_meanwhile() -> None:
    """It has no block from which on to look: how long ago it came says enough."""
    memory = memory_world(payers=1, wallets=1, **every_kind(SETTINGS))
    fund(memory.chain, memory.payers[0].address, 1_000)
    memory.clock.sleep(Milliseconds(20_000))
    memory.chain.is_reachable = False
    payload = message("settlement", memory.payers[0], 1_000, deadline=memory.deadline()).post(memory.world)
    memory.chain.is_reachable = True
    memory.chain.relay(payload.transaction.payload, kind="settlement")
    for _ in range(40):
        memory.chain.mine()
    memory.chain.is_mining = False
    memory.clock.sleep(Milliseconds(15_000))
    memory.chain.most_log_blocks = 20

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.hash) == (Status.CONFIRMED, memory.chain.by_others[0])
