"""Invariant 4: what is accepted never exceeds what is locked, however concurrent or stale the reading."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from ferryman.domain.errors import InsufficientFundsError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.settled import LOCKED, MemoryWorld, memory_world
from tests.faults.interruptions import Interruption


def is_accepted(memory: MemoryWorld, body: dict[str, Any]) -> bool:
    """Post a payment; give whether it was taken."""
    try:
        return memory.world.post(body).is_new
    except InsufficientFundsError:
        return False


def test_concurrent_payments_are_accepted_up_to_the_last_unit_and_no_further() -> None:
    """200 at once ask for twice the locked funds: exactly half of them fit."""
    memory = memory_world(payers=1)
    payer, amount = memory.payers[0], LOCKED // 100
    bodies = [payer.pay(amount, deadline=memory.deadline()) for _ in range(200)]

    with ThreadPoolExecutor(16) as threads:
        accepted = list(threads.map(lambda body: is_accepted(memory, body), bodies))

    assert sum(accepted) == LOCKED // amount
    assert memory.world.reserved() == memory.world.held() == LOCKED
    memory.world.settle(rounds=200)
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert memory.world.reserved() == memory.world.held() == 0
    assert not memory.chain.reverted


def test_concurrent_payments_never_exceed_funds_while_earlier_ones_confirm_and_release() -> None:
    """Blocks are mined and reservations released in between; all funds are spent, none twice."""
    memory = memory_world(payers=1)
    payer, amount = memory.payers[0], LOCKED // 40
    waiting = [payer.pay(amount, fee=1, deadline=memory.deadline()) for _ in range(80)]
    accepted = 0

    while waiting:
        now, waiting = waiting[:10], waiting[10:]
        with ThreadPoolExecutor(8) as threads:
            posts = threads.map(lambda body: is_accepted(memory, body), now)
            memory.world.follow(run_ms=3_000)
            accepted += sum(posts)
        assert memory.world.reserved() == memory.world.held()
        memory.world.deliver()
        memory.clock.sleep(Milliseconds(1_000))
    memory.world.settle(rounds=200)

    assert accepted == LOCKED // (amount + 1)
    assert [row.status for row in memory.world.rows()] == [Status.CONFIRMED] * accepted
    assert not memory.chain.reverted
    assert memory.world.reserved() == memory.world.held() == 0


@pytest.mark.parametrize(("amount", "fits"), [(LOCKED // 2, True), (LOCKED // 2 + 1, False)])
@pytest.mark.parametrize("confirmations", [1, 3])
def test_a_payment_that_settles_in_the_middle_of_accepting_the_next_is_counted_once(
    amount: int, confirmations: int, *, fits: bool
) -> None:
    """Before and after every port call of ingest, an earlier payment is mined, confirmed and released."""
    calls = 30
    for at in range(1, calls):
        for after in (False, True):
            interruption = Interruption()
            memory = memory_world(payers=1, wrap=interruption.wrap, required_confirmations=confirmations)
            payer = memory.payers[0]
            memory.world.post(payer.pay(LOCKED // 2, deadline=memory.deadline()))
            memory.world.deliver()
            interruption.arm(at, after=after, act=partial(settle_others, memory))

            accepted = is_accepted(memory, payer.pay(amount, deadline=memory.deadline()))

            assert accepted is fits, f"settled {'after' if after else 'before'} {interruption.calls[-1]}"
            assert memory.world.reserved() == memory.world.held()


def settle_others(memory: MemoryWorld) -> None:
    """Mine and confirm what is bound, as a confirm run beside this ingest would."""
    memory.clock.sleep(Milliseconds(5_000))
    memory.world.rival().follow(run_ms=3_000)


def test_funds_are_released_where_they_were_held_though_the_configuration_changed() -> None:
    """An operator moves to a new escrow while a payment is open: its own ledger goes back to zero."""
    memory = memory_world(payers=1)
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    memory.world.deliver()
    elsewhere = memory.world.settings.model_copy(update={"escrow": memory.world.settings.tokens[0]})

    memory.world.settings = elsewhere
    memory.world.restart()
    memory.world.settle()

    (row,) = memory.world.rows()
    assert row.status is Status.CONFIRMED
    assert memory.world.ledgers() == [0]
    assert memory.world.held() == 0
