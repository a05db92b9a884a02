"""Invariants 1, 4 and 5 under concurrency: a second run of everything, in the middle of every port call."""

import pytest

from ferryman.domain.units import Milliseconds
from ferryman.ports import Hint
from ferryman.services.confirm import LEASE_MS
from tests.fakes.settled import MemoryWorld
from tests.faults.interruptions import Interruption, call_named, noted
from tests.faults.scenarios import Scenario, check, in_both_ways, live, messages_of


def act_of(memory: MemoryWorld, *, steals_lease: bool) -> None:
    """Deliver every message again to a rival, and let it follow the chain, with a lease that ran out."""
    rival = memory.world.rival()
    hints: list[Hint] = memory.world.queue.everything()
    if hints:
        rival.submit(hints)
    if steals_lease:
        memory.clock.sleep(Milliseconds(LEASE_MS + 1))
    rival.follow(run_ms=3_000)


@pytest.mark.parametrize(("scenario", "steals_lease"), in_both_ways(("overlapping", "stealing the lease")))
def test_a_second_run_in_the_middle_of_any_port_call_changes_nothing(
    scenario: Scenario, *, steals_lease: bool
) -> None:
    """Whatever a run has read may be old when it writes: conditions refuse it, and the end is the same."""
    counter = Interruption()
    memory = scenario(counter.wrap)
    live(memory.world, memory.clock, messages_of(memory))

    assert "wallets.bind" in counter.calls
    for at in range(1, len(counter.calls) + 1):
        for after in (False, True):
            interruption = Interruption(at, after=after)
            memory = scenario(interruption.wrap)
            interruption.act = lambda memory=memory: act_of(memory, steals_lease=steals_lease)  # type: ignore[misc]
            messages = messages_of(memory)
            with noted(f"rival {call_named(counter.calls, at, after=after)}"):
                live(memory.world, memory.clock, messages)
                check(memory, messages)
