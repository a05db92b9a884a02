"""Invariants 1 to 5: the process dies before and after every port call; nothing is lost, doubled or stuck."""

from typing import Any

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.settled import memory_world
from tests.faults.interruptions import Died, Interruption
from tests.faults.scenarios import AMOUNT, Scenario, bodies_of, check, in_both_ways, live


@pytest.mark.parametrize(
    ("scenario", "messages_die"), in_both_ways(("messages redelivered", "messages lost"))
)
def test_nothing_is_lost_or_doubled_whichever_port_call_a_process_dies_at(
    scenario: Scenario, *, messages_die: bool
) -> None:
    """Every call of ingest, submit and confirm, once just before it and once just after it."""
    counter = Interruption()
    memory = scenario(counter.wrap)
    bodies = bodies_of(memory)
    live(memory.world, memory.clock, bodies)
    check(memory, bodies)
    ports = {name.partition(".")[0] for name in counter.calls}

    assert ports >= {"chain", "store", "wallets", "queue", "signer", "leases", "confirmer"}
    for at in range(1, len(counter.calls) + 1):
        for after in (False, True):
            memory = scenario(Interruption(at, after=after).wrap)
            bodies = bodies_of(memory)
            try:
                live(memory.world, memory.clock, bodies, messages_die=messages_die)
                check(memory, bodies)
            except (AssertionError, pytest.fail.Exception) as error:
                when = "after" if after else "before"
                error.add_note(f"died {when} call {at}: {counter.calls[at - 1]}")
                raise


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
