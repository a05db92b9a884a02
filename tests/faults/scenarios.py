"""Small worlds with a few messages each, run from the first post to the last confirmation."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Final

import pytest

from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds, TokenUnits, Wei
from ferryman.intents import SIGNED
from ferryman.ports import Clock
from ferryman.services.confirm import LEASE_MS
from tests.fakes.calls import MessageKey
from tests.fakes.chain import FakeChain
from tests.fakes.settled import LOCKED, SETTINGS, MemoryWorld
from tests.fakes.settled import memory_world as world_of_payments
from tests.fakes.world import World, Wrap
from tests.faults.interruptions import Died
from tests.faults.messages import FEE, PROVEN, Message, every_kind, fund, message

AMOUNT = 1_000_000
ROUNDS = 150
"""Rounds of a second or more, after which something counts as stuck."""

Scenario = Callable[[Wrap], MemoryWorld]


def memory_world(**settings: Any) -> MemoryWorld:  # noqa: ANN401 (as the world of payments)
    """Build a world whose chain takes messages of every kind."""
    memory = world_of_payments(**every_kind(SETTINGS) | settings)
    for payer in memory.payers:
        fund(memory.chain, payer.address, LOCKED)
    return memory


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


def overtaken(wrap: Wrap) -> MemoryWorld:
    """Another relayer sees a message on its way, and is mined first with it: ours reverts."""
    memory = memory_world(wrap=wrap, required_confirmations=2)
    memory.chain.overtaken.add(_one_of_the_second(memory))
    return memory


def crowd_overtaken(wrap: Wrap) -> MemoryWorld:
    """The same with one of several in one transaction, which leaves it out."""
    memory = memory_world(wrap=wrap, batch_min=2, batch_size=3)
    memory.chain.overtaken.add(_one_of_the_second(memory))
    return memory


def failing(wrap: Wrap) -> MemoryWorld:
    """A message reverts when it is mined, though all its simulations went through."""
    memory = memory_world(wrap=wrap, required_confirmations=2)
    memory.chain.failing.add(_one_of_the_second(memory))
    return memory


def crowd_failing(wrap: Wrap) -> MemoryWorld:
    """It is left out of what the others share, and then fails by itself."""
    memory = memory_world(wrap=wrap, batch_min=2, batch_size=3)
    memory.chain.failing.add(_one_of_the_second(memory))
    return memory


def _one_of_the_second(memory: MemoryWorld) -> MessageKey:
    """The only message of the second payer."""
    return memory.payers[1].address.lower(), 1


def of(kind: str, scenario: Scenario) -> Scenario:
    """Give a scenario whose messages are of another kind than payments."""

    @wraps(scenario)
    def laid_out(wrap: Wrap) -> MemoryWorld:
        memory = scenario(wrap)
        memory.kind = kind
        return memory

    laid_out.__name__ = f"{kind}-{scenario.__name__}"
    return laid_out


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
"""Of payments."""
OF_OTHER_KINDS = (
    *(
        of(kind, one)
        for kind in PROVEN
        if kind != "payment"
        for one in (failing, chain_away, refused_by_nodes)
    ),
    *(of(kind, overtaken) for kind in PROVEN if kind in SIGNED and kind != "payment"),
    *(of("settlement", one) for one in (crowd_overtaken, crowd_failing)),
    of("faucet", shared_key),
)
"""Of all others; settlements can share transactions, too, and no chain knows a grant again."""


_LIKE_ANOTHER: Final = frozenset({"permit-transfer"})
"""Differs from `upto-transfer` in what is signed and called, and in nothing that a death meets."""


def of_other_kinds() -> list[pytest.ParameterSet]:
    """Give each scenario of other kinds; of a kind that is like another, only what it finds on the chain.

    `make soak` tries the rest.
    """
    return [
        pytest.param(
            scenario,
            id=scenario.__name__,
            marks=[pytest.mark.soak] if _is_tried_elsewhere(scenario.__name__) else [],
        )
        for scenario in OF_OTHER_KINDS
    ]


def _is_tried_elsewhere(name: str) -> bool:
    return any(
        name.startswith(f"{kind}-") and not name.endswith(overtaken.__name__) for kind in _LIKE_ANOTHER
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


def messages_of(memory: MemoryWorld) -> list[Message]:
    """Three messages of two payers, the last one urgent unless they are to share a transaction."""
    first, second = memory.payers
    deadline = memory.deadline()
    last = "fast" if memory.world.settings.batch_min > len(memory.payers) else "normal"
    priorities = ((first, "normal"), (second, "normal"), (first, last))
    return [
        message(memory.kind, payer, AMOUNT + FEE, deadline=deadline, priority=priority)
        for payer, priority in priorities
    ]


def live(world: World, clock: Clock, messages: Sequence[Message], *, messages_die: bool = False) -> None:
    """Do what clients, queue and schedule do, restarting everything after a death, until all is over.

    Args:
        world: what lives.
        clock: its time.
        messages: to be posted.
        messages_die: whether a death takes all queued messages along.

    """
    to_post, was_over = list(messages), False
    for _ in range(ROUNDS):
        try:
            while to_post:
                to_post[0].post(world)
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


def check(memory: MemoryWorld, messages: Sequence[Message]) -> None:
    """Each message was mined exactly once, told in order, and holds nothing any more.

    What no node takes has failed, for that reason, and was never mined; nor was what reverts.
    """
    world, chain = memory.world, memory.chain
    fates = {one.key: _fate(one, memory) for one in messages}
    assert Counter((row.status, row.reason) for row in world.rows()) == Counter(fates.values())
    mined = [one for one in messages if fates[one.key][0] is Status.CONFIRMED]
    assert Counter(chain.state.executed) == Counter(one.key for one in mined)
    assert not chain.overtaken, "nobody saw it"
    most_reverts = len(chain.by_others) + len(chain.failing)
    assert len(chain.reverted) <= most_reverts, "gas was spent on a message that was mined before"
    assert world.reserved() == world.held() == 0
    taken = Counter({payer.address: 0 for payer in memory.payers})
    for row in world.rows():
        if row.status is Status.CONFIRMED:
            taken[row.sender] += PROVEN[row.kind].taken(row)
    for payer, units in taken.items():
        assert PROVEN[memory.kind].left(chain, payer) == LOCKED - units
    world.check_events()
    world.check_nonces()


def _fate(one: Message, memory: MemoryWorld) -> tuple[Status, str | None]:
    """How a message has to end."""
    if one.key in memory.chain.refused:
        return Status.FAILED, "rejected"
    if one.key in memory.chain.failing:
        return Status.FAILED, "reverted"
    return Status.CONFIRMED, None
