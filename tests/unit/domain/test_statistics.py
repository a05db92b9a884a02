"""What is counted of events, and what the sums say."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.events import Event, Step
from ferryman.domain.statistics import (
    LATENCY_BOUNDS,
    ChainStatistics,
    Recent,
    Snapshot,
    bucket_counter,
    counts_of,
    kept,
    quantile,
    snapshots,
)
from ferryman.domain.transaction import take_step
from ferryman.domain.units import Instant, Milliseconds
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
        "b__250": 1,
        "m__1500": 1,
        "settled__3500": 1,
        "settlement_ms": 3_000,
        "bind_ms": 100,
        "inclusion_ms": 1_000,
        "confirmation_ms": 1_900,
    }


def test_fees_are_summed_by_kind_and_what_takes_none_adds_nothing() -> None:
    """Also that of a target that failed, which was paid for."""
    ends = (Step.ACCEPTED, 0), (Step.BOUND, 0)
    paid = life(*ends, (Step.CONFIRMED, 1), fee_taken=17)
    failed = life(*ends, (Step.FAILED, 1), fee_taken=5, reason="call_reverted")

    assert counts_of([*paid, *failed])["fees__payment"] == 22
    assert "fees__payment" not in counts_of(life(*ends, (Step.CONFIRMED, 1)))


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
    last = LATENCY_BOUNDS[-1]
    steps = [
        life((Step.ACCEPTED, 0), (Step.BOUND, 0), (Step.CONFIRMED, took)) for took in (1_000, 1_001, last + 1)
    ]

    counts: Counter[str] = sum((counts_of(events) for events in steps), Counter[str]())

    assert {name: count for name, count in counts.items() if name.startswith("settled")} == {
        "settled__1000": 1,
        "settled__1500": 1,
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


# -- what is recent -----------------------------------------------------------------------------

HOUR = 3_600_000


def recent(took: list[int], **counts: int) -> Recent:
    """Give what happened in an hour: settled in so many milliseconds each."""
    settled = Counter(bucket_counter("settled", Milliseconds(one)) for one in took)
    return Recent(duration_ms=Milliseconds(HOUR), counts={**settled, **counts})


@given(st.lists(st.integers(1, 3_600_000), min_size=1, max_size=200), st.sampled_from([50, 95, 99, 100]))
def test_an_estimate_is_in_the_bucket_of_the_time_that_it_stands_for(took: list[int], percent: int) -> None:
    """So it is as good as the bounds are close."""
    exact = sorted(took)[-(-percent * len(took) // 100) - 1]
    upper = next(bound for bound in LATENCY_BOUNDS if exact <= bound)
    lower = max((bound for bound in (0, *LATENCY_BOUNDS) if bound < exact), default=0)

    estimate = recent(took).latency_ms(Step.CONFIRMED, percent)

    assert estimate is not None
    assert lower <= estimate <= upper


@pytest.mark.parametrize(("percent", "expected"), [(50, 1_250), (95, 1_475), (99, 1_495), (100, 1_500)])
def test_a_buckets_own_are_spread_evenly_over_it(percent: int, expected: int) -> None:
    """As Prometheus does, whose functions a dashboard would use instead."""
    assert recent([1_400] * 100).latency_ms(Step.CONFIRMED, percent) == expected


def test_what_is_slower_than_all_bounds_took_at_least_the_last() -> None:
    """More than that is not known of it; of nothing, nothing is."""
    assert recent([10**8] * 3).latency_ms(Step.CONFIRMED, 99) == LATENCY_BOUNDS[-1]
    assert quantile([0] * (len(LATENCY_BOUNDS) + 1), 99) is None


def test_requests_are_counted_by_the_hour_and_ends_by_their_share() -> None:
    """Of all kinds and reasons; a span without any has neither."""
    some = kept(
        {"accepted__payment": 9, "accepted__settlement": 3, "confirmed__payment": 3, "failed__x__y": 1}
    )
    half = Recent(duration_ms=Milliseconds(HOUR // 2), counts=some)

    assert (half.accepted_per_hour(), half.success_bps()) == (24, 7_500)
    none = Recent(duration_ms=Milliseconds(0), counts={})
    assert (none.accepted_per_hour(), none.success_bps()) == (None, None)


def test_the_past_is_an_hour_long_at_least_and_two_at_most() -> None:
    """Measured every minute, with two snapshots, whatever there is to measure."""
    past: tuple[Snapshot, ...] = ()
    for minute in range(600):
        now = Instant(NOW + minute * 60_000)
        past = snapshots(past, {"accepted__payment": minute, "gas_used": 7}, now)
        assert len(past) <= 2
        assert now - past[0].at < 2 * HOUR
        assert minute < 120 or now - past[0].at >= HOUR
        assert past[0].counts == {"accepted": (past[0].at - NOW) // 60_000}
