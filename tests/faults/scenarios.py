"""Small worlds with a few payments each, run from the first post to the last confirmation."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds, TokenUnits, Wei
from ferryman.ports import Clock
from ferryman.services.confirm import LEASE_MS
from tests.fakes.chain import FakeChain
from tests.fakes.settled import LOCKED, SETTINGS, MemoryWorld, memory_world
from tests.fakes.world import World, Wrap
from tests.faults.interruptions import Died

AMOUNT = 1_000_000
FEE = 7
ROUNDS = 150
"""Rounds of a second or more, after which something counts as stuck."""

Body = dict[str, Any]
Scenario = Callable[[Wrap], MemoryWorld]


def chain_up(wrap: Wrap) -> MemoryWorld:
    """Everything at once, one confirmation."""
    return memory_world(wrap=wrap)


def two_confirmations(wrap: Wrap) -> MemoryWorld:
    """Each payment is included first, and confirmed a block later."""
    return memory_world(wrap=wrap, required_confirmations=2)


def full_window(wrap: Wrap) -> MemoryWorld:
    """One wallet with room for one: the others wait on their rows."""
    return memory_world(wrap=wrap, wallets=1, window=1)


def chain_away(wrap: Wrap) -> MemoryWorld:
    """Accepted while the chain is away, assured when it is back."""
    memory = memory_world(wrap=wrap)
    memory.chain.is_reachable = False
    return memory


def fees_at_market(wrap: Wrap) -> MemoryWorld:
    """Each post is asked a fee that the market sets: observed, kept, and just what the payments pay."""
    schedule = FeeSchedule(units_per_native=TokenUnits(60_000))
    return memory_world(wrap=wrap, fees={SETTINGS.tokens[0]: schedule})


def crowd(wrap: Wrap) -> MemoryWorld:
    """All in one transaction, which leaves one out; that one gets another."""
    memory = memory_world(wrap=wrap, required_confirmations=2, batch_min=2, batch_size=3)
    memory.chain.left_out.add((memory.payers[1].address.lower(), 1))
    return memory


def crowd_in_a_full_window(wrap: Wrap) -> MemoryWorld:
    """Some share a transaction, the others wait for its nonce."""
    return memory_world(wrap=wrap, wallets=1, window=1, batch_min=2, batch_size=2)


def refused_by_nodes(wrap: Wrap) -> MemoryWorld:
    """One payment's bytes are taken by no node: its nonce is filled, and it fails."""
    memory = memory_world(wrap=wrap, wallets=1, required_confirmations=2)
    memory.chain.refused.add((memory.payers[1].address.lower(), 1))
    return memory


def shared_key(wrap: Wrap) -> MemoryWorld:
    """Somebody else uses a nonce of the only wallet: whether it is bound by then or not."""
    memory = memory_world(wrap=wrap, wallets=1)
    (wallet,) = memory.signer.wallets()
    memory.chain.strangers.add((wallet, 1))
    return memory


def underpriced(wrap: Wrap) -> MemoryWorld:
    """Nodes take the urgent payment only; the others have to offer more under the nonces they have."""
    memory = memory_world(wrap=wrap, wallets=1)
    memory.chain.pool_floor = Wei(2_200_000_000)
    return memory


SCENARIOS = (
    chain_up,
    two_confirmations,
    full_window,
    chain_away,
    fees_at_market,
    crowd,
    crowd_in_a_full_window,
    refused_by_nodes,
    shared_key,
    underpriced,
)


def in_both_ways(ways: tuple[str, str]) -> list[pytest.ParameterSet]:
    """Give each scenario in two ways (False, True), for `pytest.mark.parametrize`.

    `make test` tries the simplest one in both and of the others each in one; `make soak` tries the rest.
    """
    return [
        pytest.param(
            scenario,
            way,
            id=f"{scenario.__name__}-{ways[way]}",
            marks=[] if number == 0 or number % 2 == way else [pytest.mark.soak],
        )
        for number, scenario in enumerate(SCENARIOS)
        for way in (False, True)
    ]


def bodies_of(memory: MemoryWorld) -> list[Body]:
    """Three payments of two payers, the last one urgent unless they are to share a transaction."""
    first, second = memory.payers
    deadline = memory.deadline()
    last = "fast" if memory.world.settings.batch_min > len(memory.payers) else "normal"
    priorities = ((first, "normal"), (second, "normal"), (first, last))
    return [
        payer.pay(AMOUNT, fee=FEE, deadline=deadline, priority=priority) for payer, priority in priorities
    ]


def live(world: World, clock: Clock, bodies: list[Body], *, messages_die: bool = False) -> None:
    """Do what clients, queue and schedule do, restarting everything after a death, until all is over.

    Args:
        world: what lives.
        clock: its time.
        bodies: payments to post.
        messages_die: whether a death takes all queued messages along.

    """
    to_post, was_over = list(bodies), False
    for _ in range(ROUNDS):
        try:
            while to_post:
                world.post(to_post[0])
                to_post.pop(0)
            if isinstance(world.chain, FakeChain):
                world.chain.is_reachable = True
            while world.deliver():
                pass
            world.follow(run_ms=5_000)
        except Died:
            world.restart()
            if messages_die:
                world.queue.lose()
            continue
        is_over = not to_post and not world.open_rows() and not world.queue
        if is_over and was_over:  # the schedule came round once more, with nothing open
            return
        was_over = is_over
        # A dead run's lease has to run out before the schedule's next run can look.
        clock.sleep(Milliseconds(LEASE_MS if is_over else 1_000))
    pytest.fail(f"stuck: {world.open_rows()}")


def check(memory: MemoryWorld, bodies: list[Body]) -> None:
    """Each payment was mined exactly once, told in order, and holds nothing any more.

    What no node takes has failed, for that reason, and was never mined.
    """
    world = memory.world
    wanted = Counter((body["from"].lower(), int(body["nonce"])) for body in bodies)
    mined = Counter({one: count for one, count in wanted.items() if one not in memory.chain.refused})
    failed = len(wanted) - len(mined)
    ends = Counter((row.status, row.reason) for row in world.rows())
    assert ends == Counter({(Status.CONFIRMED, None): len(mined), (Status.FAILED, "rejected"): failed})
    assert Counter(memory.chain.state.executed) == mined
    assert not memory.chain.reverted, "gas was spent on a payment that was mined before"
    assert world.reserved() == world.held() == 0
    spent = Counter(payer for payer, _nonce in mined.elements())
    token = world.settings.tokens[0].lower()
    for payer in memory.payers:
        left = memory.chain.state.balances[token, payer.address.lower()]
        assert left == LOCKED - spent[payer.address.lower()] * (AMOUNT + FEE)
    world.check_events()
    world.check_nonces()
