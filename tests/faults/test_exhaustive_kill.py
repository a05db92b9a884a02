"""Invariants 1 to 5: the process dies before and after every port call; nothing is lost, doubled or stuck."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds, Wei
from tests.fakes.settled import MemoryWorld
from tests.faults.interruptions import Died, Interruption, call_named, noted
from tests.faults.messages import FEE, PROVEN, message
from tests.faults.scenarios import (
    AMOUNT,
    Scenario,
    check,
    in_both_ways,
    live,
    memory_world,
    messages_of,
    of_other_kinds,
)

PORTS = {"chain", "store", "wallets", "queue", "signer", "leases", "confirmer"}
WAYS = ("messages redelivered", "messages lost")


@pytest.mark.parametrize(("scenario", "messages_die"), in_both_ways(WAYS))
def test_nothing_is_lost_or_doubled_whichever_port_call_a_process_dies_at(
    scenario: Scenario, *, messages_die: bool
) -> None:
    """Every call of ingest, submit and confirm, once just before it and once just after it."""
    calls = calls_of(scenario)

    assert ports_of(calls) >= PORTS
    for at in range(1, len(calls) + 1):
        for after in (False, True):
            die(scenario, calls, at, after=after, messages_die=messages_die)


@pytest.mark.parametrize("is_second", [False, pytest.param(True, marks=pytest.mark.soak)])
@pytest.mark.parametrize("scenario", of_other_kinds())
def test_no_kind_of_message_is_lost_or_doubled_whichever_port_call_a_process_dies_at(
    scenario: Scenario, *, is_second: bool
) -> None:
    """Each call once, just before it or just after it by turns; `make soak` tries the other half."""
    calls = calls_of(scenario)

    assert ports_of(calls) >= PORTS
    for at in range(1, len(calls) + 1):
        die(scenario, calls, at, after=bool((at + is_second) % 2), messages_die=at % 4 > 1)


def calls_of(scenario: Scenario) -> list[str]:
    """Live without a death, and name the port calls."""
    counter = Interruption()
    memory = scenario(counter.wrap)
    messages = messages_of(memory)
    live(memory.world, memory.clock, messages)
    check(memory, messages)
    return counter.calls


def ports_of(calls: list[str]) -> set[str]:
    """Which ports were called."""
    return {name.partition(".")[0] for name in calls}


def die(scenario: Scenario, calls: list[str], at: int, *, after: bool, messages_die: bool) -> None:
    """Live with a death at one call."""
    memory = scenario(Interruption(at, after=after).wrap)
    messages = messages_of(memory)
    with noted(f"died {call_named(calls, at, after=after)}"):
        live(memory.world, memory.clock, messages, messages_die=messages_die)
        check(memory, messages)


def waiting(memory: MemoryWorld) -> None:
    """Have a message wait until its deadline: its contract takes none."""
    memory.chain.is_paused = True


def bound(memory: MemoryWorld) -> None:
    """Have a message wait on its nonce until its deadline: no node takes what it offers."""
    memory.chain.pool_floor = Wei(10**15)


@pytest.mark.parametrize("stuck", [waiting, bound])
@pytest.mark.parametrize("kind", PROVEN)
def test_a_message_that_expires_ends_once_whichever_port_call_a_process_dies_at(
    kind: str, stuck: Callable[[MemoryWorld], None]
) -> None:
    """With a nonce or without one: it fails, its funds are free, and its nonce is used up by nothing."""
    counter = Interruption()
    expire(memory_world(wrap=counter.wrap, wallets=1), kind, stuck)

    assert ports_of(counter.calls) >= PORTS - ({"signer"} if stuck is waiting else set())
    for at in range(1, len(counter.calls) + 1):
        after = at % 2 == 0
        memory = memory_world(wrap=Interruption(at, after=after).wrap, wallets=1)
        with noted(f"died {call_named(counter.calls, at, after=after)}"):
            expire(memory, kind, stuck)


def expire(memory: MemoryWorld, kind: str, stuck: Callable[[MemoryWorld], None]) -> None:
    """Post a message that cannot go on, let its deadline pass, and let everything go on again."""
    world = memory.world
    sent = message(kind, memory.payers[0], AMOUNT + FEE, deadline=memory.deadline(40))
    while not world.rows():
        with suppress(Died):
            sent.post(world)
    stuck(memory)
    for seconds in (1, 1, 45, 1):
        try:
            while world.deliver():
                pass
            world.follow(run_ms=2_000)
        except Died:
            world.restart()
        memory.clock.sleep(Milliseconds(1_000 * seconds))
    memory.chain.is_paused, memory.chain.pool_floor = False, Wei(0)

    live(world, memory.clock, [])

    (row,) = world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "deadline_passed")
    assert not memory.chain.state.executed
    assert world.reserved() == world.held() == 0
    world.check_events()
    world.check_nonces()


def test_poison_is_finished_by_the_dead_letter_queue_and_spares_its_neighbours() -> None:
    """Five starts without an outcome make a message poison; what shared a batch with it goes through."""
    memory = memory_world()
    poisoned, healthy = (payer.pay(AMOUNT, deadline=memory.deadline()) for payer in memory.payers)
    poison = memory.world.post(poisoned).transaction
    neighbour = memory.world.post(healthy).transaction
    simulate = memory.chain.simulate

    def deadly(calls: Any, **named: Any) -> Any:  # noqa: ANN401 (as the port)
        if any(poisoned["signature"][2:] in call.data.hex() for call in calls):
            raise Died
        return simulate(calls, **named)

    memory.chain.simulate = deadly  # type: ignore[method-assign]
    for _ in range(40):
        try:
            memory.world.deliver()
        except Died:
            memory.world.restart()
        memory.world.follow(run_ms=3_000)
        memory.clock.sleep(Milliseconds(1_000))
    unsettled = memory.world.deadletter(memory.world.queue.dead)

    ended = {row.transaction_id: row for row in memory.world.rows()}
    assert not unsettled
    assert ended[neighbour.transaction_id].status is Status.CONFIRMED
    assert ended[poison.transaction_id].status is Status.FAILED
    assert ended[poison.transaction_id].reason == "processing_failed"
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()
