"""From the fee that was signed to the margin in the record, through the whole way of a payment."""

from typing import Any

from ferryman.domain.metrics import Metric
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.transaction import Status
from ferryman.domain.units import Gas, Milliseconds, TokenUnits, Wei
from ferryman.services.journal import Journal
from ferryman.services.records import event_of, record_of
from tests.fakes.metrics import FakeMetrics
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.fakes.talk import FakeLog

SCHEDULE = FeeSchedule(units_per_native=TokenUnits(2_000 * 10**6), gas=Gas(100_000))
FEE = 200_200
"""100,000 gas at 1.001 gwei, at 2,000 to the coin."""
COST = 60_000 * 10**9
"""What the fake chain takes."""


def confirmed(memory: MemoryWorld, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (arguments of pay)
    """Take a payment to its end; give its record."""
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(), **changes))
    memory.world.settle()
    (row,) = memory.world.rows()
    return record_of(row)


def test_the_record_of_a_priced_payment_says_what_it_cost_and_earned() -> None:
    """It was predicted with 100,000 gas, and took 60,000."""
    memory = memory_world(fees={SETTINGS.tokens[0]: SCHEDULE})

    record = confirmed(memory, fee=FEE)

    assert (record["status"], record["gas_cost"], record["fee_taken"]) == ("CONFIRMED", str(COST), str(FEE))
    assert record["margin"] == str(FEE - 120_000)
    assert record["cost_error_bps"] == (COST - 100_100_000_000_000) * 10_000 // 100_100_000_000_000


def test_the_record_of_a_free_payment_says_what_it_cost() -> None:
    """Nothing is predicted and no price is known, but the receipt is."""
    record = confirmed(memory_world())

    assert (record["gas_cost"], record["fee_taken"]) == (str(COST), "0")
    assert (record["margin"], record["cost_error_bps"], record["predicted_cost"]) == (None, None, None)


def test_a_voluntary_fee_is_counted() -> None:
    """A payer may always give more than is asked."""
    record = confirmed(memory_world(), fee=7)

    assert record["fee_taken"] == "7"


def test_the_data_fee_of_the_receipt_is_part_of_the_cost() -> None:
    """Also where nothing is charged."""
    memory = memory_world()
    memory.chain.l1_fee = Wei(5 * 10**12)

    assert confirmed(memory)["gas_cost"] == str(COST + 5 * 10**12)


def test_nothing_is_said_before_it_is_final() -> None:
    """What is mined may be lost again."""
    memory = memory_world(fees={SETTINGS.tokens[0]: SCHEDULE}, required_confirmations=5)
    memory.world.post(memory.payers[0].pay(1_000, fee=FEE, deadline=memory.deadline()))
    memory.world.deliver()
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.follow(run_ms=2_000)

    (row,) = memory.world.rows()
    record = record_of(row)

    assert record["gas_used"] == 60_000
    assert (record["gas_cost"], record["fee_taken"], record["margin"]) == (None, None, None)


def test_a_reverted_payment_cost_gas_and_earned_nothing() -> None:
    """The escrow was paused between the simulation and the block."""
    memory = memory_world(fees={SETTINGS.tokens[0]: SCHEDULE})
    memory.world.post(memory.payers[0].pay(1_000, fee=FEE, deadline=memory.deadline()))
    memory.world.deliver()
    memory.chain.is_paused = True
    memory.world.settle()

    (row,) = memory.world.rows()
    record = record_of(row)

    assert (row.status, row.reason) == (Status.FAILED, "reverted")
    assert (record["gas_cost"], record["fee_taken"], record["margin"]) == (str(COST), "0", "-120000")


def test_a_payment_that_was_never_mined_cost_nothing() -> None:
    """Its record says nothing of money."""
    memory = memory_world(fees={SETTINGS.tokens[0]: SCHEDULE})
    memory.world.post(memory.payers[0].pay(1_000, fee=FEE, deadline=memory.deadline(60)))
    memory.chain.is_paused = True
    memory.world.settle()

    (row,) = memory.world.rows()
    record = record_of(row)

    assert row.reason == "deadline_passed"
    assert (record["gas_cost"], record["fee_taken"], record["margin"]) == (None, None, None)


def test_the_last_event_carries_the_money_as_strings() -> None:
    """As every amount does."""
    memory = memory_world(fees={SETTINGS.tokens[0]: SCHEDULE})
    confirmed(memory, fee=FEE)

    (row,) = memory.world.rows()
    last = event_of(memory.world.store.events(row.transaction_id)[-1])

    assert last["event"] == "payment_confirmed"
    assert (last["data"]["fee_taken"], last["data"]["margin"]) == (str(FEE), str(FEE - 120_000))


def test_prediction_and_coverage_are_counted_of_what_was_priced() -> None:
    """40 % too high a prediction, and a fee that pays 1.66 times for the gas."""
    metrics = FakeMetrics()
    journal = Journal(log=FakeLog(), metrics=metrics)
    for memory in (memory_world(fees={SETTINGS.tokens[0]: SCHEDULE}), memory_world()):
        confirmed(memory, fee=FEE)
        (row,) = memory.world.rows()
        for event in memory.world.store.events(row.transaction_id):
            journal(event)

    assert metrics.counts()[Metric.COST_ERROR] == metrics.counts()[Metric.FEE_COVERAGE] == 1
    assert metrics.total(Metric.COST_ERROR) == -4_006
    assert metrics.total(Metric.FEE_COVERAGE) == FEE * 10_000 // 120_000
