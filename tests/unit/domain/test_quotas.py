"""Sender limits: the bucket never gives more than it holds, and its refusals tell the truth."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.errors import InvalidFieldsError
from ferryman.domain.quotas import (
    DAY_MS,
    HISTORY_DAYS,
    Charge,
    Limit,
    Quota,
    SenderLimitedError,
    SenderLimits,
    day_of,
)
from ferryman.domain.units import Address, Instant, TokenUnits, Wei
from tests.support.payments import TOKEN

NOON = Instant(20_000 * DAY_MS + DAY_MS // 2)


def charge(limits: SenderLimits, before: Quota | None = None, *, at: int = NOON, units: int = 100) -> Charge:
    """Prepare a charge."""
    return Charge(
        token=TOKEN,
        units=TokenUnits(units),
        field="amount",
        limits=limits,
        at=Instant(at),
        before=before,
    )


def after(limits: SenderLimits, *moments: int, units: int = 100) -> Quota:
    """Charge at some moments, each of which must pass."""
    quota: Quota | None = None
    for moment in moments:
        one = charge(limits, quota, at=moment, units=units)
        one.check()
        quota = one.after
    assert quota is not None
    return quota


def refusal(one: Charge) -> SenderLimitedError:
    """Give how a charge is refused."""
    with pytest.raises(SenderLimitedError) as refused:
        one.check()
    return refused.value


def is_allowed(one: Charge) -> bool:
    """Whether a charge passes."""
    try:
        one.check()
    except SenderLimitedError:
        return False
    return True


@given(
    limits=st.builds(SenderLimits, per_minute=st.integers(1, 100_000), burst=st.integers(1, 20)),
    pauses=st.lists(st.integers(0, 5_000) | st.just(0), min_size=1, max_size=60),
)
def test_no_stretch_of_time_sees_more_than_the_burst_and_what_flowed_in(
    limits: SenderLimits, pauses: list[int]
) -> None:
    """The definition of a token bucket, for every pair of accepted moments."""
    quota, now, accepted = None, int(NOON), list[int]()
    for pause in pauses:
        now += pause
        one = charge(limits, quota, at=now)
        if is_allowed(one):
            quota = one.after
            accepted.append(now)

    for first, start in enumerate(accepted):
        for last in range(first, len(accepted)):
            flowed_in_us = (accepted[last] - start) * 1_000
            assert (last - first + 1 - limits.burst) * limits.interval_us <= flowed_in_us


@given(
    limits=st.builds(SenderLimits, per_minute=st.integers(1, 6_000), burst=st.integers(1, 10)),
    ahead_us=st.integers(0, 10**10),
)
def test_a_refusal_tells_the_first_whole_second_at_which_it_passes(
    limits: SenderLimits, ahead_us: int
) -> None:
    """Not earlier, not later: a client that waits so long gets through."""
    quota = replace(after(limits, NOON), full_at_us=NOON * 1_000 + ahead_us)
    one = charge(limits, quota)

    if is_allowed(one):
        assert ahead_us <= (limits.burst - 1) * limits.interval_us
        return
    seconds = refusal(one).retry_after_seconds

    assert seconds > 0
    assert is_allowed(replace(one, at=Instant(NOON + seconds * 1_000)))
    assert not is_allowed(replace(one, at=Instant(NOON + seconds * 1_000 - 1_000)))


def test_a_full_bucket_gives_exactly_its_burst() -> None:
    """And one more after one interval."""
    limits = SenderLimits(per_minute=60, burst=5)
    quota = after(limits, *[NOON] * 5)

    refused = refusal(charge(limits, quota))

    assert (refused.limit, refused.retry_after_seconds) == (Limit.RATE, 1)
    charge(limits, quota, at=NOON + 1_000).check()
    refusal(charge(limits, quota, at=NOON + 999))


def test_an_idle_sender_gets_no_more_than_a_full_bucket() -> None:
    """Time beyond full is not saved up."""
    limits = SenderLimits(per_minute=60, burst=2)
    quota = after(limits, NOON, NOON + 3_600_000, NOON + 3_600_000)

    assert refusal(charge(limits, quota, at=NOON + 3_600_000)).limit is Limit.RATE


def test_the_last_transaction_of_a_day_is_accepted_and_the_next_waits_for_midnight() -> None:
    """UTC; the wait is to the second."""
    limits = SenderLimits(daily_count=3)
    quota = after(limits, NOON, NOON, NOON)

    refused = refusal(charge(limits, quota, at=NOON + 1))

    assert refused.limit is Limit.DAILY_COUNT
    assert refused.retry_after_seconds == DAY_MS // 2 // 1_000
    charge(limits, quota, at=NOON + DAY_MS // 2).check()


def test_the_units_of_a_day_are_given_to_the_last_and_are_new_on_the_next() -> None:
    """Per token, fees included."""
    limits = SenderLimits(daily_units={TOKEN: TokenUnits(1_000)})
    quota = after(limits, NOON, NOON, units=400)

    charge(limits, quota, units=200).check()
    assert refusal(charge(limits, quota, units=201)).limit is Limit.DAILY_UNITS
    charge(limits, quota, at=NOON + DAY_MS // 2, units=1_000).check()


def test_the_gas_of_a_day_is_given_to_the_last_wei_and_is_new_on_the_next() -> None:
    """Its refusal waits for midnight; days before are forgotten when a new one begins."""
    limits = SenderLimits(daily_gas_wei=Wei(1_000))
    quota = replace(after(limits, NOON, NOON), gas={19_999: Wei(7), 20_000: Wei(800)})

    replace(charge(limits, quota), gas=Wei(200)).check()
    limited = refusal(replace(charge(limits, quota), gas=Wei(201)))
    tomorrow = replace(charge(limits, quota, at=NOON + DAY_MS), gas=Wei(1_000))
    tomorrow.check()

    assert (limited.limit, limited.retry_after_seconds) == (Limit.DAILY_GAS, DAY_MS // 2 // 1_000)
    assert tomorrow.stale_days == (19_999, 20_000)
    assert tomorrow.after.gas == {20_001: 1_000}


def test_what_costs_more_than_a_day_allows_waits_for_a_better_price() -> None:
    """429 and not 422: gas may be cheaper tomorrow, and the message is as good as it was."""
    limits = SenderLimits(daily_gas_wei=Wei(1_000))

    assert refusal(replace(charge(limits), gas=Wei(1_001))).limit is Limit.DAILY_GAS


def test_what_no_day_ever_allows_is_refused_for_good() -> None:
    """429 would have the client come back for nothing."""
    limits = SenderLimits(daily_units={TOKEN: TokenUnits(1_000)})

    with pytest.raises(InvalidFieldsError) as refused:
        charge(limits, units=1_001).check()

    assert [problem.field for problem in refused.value.problems] == ["amount"]


def test_a_token_without_a_cap_is_not_counted() -> None:
    """The item stays small."""
    other = Address("0x0000000000000000000000000000000000000001")
    limits = SenderLimits(daily_units={other: TokenUnits(1)})

    assert after(limits, NOON, units=10**35).units == 0


def test_a_new_day_files_the_old_one_away_and_forgets_what_is_too_old() -> None:
    """Thirty days before the present one are kept."""
    limits = SenderLimits()
    days = [NOON + number * DAY_MS for number in range(HISTORY_DAYS + 5)]

    quota = after(limits, *(moment for moment in days for _ in range(2)))

    assert quota.count == 2
    assert quota.history == {day_of(Instant(moment)): 2 for moment in days[4:-1]}
    assert quota.accepted_since(quota.day - HISTORY_DAYS) == 2 * (HISTORY_DAYS + 1)
    assert quota.accepted_since(quota.day) == 2
    assert quota.accepted_since(quota.day + 1) == 0


def test_a_clock_that_went_back_over_midnight_counts_on_the_later_day() -> None:
    """Two processes never agree to the millisecond; no day is opened twice."""
    limits = SenderLimits(daily_count=2)
    midnight = (20_001) * DAY_MS
    quota = after(limits, midnight)

    one = charge(limits, quota, at=midnight - 5)

    assert (one.is_first_of_day, one.after.day, one.after.count) == (False, 20_001, 2)
    assert refusal(charge(limits, one.after, at=midnight - 5)).retry_after_seconds == DAY_MS // 1_000 + 1


def test_a_clock_that_went_back_gives_no_tokens_and_takes_none() -> None:
    """The bucket is as full as it was."""
    limits = SenderLimits(per_minute=60, burst=2)
    quota = after(limits, NOON)

    one = charge(limits, quota, at=NOON - 500)

    assert not one.finds_full_bucket
    assert refusal(one).retry_after_seconds == 1


@pytest.mark.parametrize(
    "changes", [{"per_minute": 0}, {"burst": 0}, {"daily_count": 0}, {"daily_gas_wei": 0}, {"per_hour": 1}]
)
def test_limits_that_make_no_sense_are_refused(changes: dict[str, int]) -> None:
    """At the function's start, not at the first payment."""
    with pytest.raises(ValueError, match=next(iter(changes))):
        SenderLimits.model_validate(changes)
