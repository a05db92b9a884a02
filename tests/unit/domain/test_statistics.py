"""What is counted of events, and what the sums say."""

from collections import Counter
from dataclasses import replace

from ferryman.domain.events import Event, Step
from ferryman.domain.statistics import SETTLEMENT_BOUNDS, ChainStatistics, counts_of
from ferryman.domain.transaction import take_step
from ferryman.domain.units import Instant
from tests.support.payments import CHAIN_ID
from tests.support.rows import NOW, received_row

_MINED = {"gas_used": 60_000, "gas_share": 60_000, "effective_gas_price": 10**9}


def life(*steps: tuple[Step, int], **last: object) -> list[Event]:
    """Take steps, each so many milliseconds after acceptance, with facts of the last one."""
    row, events = received_row(), []
    for number, (step, after) in enumerate(steps, start=1):
        facts = last if number == len(steps) else {}
        row, event = take_step(row, step, name=f"payment_{step}", at=Instant(NOW + after), **facts)
        events.append(event)
    return events


def statistics(counts: dict[str, int]) -> ChainStatistics:
    """Give sums without a state."""
    return ChainStatistics(chain_id=CHAIN_ID, counts=counts, gauges=None)


def test_a_confirmed_payment_is_counted_with_its_stages_and_in_one_bucket() -> None:
    """The stages make up the whole."""
    events = life((Step.ACCEPTED, 0), (Step.BOUND, 100), (Step.INCLUDED, 1_100), (Step.CONFIRMED, 3_000))
    events[2] = replace(events[2], facts=_MINED)

    assert counts_of(events) == {
        "accepted__payment": 1,
        "confirmed__payment": 1,
        "gas_used": 60_000,
        "gas_cost_wei": 60_000 * 10**9,
        "settled__5000": 1,
        "settlement_ms": 3_000,
        "bind_ms": 100,
        "inclusion_ms": 1_000,
        "confirmation_ms": 1_900,
    }


def test_a_failure_is_counted_by_its_reason_and_a_reorg_by_itself() -> None:
    """Neither is a settlement."""
    failed = life((Step.RECEIVED, 0), (Step.FAILED, 5), reason="deadline_passed")
    reorged = life((Step.ACCEPTED, 0), (Step.BOUND, 1), (Step.INCLUDED, 2), (Step.REORGED, 3))

    assert counts_of(failed + reorged) == {
        "accepted__payment": 2,
        "failed__payment__deadline_passed": 1,
        "reorged": 1,
    }


def test_a_transaction_bears_its_share_of_a_batchs_gas() -> None:
    """Two that share 120,000 gas have not used 240,000."""
    (_, _, event) = life((Step.ACCEPTED, 0), (Step.BOUND, 1), (Step.INCLUDED, 2))
    facts = {"gas_used": 120_000, "gas_share": 60_000, "effective_gas_price": 10**9}

    counts = counts_of([replace(event, facts=facts)] * 2)

    assert (counts["gas_used"], counts["gas_cost_wei"]) == (120_000, 120_000 * 10**9)


def test_what_is_found_executed_after_a_restore_is_confirmed_and_has_no_settlement_time() -> None:
    """Nobody knows when it happened."""
    events = life((Step.ACCEPTED, 0), (Step.RECOVERED, 86_400_000), **_MINED)

    assert counts_of(events) == {
        "accepted__payment": 1,
        "confirmed__payment": 1,
        "gas_used": 60_000,
        "gas_cost_wei": 60_000 * 10**9,
    }


def test_a_bound_belongs_to_its_bucket_and_what_is_slower_than_all_has_one_too() -> None:
    """As Prometheus counts: less or equal."""
    last = SETTLEMENT_BOUNDS[-1]
    steps = [
        life((Step.ACCEPTED, 0), (Step.BOUND, 0), (Step.CONFIRMED, took)) for took in (1_000, 1_001, last + 1)
    ]

    counts: Counter[str] = sum((counts_of(events) for events in steps), Counter[str]())

    assert {name: count for name, count in counts.items() if name.startswith("settled")} == {
        "settled__1000": 1,
        "settled__2500": 1,
        "settled__more": 1,
    }


def test_the_success_ratio_is_of_what_ended() -> None:
    """Over all kinds and reasons; before the first end there is none."""
    counts = {"accepted__payment": 9, "confirmed__payment": 3, "failed__payment__reverted": 1}

    assert statistics(counts).success_ratio() == 0.75
    assert statistics({"accepted__payment": 9}).success_ratio() is None


def test_what_predictions_missed_is_summed_over_those_that_were_made() -> None:
    """Above and below make up for each other; what was not predicted counts nowhere."""
    ends = (Step.ACCEPTED, 0), (Step.BOUND, 0), (Step.CONFIRMED, 1)
    events = [*life(*ends, cost_error_bps=-500), *life(*ends, cost_error_bps=200), *life(*ends)]

    counts = counts_of(events)

    assert (counts["predictions"], counts["cost_error_bps"]) == (2, -300)
    assert statistics(counts).mean_cost_error_bps() == -150
    assert statistics({}).mean_cost_error_bps() is None
