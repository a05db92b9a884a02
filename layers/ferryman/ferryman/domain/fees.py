"""EIP-1559 fees from fee history, in integers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ferryman.domain.errors import FeeCapExceededError
from ferryman.domain.units import Wei

BPS: Final = 10_000


class Tier(StrEnum):
    """How fast a client wants its transaction mined."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"


PERCENTILES: Final[Mapping[Tier, int]] = MappingProxyType({Tier.SLOW: 10, Tier.NORMAL: 50, Tier.FAST: 90})
"""Percentile of the tips paid in recent blocks that a tier offers."""

BASE_FEE_HEADROOM_BPS: Final[Mapping[Tier, int]] = MappingProxyType(
    {Tier.SLOW: 12_500, Tier.NORMAL: 20_000, Tier.FAST: 30_000}
)
"""How far the base fee may rise before a tier's transaction stalls: one full block raises it by 1.125."""


REPLACEMENT_BPS: Final = 11_250
"""What each fee of a replacement is at least, of the fee it replaces."""


def fastest(tiers: Iterable[Tier]) -> Tier:
    """Give the fastest of some tiers: what shares a transaction shares its fees."""
    return max(tiers, key=lambda tier: PERCENTILES[tier])


@dataclass(frozen=True, slots=True, kw_only=True)
class Eip1559Fees:
    """What a type-2 transaction offers (EIP-1559), wei per gas."""

    max_fee_per_gas: Wei
    """The most it pays, base fee included."""
    max_priority_fee_per_gas: Wei
    """The most of that which goes to the block's producer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeHistory:
    """The part of `eth_feeHistory` that pricing needs."""

    next_base_fee: Wei
    """Base fee of the block after the newest, wei per gas."""
    tips: Mapping[Tier, Sequence[Wei]]
    """Per tier: the tip at its percentile in each recent block, wei per gas."""


def price(history: FeeHistory, tier: Tier, *, min_tip: Wei, cap: Wei) -> Eip1559Fees:
    """Price a fresh transaction for a tier.

    The tip is the median over recent blocks of the tip at the tier's percentile: one odd block
    moves it little. The maximum leaves room for the base fee to rise (EIP-1559: at most an eighth
    a block) and never exceeds `cap`.

    Args:
        history: what recent blocks paid.
        tier: how fast it should be mined.
        min_tip: the least tip offered, wei per gas.
        cap: the most the operator pays as `max_fee_per_gas`, wei per gas.

    Raises:
        FeeCapExceededError: not even the next base fee and this tip fit under `cap`.

    """
    tip = max(_median(history.tips[tier]), min_tip)
    needed = history.next_base_fee + tip
    if needed > cap:
        raise FeeCapExceededError(asked=Wei(needed), cap=cap)
    with_headroom = _ceil_div(history.next_base_fee * BASE_FEE_HEADROOM_BPS[tier], BPS) + tip
    return Eip1559Fees(max_fee_per_gas=Wei(min(with_headroom, cap)), max_priority_fee_per_gas=Wei(tip))


def price_fill(history: FeeHistory, earlier: Iterable[Eip1559Fees], *, min_tip: Wei) -> Eip1559Fees:
    """Price a transaction that does nothing but use its nonce up: no cap holds it back.

    It is small, and every later nonce of its wallet waits for it. Both fees are an eighth above those of
    whatever may wait in a pool with the same nonce, which is what nodes ask of a replacement (geth a tenth).

    Args:
        history: what recent blocks paid.
        earlier: fees of everything that was signed with the nonce before.
        min_tip: the least tip offered, wei per gas.

    """
    before = tuple(earlier)
    tips = [_above(fees.max_priority_fee_per_gas) for fees in before]
    tip = max([_median(history.tips[Tier.FAST]), min_tip, *tips])
    market = _ceil_div(history.next_base_fee * BASE_FEE_HEADROOM_BPS[Tier.FAST], BPS) + tip
    most = max([market, *(_above(fees.max_fee_per_gas) for fees in before)])
    return Eip1559Fees(max_fee_per_gas=Wei(most), max_priority_fee_per_gas=Wei(tip))


def expected_gas_price(history: FeeHistory, tier: Tier, *, min_tip: Wei, cap: Wei) -> Wei:
    """What a fresh transaction of a tier would pay per gas in the next block, as far as it pays at all.

    Args:
        history: what recent blocks paid.
        tier: how fast it should be mined.
        min_tip: the least tip offered, wei per gas.
        cap: the most the operator pays, wei per gas; above it a transaction waits.

    """
    return Wei(min(history.next_base_fee + max(_median(history.tips[tier]), min_tip), cap))


def _median(values: Sequence[Wei]) -> int:
    """Lower median, 0 of nothing: a new chain has no history."""
    return sorted(values)[(len(values) - 1) // 2] if values else 0


def _above(fee: Wei) -> int:
    """Give the least fee that replaces another: an eighth more, rounded up."""
    return _ceil_div(fee * REPLACEMENT_BPS, BPS)


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
