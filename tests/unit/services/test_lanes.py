"""Lanes from request to nonce: a flood of standard payments does not hold up an urgent one."""

from ferryman.domain.lanes import Lane
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from ferryman.ports import NonceHint, TransactionHint
from ferryman.services.sweeping import MOST_AT_ONCE
from tests.fakes.settled import MemoryWorld, memory_world


def flooded(memory: MemoryWorld, count: int) -> None:
    """Post standard payments and submit as many as their part of the window takes."""
    for _ in range(count):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass


def pending(memory: MemoryWorld) -> int:
    """Count the payments that have a nonce."""
    return sum(row.status is Status.PENDING for row in memory.world.rows())


def test_a_fast_payment_and_one_near_its_deadline_go_by_the_express_lane() -> None:
    """And nobody else's."""
    memory = memory_world()
    payer = memory.payers[0]

    usual = memory.world.post(payer.pay(1, deadline=memory.deadline())).transaction
    fast = memory.world.post(payer.pay(1, deadline=memory.deadline(), priority="fast")).transaction
    late = memory.world.post(payer.pay(1, deadline=memory.deadline(100))).transaction

    lanes = {
        lane: [
            hint.transaction_id
            for hint in memory.world.queue.waiting(lane)
            if isinstance(hint, TransactionHint)
        ]
        for lane in Lane
    }
    assert lanes == {
        Lane.EXPRESS: [fast.transaction_id, late.transaction_id],
        Lane.STANDARD: [usual.transaction_id],
    }


def test_a_flood_of_standard_payments_leaves_window_for_urgent_ones() -> None:
    """Four of sixteen nonces stay free for them; the flood waits on its rows."""
    memory = memory_world(wallets=1, batch_size=0)
    memory.chain.is_mining = False
    flooded(memory, 20)
    assert pending(memory) == 12

    for _ in range(5):
        memory.world.post(memory.payers[1].pay(1, deadline=memory.deadline(), priority="fast"))
    while memory.world.deliver():
        pass

    urgent = [row for row in memory.world.rows() if row.sender == memory.payers[1].address]
    assert sorted(row.status for row in urgent) == [Status.PENDING] * 4 + [Status.VALIDATED]
    assert pending(memory) == 16
    memory.chain.is_mining = True
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}


def test_one_batch_of_both_lanes_binds_the_urgent_ones_first() -> None:
    """The last free nonce is not taken by what could wait."""
    memory = memory_world(wallets=1, window=3, express_window=1)
    memory.chain.is_mining = False
    for priority in ("normal", "normal", "normal", "fast"):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline(), priority=priority))

    memory.world.submit(memory.world.queue.everything())

    bound = {row.priority.value: row.nonce for row in memory.world.rows() if row.nonce is not None}
    assert bound["fast"] == 0
    assert pending(memory) == 2


def test_the_sweep_hints_an_urgent_payment_before_a_hundred_that_were_due_earlier() -> None:
    """It lists far more than it hints in one pass."""
    memory = memory_world()
    sender, waiting = memory.payers[0], MOST_AT_ONCE + 20
    for _ in range(waiting):
        memory.world.post(sender.pay(1, deadline=memory.deadline()))
    memory.world.clock.sleep(Milliseconds(100))
    urgent = memory.world.post(sender.pay(1, deadline=memory.deadline(), priority="fast")).transaction
    memory.world.queue.lose()
    memory.world.clock.sleep(Milliseconds(11_000))

    memory.world.sweep()

    (hint,) = memory.world.queue.waiting(Lane.EXPRESS)
    assert isinstance(hint, TransactionHint)
    assert hint.transaction_id == urgent.transaction_id
    assert len(memory.world.queue.waiting(Lane.STANDARD)) == MOST_AT_ONCE - 1


def test_a_waiting_payment_whose_deadline_comes_near_is_swept_into_the_express_lane() -> None:
    """The lane is decided when a hint is sent, not when the payment was accepted."""
    memory = memory_world(wallets=1, window=1)
    memory.chain.is_mining = False
    flooded(memory, 2)
    (waiting,) = (row for row in memory.world.rows() if row.status is Status.VALIDATED)

    lanes = []
    for seconds in (31, 3_600 - 31 - 119):
        memory.clock.sleep(Milliseconds(seconds * 1000))
        memory.world.follow(run_ms=2_500)
        lanes.append(
            {
                lane
                for lane in Lane
                for hint in memory.world.queue.waiting(lane)
                if isinstance(hint, TransactionHint) and hint.transaction_id == waiting.transaction_id
            }
        )
        memory.world.queue.lose()

    assert lanes == [{Lane.STANDARD}, {Lane.EXPRESS}]


def test_a_lost_urgent_transaction_is_asked_for_by_the_express_lane() -> None:
    """Its nonce hint must not queue behind a flood either."""
    memory = memory_world()
    memory.chain.is_mining = False
    for priority in ("normal", "fast"):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline(), priority=priority))
        memory.world.deliver()
    memory.chain.forget()

    memory.clock.sleep(Milliseconds(10_000))
    memory.world.follow(run_ms=2_500)

    asked = {
        lane: {hint.nonce for hint in memory.world.queue.waiting(lane) if isinstance(hint, NonceHint)}
        for lane in Lane
    }
    urgent = {row.nonce for row in memory.world.rows() if row.priority.value == "fast"}
    assert asked[Lane.EXPRESS] == urgent
    assert len(asked[Lane.STANDARD]) == 1
