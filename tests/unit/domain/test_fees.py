"""Fees: integers only, never above the cap, and a faster tier never offers less."""

from collections.abc import Mapping, Sequence
from statistics import median_low

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ferryman.domain.errors import FeeCapExceededError
from ferryman.domain.fees import (
    BASE_FEE_HEADROOM_BPS,
    BPS,
    PERCENTILES,
    Eip1559Fees,
    FeeHistory,
    Tier,
    price,
    price_fill,
)
from ferryman.domain.units import Wei

wei = st.integers(0, 10**13).map(Wei)
TIERS = (Tier.SLOW, Tier.NORMAL, Tier.FAST)


@st.composite
def histories(draw: st.DrawFn) -> FeeHistory:
    """Draw what a node answers: in every block a higher percentile is at least as high a tip."""
    blocks = draw(st.lists(st.tuples(wei, wei, wei).map(sorted), max_size=10))
    tips: Mapping[Tier, Sequence[Wei]] = {
        tier: [block[column] for block in blocks] for column, tier in enumerate(TIERS)
    }
    return FeeHistory(next_base_fee=draw(wei), tips=tips)


def history(base_fee: int, *tips: int) -> FeeHistory:
    """Give a history with the same tips for each tier."""
    return FeeHistory(next_base_fee=Wei(base_fee), tips={tier: [Wei(tip) for tip in tips] for tier in TIERS})


def tip_of(past: FeeHistory, tier: Tier, min_tip: Wei) -> int:
    """The tip by the standard library's own lower median."""
    tips = past.tips[tier]
    return max(median_low(tips) if tips else 0, min_tip)


@given(past=histories(), tier=st.sampled_from(TIERS), min_tip=wei, cap=wei)
def test_a_price_is_within_its_bounds_or_says_why_not(
    past: FeeHistory, tier: Tier, min_tip: Wei, cap: Wei
) -> None:
    """A node refuses max < tip; the operator refuses max > cap; a block refuses max < base fee."""
    cheapest = past.next_base_fee + tip_of(past, tier, min_tip)
    if cheapest > cap:
        with pytest.raises(FeeCapExceededError) as refused:
            price(past, tier, min_tip=min_tip, cap=cap)
        assert (refused.value.asked, refused.value.cap) == (cheapest, cap)
        assert refused.value.is_transient
        return

    fees = price(past, tier, min_tip=min_tip, cap=cap)

    assert type(fees.max_fee_per_gas) is type(fees.max_priority_fee_per_gas) is int
    assert min_tip <= fees.max_priority_fee_per_gas <= fees.max_fee_per_gas <= cap
    assert fees.max_fee_per_gas >= past.next_base_fee + fees.max_priority_fee_per_gas


@given(past=histories(), min_tip=wei)
def test_a_faster_tier_never_offers_less(past: FeeHistory, min_tip: Wei) -> None:
    """Paying for speed buys at least as good a place in the queue, in both fields."""
    prices = [price(past, tier, min_tip=min_tip, cap=Wei(10**15)) for tier in TIERS]

    tips = [fees.max_priority_fee_per_gas for fees in prices]
    most = [fees.max_fee_per_gas for fees in prices]
    assert tips == sorted(tips)
    assert most == sorted(most)


@given(past=histories(), tier=st.sampled_from(TIERS), min_tip=wei)
def test_the_base_fee_may_rise_by_the_tiers_headroom(past: FeeHistory, tier: Tier, min_tip: Wei) -> None:
    """Rounded up: a wei short would stall the transaction it was meant to carry."""
    assume(past.next_base_fee)

    fees = price(past, tier, min_tip=min_tip, cap=Wei(10**15))

    headroom = fees.max_fee_per_gas - fees.max_priority_fee_per_gas
    assert 0 <= headroom * BPS - past.next_base_fee * BASE_FEE_HEADROOM_BPS[tier] < BPS


def test_the_tip_is_the_median_so_that_one_odd_block_moves_it_little() -> None:
    """One block full of bidders must not make everybody pay their tips."""
    fees = price(history(100, 2, 3, 10_000, 1, 2), Tier.NORMAL, min_tip=Wei(0), cap=Wei(10**9))

    assert fees.max_priority_fee_per_gas == 2


def test_a_chain_without_history_gets_the_least_tip() -> None:
    """A new chain has no blocks to learn from."""
    fees = price(history(7), Tier.SLOW, min_tip=Wei(5), cap=Wei(10**9))

    assert fees == Eip1559Fees(max_fee_per_gas=Wei(14), max_priority_fee_per_gas=Wei(5))


def test_headroom_is_cut_at_the_cap_before_the_price_is_refused() -> None:
    """At the cap a transaction still goes; one wei above it waits for a cheaper block."""
    at_cap = price(history(90, 10), Tier.FAST, min_tip=Wei(0), cap=Wei(100))

    assert at_cap == Eip1559Fees(max_fee_per_gas=Wei(100), max_priority_fee_per_gas=Wei(10))
    with pytest.raises(FeeCapExceededError) as refused:
        price(history(91, 10), Tier.FAST, min_tip=Wei(0), cap=Wei(100))
    assert (refused.value.asked, refused.value.cap) == (101, 100)


def test_every_tier_has_a_percentile_and_a_headroom() -> None:
    """A tier added without them would fail only when somebody pays for it."""
    assert PERCENTILES.keys() == BASE_FEE_HEADROOM_BPS.keys() == set(Tier)


@given(past=histories(), min_tip=wei, before=st.lists(st.tuples(wei, wei).map(sorted), max_size=3))
def test_a_fill_replaces_whatever_was_signed_before_and_pays_the_market(
    past: FeeHistory, min_tip: Wei, before: list[list[Wei]]
) -> None:
    """Base fee up while the tip is down, or the other way round: both fees rise (Rundler #221, #720)."""
    earlier = [Eip1559Fees(max_priority_fee_per_gas=tip, max_fee_per_gas=most) for tip, most in before]

    fees = price_fill(past, earlier, min_tip=min_tip)

    for old in earlier:
        assert fees.max_fee_per_gas * 8 >= old.max_fee_per_gas * 9
        assert fees.max_priority_fee_per_gas * 8 >= old.max_priority_fee_per_gas * 9
    tip = tip_of(past, Tier.FAST, min_tip)
    assert fees.max_priority_fee_per_gas >= tip
    assert fees.max_fee_per_gas >= past.next_base_fee + fees.max_priority_fee_per_gas
