"""Giving up: only real failures count, and what had too many of them is ended by deadletter."""

from collections import Counter
from typing import Final

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Address
from tests.fakes.chain import GAS_USED
from tests.fakes.payers import PAYEE
from tests.fakes.settled import MemoryWorld, memory_world

ANOTHER: Final = Address("0x90F79bf6EB2c4f870365E785982E1f101E93b906")


def refused(memory: MemoryWorld) -> None:
    """Post a payment whose transfer the token refuses, for a reason we do not know."""
    memory.chain.refused_payees.add(PAYEE)
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))


def test_an_unknown_revert_is_tried_as_often_as_allowed_and_then_ends_without_gas() -> None:
    """In the dead-letter queue with its reason, then FAILED, its funds free again."""
    memory = memory_world(failures_allowed=5)
    refused(memory)

    memory.world.settle(rounds=200)

    (row,) = memory.world.rows()
    assert memory.world.queue.given_up == [(row.transaction_id, "retries_exhausted")]
    assert (row.status, row.reason, row.failures) == (Status.FAILED, "retries_exhausted", 5)
    assert row.witnesses == 1
    assert "SafeERC20FailedOperation" in str(row.last_error)
    assert memory.world.reserved() == memory.world.held() == 0
    assert memory.chain.sends == 0
    memory.world.check_events()


def test_a_call_that_wants_more_gas_than_allowed_is_never_paid_for() -> None:
    """Whatever an estimate says: a hostile token that burns gas drains no wallet."""
    memory = memory_world(failures_allowed=3, gas_limit_cap=GAS_USED - 1)
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))

    memory.world.settle(rounds=100)

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "retries_exhausted")
    assert row.last_error == f"it needs {GAS_USED} gas, the cap is {GAS_USED - 1}"
    assert memory.chain.sends == memory.signer.signatures == 0


def test_what_waits_of_a_payer_holds_up_nothing_else_of_the_same_payer() -> None:
    """His payments are in no order: one that cannot go now, or never, blocks no account."""
    memory = memory_world()
    refused(memory)
    memory.world.deliver()
    for _ in range(20):
        memory.world.post(memory.payers[0].pay(10, to=ANOTHER, deadline=memory.deadline()))

    memory.world.settle(rounds=10)

    statuses = Counter(row.status for row in memory.world.rows())
    assert statuses == {Status.CONFIRMED: 20, Status.VALIDATED: 1}


def test_one_whose_revert_passes_in_time_goes_through_and_begins_anew() -> None:
    """What it failed before is forgotten once it has a nonce."""
    memory = memory_world(failures_allowed=5)
    refused(memory)
    memory.world.settle(rounds=10)
    (row,) = memory.world.rows()
    assert 0 < row.failures < 5

    memory.chain.refused_payees.clear()
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.failures) == (Status.CONFIRMED, 0)


@pytest.mark.parametrize("trouble", ["escrow paused", "chain away", "no window", "funds gone"])
def test_waiting_for_somebody_else_never_counts(trouble: str) -> None:
    """However long it lasts."""
    memory = memory_world(failures_allowed=2, window=1, express_window=0, wallets=1, batch_size=0)
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    match trouble:
        case "escrow paused":
            memory.chain.is_paused = True
        case "chain away":
            memory.chain.is_reachable = False
        case "no window":
            memory.chain.is_mining = False
            memory.world.post(memory.payers[1].pay(1_000, deadline=memory.deadline()))
        case "funds gone":
            memory.chain.state.balances.clear()

    memory.world.settle(rounds=60)

    assert memory.world.open_rows()
    assert {row.failures for row in memory.world.rows()} == {0}
    assert not memory.world.queue.given_up


def test_a_message_that_the_dead_letter_queue_does_not_take_comes_again() -> None:
    """Nothing is lost between marking a row and giving it up."""
    memory = memory_world(failures_allowed=1)
    refused(memory)
    memory.world.queue.refuses = 2

    memory.world.settle(rounds=200)

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "retries_exhausted")
