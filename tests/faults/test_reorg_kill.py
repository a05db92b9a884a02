"""Invariants 1 to 5 across a deep reorg: the process dies before and after every port call that follows."""

import pytest

from ferryman.domain.transaction import Status
from ferryman.services.executions import LOOKED_AT_AGAIN_MS
from tests.fakes.settled import MemoryWorld
from tests.faults.interruptions import Interruption, call_named, noted
from tests.faults.messages import Message
from tests.faults.scenarios import (
    Scenario,
    chain_up,
    check,
    crowd,
    crowd_overtaken,
    live,
    messages_of,
    of,
    overtaken,
    two_confirmations,
)


def over(scenario: Scenario, interruption: Interruption) -> tuple[MemoryWorld, list[Message]]:
    """Live until all payments are confirmed, then have their blocks replaced and the mempool lost."""
    memory = scenario(interruption.wrap)
    first = memory.chain.head().number
    memory.chain.final_lag = 1_000
    messages = messages_of(memory)
    live(memory.world, memory.clock, messages)
    check(memory, messages)
    memory.chain.replace(memory.chain.head().number - first, keeps_mempool=False)
    assert not set(memory.chain.state.executed)
    if any(row.due_at for row in memory.world.rows()):
        # What others carried out is looked at once a minute.
        memory.clock.sleep(LOOKED_AT_AGAIN_MS)
    return memory, messages


_CASES = (
    pytest.param(chain_up, False, id="one by one, messages redelivered"),
    pytest.param(crowd, True, id="in one transaction, messages lost"),
    pytest.param(
        of("settlement", overtaken), True, id="carried out by another relayer", marks=pytest.mark.soak
    ),
    pytest.param(
        of("settlement", crowd_overtaken), False, id="left out of its batch for that", marks=pytest.mark.soak
    ),
    pytest.param(chain_up, True, id="one by one, messages lost", marks=pytest.mark.soak),
    pytest.param(crowd, False, id="in one transaction, messages redelivered", marks=pytest.mark.soak),
    pytest.param(two_confirmations, False, id="two confirmations", marks=pytest.mark.soak),
    pytest.param(of("settlement", crowd), True, id="settlements in one transaction", marks=pytest.mark.soak),
    pytest.param(of("meta-transaction", chain_up), True, id="meta-transactions", marks=pytest.mark.soak),
    pytest.param(of("faucet", chain_up), True, id="grants", marks=pytest.mark.soak),
)


@pytest.mark.parametrize(("scenario", "messages_die"), _CASES)
def test_what_was_over_is_over_again_whichever_port_call_a_process_dies_at(
    scenario: Scenario,
    messages_die: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    """Nothing is lost, doubled or left held, from the look that sees the reorg to the second end."""
    counter = Interruption()
    memory, messages = over(scenario, counter)
    before = len(counter.calls)
    live(memory.world, memory.clock, [])
    check(memory, messages)
    calls = counter.calls[before:]

    assert {"wallets.reopen", "wallets.settled_nonces"} <= set(calls)
    for at in range(1, len(calls) + 1):
        for after in (False, True):
            interruption = Interruption()
            memory, messages = over(scenario, interruption)
            interruption.arm(at, after=after, act=interruption.act)
            with noted(f"died {call_named(calls, at, after=after)}"):
                live(memory.world, memory.clock, [], messages_die=messages_die)
                check(memory, messages)
            assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
