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
    can_rise,
    is_passed,
    price,
    price_fill,
    price_up_to,
    replacement,
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


# -- replacements ---------------------------------------------------------------------------------

courses = st.lists(histories(), min_size=2, max_size=8)
"""The market from the first signature on, look by look."""


def refused_by_a_node(standing: Eip1559Fees, offered: Eip1559Fees) -> bool:
    """The strictest rule among nodes: an eighth more, in both fields."""
    return (
        offered.max_fee_per_gas * 8 < standing.max_fee_per_gas * 9
        or offered.max_priority_fee_per_gas * 8 < standing.max_priority_fee_per_gas * 9
        or offered.max_priority_fee_per_gas > offered.max_fee_per_gas
    )


@given(course=courses, tier=st.sampled_from(TIERS), min_tip=wei, cap=wei)
def test_whatever_the_market_does_a_node_takes_each_replacement_until_the_cap(
    course: Sequence[FeeHistory], tier: Tier, min_tip: Wei, cap: Wei
) -> None:
    """Both fields rise, also when base fee and tips part (Rundler 221, 550, 720, 753)."""
    standing = price_up_to(course[0], tier, min_tip=min_tip, cap=cap)
    for market in course[1:]:
        try:
            offered = replacement(standing, market, tier, min_tip=min_tip, cap=cap)
        except FeeCapExceededError:
            assert standing.max_fee_per_gas * 9 > cap * 8 - 8
            return

        assert not refused_by_a_node(standing, offered)
        assert offered.max_fee_per_gas > standing.max_fee_per_gas
        assert offered.max_priority_fee_per_gas > standing.max_priority_fee_per_gas
        assert offered.max_fee_per_gas <= cap
        wanted = price_up_to(market, tier, min_tip=min_tip, cap=cap)
        assert offered.max_fee_per_gas >= wanted.max_fee_per_gas
        assert offered.max_priority_fee_per_gas >= wanted.max_priority_fee_per_gas
        standing = offered


@given(before=histories(), past=histories(), more=wei, tier=st.sampled_from(TIERS))
def test_a_dearer_market_never_gets_a_cheaper_replacement(
    before: FeeHistory, past: FeeHistory, more: Wei, tier: Tier
) -> None:
    """The same tips under a higher base fee: the maximum does not fall."""
    min_tip, cap = Wei(7), Wei(10**15)
    standing = price_up_to(before, tier, min_tip=min_tip, cap=cap)
    dearer = FeeHistory(next_base_fee=Wei(past.next_base_fee + more), tips=past.tips)

    cheap = replacement(standing, past, tier, min_tip=min_tip, cap=cap)
    dear = replacement(standing, dearer, tier, min_tip=min_tip, cap=cap)

    assert dear.max_fee_per_gas >= cheap.max_fee_per_gas


@given(
    course=courses,
    tier=st.sampled_from(TIERS),
    min_tip=st.integers(10**6, 10**12).map(Wei),
    gas=st.integers(24_000, 10**7),
)
def test_what_the_dearest_bytes_of_a_call_may_cost_pays_for_the_least_fill_after_them(
    course: Sequence[FeeHistory], tier: Tier, min_tip: Wei, gas: int
) -> None:
    """So a wallet that can pay for what it signed can always fill: a fill needs much less gas."""
    cap = Wei(10**13)
    fees = price_up_to(course[0], tier, min_tip=min_tip, cap=cap)
    signed = [fees]
    for market in course[1:]:
        if can_rise(fees, cap=cap):
            fees = replacement(fees, market, tier, min_tip=min_tip, cap=cap)
            signed.append(fees)

    fill = price_fill(course[-1], signed, min_tip=min_tip, cap=Wei(0))

    assert 21_000 * fill.max_fee_per_gas <= gas * max(one.max_fee_per_gas for one in signed)


def test_a_fill_whose_tip_had_to_rise_still_pays_it_besides_the_base_fee() -> None:
    """Else the next block would pay its producer less than the tip says."""
    before = Eip1559Fees(max_fee_per_gas=Wei(2), max_priority_fee_per_gas=Wei(2))

    fees = price_fill(history(1, 0), [before], min_tip=Wei(0), cap=Wei(10**9))

    assert (fees.max_fee_per_gas, fees.max_priority_fee_per_gas) == (4, 3)


def test_replacement_raises_both_fees_even_when_the_market_has_fallen() -> None:
    """A node ignores a replacement that bumps only one of the two fees."""
    standing = Eip1559Fees(max_fee_per_gas=Wei(1_001), max_priority_fee_per_gas=Wei(0))

    offered = replacement(standing, history(1, 0), Tier.SLOW, min_tip=Wei(0), cap=Wei(10**9))

    assert offered == Eip1559Fees(max_fee_per_gas=Wei(1_127), max_priority_fee_per_gas=Wei(1))


def test_what_stands_stays_when_the_least_replacement_is_above_the_cap() -> None:
    """A smaller step would be refused as underpriced: the same bytes are the best offer (OZ 808)."""
    standing = Eip1559Fees(max_fee_per_gas=Wei(900), max_priority_fee_per_gas=Wei(10))

    with pytest.raises(FeeCapExceededError) as refused:
        replacement(standing, history(5_000, 10), Tier.NORMAL, min_tip=Wei(0), cap=Wei(1_012))

    assert (refused.value.asked, refused.value.cap) == (1_013, 1_012)
    assert not can_rise(standing, cap=Wei(1_012))
    assert can_rise(standing, cap=Wei(1_013))


@pytest.mark.parametrize(
    ("base_fee", "tip", "passed"),
    [(90, 10, False), (91, 10, True), (50, 10, False), (50, 11, True), (1, 10, False)],
    ids=["just enough", "base fee above", "calm", "tips above", "fallen"],
)
def test_the_market_passes_an_offer_when_the_next_block_pays_more(
    base_fee: int, tip: int, *, passed: bool
) -> None:
    """An offer pays its tip only as far as its maximum leaves room above the base fee."""
    standing = Eip1559Fees(max_fee_per_gas=Wei(100), max_priority_fee_per_gas=Wei(10))

    assert is_passed(standing, history(base_fee, tip), Tier.NORMAL, min_tip=Wei(0)) is passed


def test_above_the_cap_a_bound_nonce_offers_the_cap_and_the_tip_of_its_tier() -> None:
    """It is mined as soon as the base fee leaves room, and not behind those who tip the least."""
    fees = price_up_to(history(1_000, 30), Tier.NORMAL, min_tip=Wei(1), cap=Wei(200))

    assert fees == Eip1559Fees(max_fee_per_gas=Wei(200), max_priority_fee_per_gas=Wei(30))


@given(gas_price=wei, tier=st.sampled_from(TIERS), min_tip=wei)
def test_a_legacy_price_is_maximum_and_tip_at_once_also_of_its_replacements(
    gas_price: Wei, tier: Tier, min_tip: Wei
) -> None:
    """So that one arithmetic serves both models; a faster tier offers more of what the node suggests."""
    market, cap = FeeHistory.legacy(gas_price), Wei(10**15)

    fees = price(market, tier, min_tip=min_tip, cap=cap)
    more = replacement(fees, market, tier, min_tip=min_tip, cap=cap)

    assert gas_price <= fees.max_fee_per_gas == fees.max_priority_fee_per_gas
    assert more.max_fee_per_gas == more.max_priority_fee_per_gas
    assert fees.max_fee_per_gas <= price(market, Tier.FAST, min_tip=min_tip, cap=cap).max_fee_per_gas


@given(past=histories(), min_tip=wei, before=st.lists(st.tuples(wei, wei).map(sorted), max_size=3))
def test_a_fill_replaces_whatever_was_signed_before_and_pays_the_market(
    past: FeeHistory, min_tip: Wei, before: list[list[Wei]]
) -> None:
    """Base fee up while the tip is down, or the other way round: both fees rise (Rundler #221, #720)."""
    earlier = [Eip1559Fees(max_priority_fee_per_gas=tip, max_fee_per_gas=most) for tip, most in before]

    fees = price_fill(past, earlier, min_tip=min_tip, cap=Wei(10**15))

    for old in earlier:
        assert fees.max_fee_per_gas * 8 >= old.max_fee_per_gas * 9
        assert fees.max_priority_fee_per_gas * 8 >= old.max_priority_fee_per_gas * 9
    tip = tip_of(past, Tier.FAST, min_tip)
    assert fees.max_priority_fee_per_gas >= tip
    assert fees.max_fee_per_gas >= past.next_base_fee + fees.max_priority_fee_per_gas


def test_a_market_above_the_cap_of_fills_makes_a_fill_wait_there() -> None:
    """An endpoint that lies about the base fee must not empty a wallet; what replaces still replaces."""
    dear = history(10**12, 10)

    assert price_fill(dear, [], min_tip=Wei(1), cap=Wei(2_000)).max_fee_per_gas == 2_000
    stands = Eip1559Fees(max_fee_per_gas=Wei(2_000), max_priority_fee_per_gas=Wei(7))
    assert price_fill(dear, [stands], min_tip=Wei(1), cap=Wei(2_000)) == Eip1559Fees(
        max_fee_per_gas=Wei(2_250), max_priority_fee_per_gas=Wei(10)
    )
