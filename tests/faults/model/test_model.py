"""Whatever clients, processes, chain and AWS do to each other, no payment is lost, doubled or stuck."""

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.model.machine import Crowded, Ferryman

LIVES: Final = 80
"""Of each shape, in every run of the tests: always the same ones."""
SOAK_LIVES: Final = int(os.environ.get("SOAK_LIVES") or "5000")
"""Of each shape, in a soak: new ones each time."""
STEPS: Final = 40
"""Rules in each life, besides its thousands of port calls."""


def live(machine: type[Ferryman], *, lives: int, always_the_same: bool) -> None:
    """Try lives, and tell what came to pass in them."""
    machine.tried.clear()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=STEPS,
            derandomize=always_the_same,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    for what, count in sorted(machine.tried.items()):
        print(f"{count:8} {what}")  # noqa: T201 (what a soak is for)


@pytest.mark.parametrize("machine", [Ferryman, Crowded])
def test_nothing_is_lost_doubled_or_stuck_whatever_happens(machine: type[Ferryman]) -> None:
    """After each of these lives, once everything has healed, all invariants hold."""
    live(machine, lives=LIVES, always_the_same=True)

    assert machine.tried["lives"] >= LIVES
    assert machine.tried["ended CONFIRMED"] > machine.tried["lives"], "nothing much happened"


@pytest.mark.soak
@pytest.mark.parametrize("machine", [Ferryman, Crowded])
def test_nothing_is_lost_doubled_or_stuck_in_thousands_of_other_lives(machine: type[Ferryman]) -> None:
    """The same with new lives each time; `make soak` says the seed that repeats them."""
    live(machine, lives=SOAK_LIVES, always_the_same=False)

    assert machine.tried["lives"] >= SOAK_LIVES
