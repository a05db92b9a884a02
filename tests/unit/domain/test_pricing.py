"""Fees: whole numbers, rounded up, and never against the direction of what they rest on."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.fees import BPS, FeeHistory, Tier
from ferryman.domain.pricing import (
    OBSERVED_MS,
    WEI_PER_COIN,
    Discount,
    FeeSchedule,
    Market,
    Prediction,
    fee_of,
    honoured_count,
    in_units,
    market_of,
    oldest_honoured,
    quoted_count,
    span_of,
)
from ferryman.domain.quotas import DAY_MS, Quota
from ferryman.domain.units import Gas, Instant, Seconds, TokenUnits, Wei

USDC_PER_ETH = TokenUnits(2_000 * 10**6)
MARKET = Market(
    observed_at=Instant(0),
    gas_prices={Tier.SLOW: Wei(10**9), Tier.NORMAL: Wei(2 * 10**9), Tier.FAST: Wei(3 * 10**9)},
    l1_fee=Wei(10**13),
)

units = st.integers(0, 10**12)
schedules = st.builds(
    FeeSchedule,
    base_units=units,
    units_per_native=units,
    gas=st.integers(1, 10**6),
    tier_bps=st.dictionaries(st.sampled_from(Tier), st.integers(0, 100 * BPS)),
    discounts=st.sampled_from([(), (Discount(count=10, bps=500), Discount(count=100, bps=10_000))]),
    minimum_units=st.integers(0, 1_000),
    cap_units=st.integers(1_000, 10**30),
)
prices = st.integers(0, 10**13)
tiers = st.sampled_from(Tier)
counts = st.integers(0, 200)


def market(price: int, l1: int = 0) -> Market:
    """Give a market of one price."""
    return Market(observed_at=Instant(0), gas_prices=dict.fromkeys(Tier, Wei(price)), l1_fee=Wei(l1))


def test_a_fee_is_worked_out_step_by_step() -> None:
    """(1,000 + 400 for 100,000 gas at 2 gwei + 20 for the data) x 1.5, less 10 %."""
    schedule = FeeSchedule(
        base_units=TokenUnits(1_000),
        units_per_native=USDC_PER_ETH,
        gas=Gas(100_000),
        tier_bps={Tier.NORMAL: 15_000},
        discounts=(Discount(count=5, bps=1_000),),
    )

    fee = fee_of(schedule, Tier.NORMAL, MARKET, count=5)

    assert (fee.base, fee.gas, fee.l1) == (1_000, 400_000, 20_000)
    assert (fee.tier_bps, fee.discount_bps) == (15_000, 1_000)
    assert fee.total == 421_000 * 15_000 // BPS * 9_000 // BPS
    assert not fee.is_minimum
    assert not fee.is_cap


@pytest.mark.parametrize(
    ("base", "total", "is_minimum", "is_cap"),
    [(99, 100, True, False), (100, 100, False, False), (200, 200, False, False), (201, 200, False, True)],
)
def test_minimum_and_cap_apply_from_the_first_unit(
    base: int, total: int, *, is_minimum: bool, is_cap: bool
) -> None:
    """And the fee says so."""
    schedule = FeeSchedule(
        base_units=TokenUnits(base), minimum_units=TokenUnits(100), cap_units=TokenUnits(200)
    )

    fee = fee_of(schedule, Tier.NORMAL, None, count=0)

    assert (fee.total, fee.is_minimum, fee.is_cap) == (total, is_minimum, is_cap)


def test_by_default_nothing_is_charged() -> None:
    """A fee is optional, as it was."""
    schedule = FeeSchedule()

    assert schedule.is_free
    assert fee_of(schedule, Tier.FAST, MARKET, count=0).total == 0


@given(schedule=schedules, tier=tiers, price=prices, l1=st.integers(0, 10**18), count=counts)
def test_a_fee_is_exact_to_the_units_that_are_rounded_up(
    schedule: FeeSchedule, tier: Tier, price: int, l1: int, count: int
) -> None:
    """Against fractions: never below the exact value, and above it by less than four roundings can add."""
    fee = fee_of(schedule, tier, market(price, l1), count=count)

    coin = Fraction(schedule.gas * price + l1, WEI_PER_COIN)
    exact = schedule.base_units + coin * schedule.units_per_native
    exact *= Fraction(fee.tier_bps, BPS) * Fraction(BPS - fee.discount_bps, BPS)
    low = min(max(exact, Fraction(schedule.minimum_units)), Fraction(schedule.cap_units))
    rounding = 2 * Fraction(fee.tier_bps, BPS) + 2
    assert low <= fee.total <= low + rounding
    assert schedule.minimum_units <= fee.total <= schedule.cap_units


@given(schedule=schedules, tier=tiers, low=prices, more=prices, l1=st.integers(0, 10**15), count=counts)
def test_a_fee_never_falls_when_the_market_rises(
    schedule: FeeSchedule, tier: Tier, low: int, more: int, l1: int, count: int
) -> None:
    """So the floor of several observations is that of the lowest."""
    cheap = fee_of(schedule, tier, market(low, l1), count=count)
    dear = fee_of(schedule, tier, market(low + more, l1 + more), count=count)

    assert cheap.total <= dear.total


@given(schedule=schedules, tier=tiers, price=prices, count=counts, more=counts)
def test_a_fee_never_rises_with_the_volume(
    schedule: FeeSchedule, tier: Tier, price: int, count: int, more: int
) -> None:
    """A payment that is accepted meanwhile cannot make a quote too low."""
    assert (
        fee_of(schedule, tier, market(price), count=count + more).total
        <= fee_of(schedule, tier, market(price), count=count).total
    )


def test_a_discount_begins_at_its_count() -> None:
    """The last one that is reached counts."""
    schedule = FeeSchedule(discounts=(Discount(count=10, bps=100), Discount(count=20, bps=300)))

    assert [schedule.discount_bps(count) for count in (0, 9, 10, 19, 20, 10**9)] == [0, 0, 100, 100, 300, 300]


@given(cost=st.integers(0, 10**20), rate=st.integers(0, 10**30))
def test_a_cost_is_rounded_up_by_less_than_a_unit(cost: int, rate: int) -> None:
    """A wei of gas is never given away."""
    exact = Fraction(cost * rate, WEI_PER_COIN)

    assert exact <= in_units(Wei(cost), TokenUnits(rate)) < exact + 1


def test_the_expected_price_is_base_fee_and_tip_and_never_above_what_we_pay() -> None:
    """Per tier; a market above the cap is one in which we wait."""
    history = FeeHistory(
        next_base_fee=Wei(100), tips={Tier.SLOW: (), Tier.NORMAL: (Wei(5),), Tier.FAST: (Wei(50),)}
    )
    caps = {Tier.SLOW: Wei(101), Tier.NORMAL: Wei(120), Tier.FAST: Wei(120)}

    seen = market_of(history, Wei(7), now=Instant(12_345), min_tip=Wei(2), cap_of=caps.__getitem__)

    assert seen.gas_prices == {Tier.SLOW: 101, Tier.NORMAL: 105, Tier.FAST: 120}
    assert (seen.observed_at, seen.l1_fee) == (10_000, 7)
    assert Prediction.of(FeeSchedule(gas=Gas(10)), Tier.SLOW, seen) == Prediction(
        Gas(10), Wei(1_017), TokenUnits(0)
    )


@given(
    asked=st.integers(0, 10**13),
    waited=st.integers(0, 3_600_000),
    seconds=st.integers(5, 3_600),
    skew=st.integers(-5_000, 5_000),
)
def test_the_observation_of_a_quote_is_honoured_until_the_quote_expires(
    asked: int, waited: int, seconds: int, skew: int
) -> None:
    """Also by a process whose clock is five seconds off; and it is given up some time."""
    observed = span_of(Instant(asked))
    at = Instant(max(asked + min(waited, seconds * 1_000) + skew, 0))

    assert observed >= oldest_honoured(at, Seconds(seconds))
    assert observed < oldest_honoured(Instant(asked + seconds * 1_000 + 4 * OBSERVED_MS), Seconds(seconds))


@given(
    history=st.dictionaries(st.integers(19_960, 19_999), st.integers(1, 50)),
    asked=st.integers(20_000 * DAY_MS, 20_001 * DAY_MS - 1),
    waited=st.integers(0, 3_600_000),
    later=st.integers(0, 5),
)
def test_the_count_of_a_quote_is_honoured_over_midnight(
    history: dict[int, int], asked: int, waited: int, later: int
) -> None:
    """A day that no longer counts still does for quotes of yesterday; what came since only adds."""
    quota = Quota(full_at_us=0, day=20_000, count=3, history=history)
    then = Quota(full_at_us=0, day=20_000, count=3 + later, history=history)

    assert honoured_count(then, Instant(asked + waited), Seconds(3_600)) >= quoted_count(
        quota, Instant(asked)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"base_units": -1},
        {"units_per_native": 1.5},
        {"gas": 0},
        {"tier_bps": {"normal": -1}},
        {"tier_bps": {"turbo": 1}},
        {"discounts": [{"count": 5, "bps": 10}, {"count": 5, "bps": 20}]},
        {"discounts": [{"count": 5, "bps": 10}, {"count": 6, "bps": 10}]},
        {"discounts": [{"count": 0, "bps": 10}]},
        {"discounts": [{"count": 1, "bps": 10_001}]},
        {"minimum_units": 2, "cap_units": 1},
        {"cap_units": 10**36},
        {"percent": 1},
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    """At the function's start, not at the first payment."""
    with pytest.raises(ValueError, match="validation error"):
        FeeSchedule.model_validate(changes)
