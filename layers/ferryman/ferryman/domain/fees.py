"""Fees from what recent blocks paid, in integers: of a fresh transaction, and of its replacement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ferryman.domain.errors import FeeCapExceededError
from ferryman.domain.units import Wei

BPS: Final = 10_000
FILL_CAP_FACTOR: Final = 2
"""How far above the operator's cap a fill may go: it has to replace what already offers the cap."""
_BUMP_BPS: Final = 11_250
"""What a replacement offers of what it replaces: geth asks for a tenth more, some nodes for an eighth."""


class Tier(StrEnum):
    """How fast a client wants its transaction mined."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"


class FeeModel(StrEnum):
    """How a chain's transactions say what they pay."""

    EIP1559 = "eip1559"
    """A base fee that is burnt, and a tip (type 2)."""
    LEGACY = "legacy"
    """One gas price (type 0): the chain has no base fee, or does not take type 2."""


PERCENTILES: Final[Mapping[Tier, int]] = MappingProxyType({Tier.SLOW: 10, Tier.NORMAL: 50, Tier.FAST: 90})
"""Percentile of the tips paid in recent blocks that a tier offers."""

BASE_FEE_HEADROOM_BPS: Final[Mapping[Tier, int]] = MappingProxyType(
    {Tier.SLOW: 12_500, Tier.NORMAL: 20_000, Tier.FAST: 30_000}
)
"""How far the base fee may rise before a tier's transaction stalls: one full block raises it by 1.125."""


LEGACY_PRICE_BPS: Final[Mapping[Tier, int]] = MappingProxyType(
    {Tier.SLOW: 10_000, Tier.NORMAL: 11_000, Tier.FAST: 13_000}
)
"""What a tier offers of the gas price that a node suggests; there are no percentiles to choose from."""


def fastest(tiers: Iterable[Tier]) -> Tier:
    """Give the fastest of some tiers: what shares a transaction shares its fees."""
    return max(tiers, key=lambda tier: PERCENTILES[tier])


@dataclass(frozen=True, slots=True, kw_only=True)
class Eip1559Fees:
    """What a type-2 transaction offers (EIP-1559), wei per gas.

    A legacy transaction offers its gas price as both: that is how EIP-1559 itself reads it.
    """

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

    @classmethod
    def legacy(cls, gas_price: Wei) -> "FeeHistory":
        """Tell a chain without base fee in the same terms: the whole price is tip.

        Args:
            gas_price: what a node suggests (`eth_gasPrice`), wei per gas.

        """
        tips = {tier: (Wei(_ceil_div(gas_price * bps, BPS)),) for tier, bps in LEGACY_PRICE_BPS.items()}
        return cls(next_base_fee=Wei(0), tips=tips)


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
    needed = history.next_base_fee + _tip(history, tier, min_tip)
    if needed > cap:
        raise FeeCapExceededError(asked=Wei(needed), cap=cap)
    return price_up_to(history, tier, min_tip=min_tip, cap=cap)


def price_up_to(history: FeeHistory, tier: Tier, *, min_tip: Wei, cap: Wei) -> Eip1559Fees:
    """Price a nonce that is bound already: if the market is above the cap, it waits in the pool at the cap.

    Args: as those of `price`.

    """
    tip = _tip(history, tier, min_tip)
    with_headroom = _ceil_div(history.next_base_fee * BASE_FEE_HEADROOM_BPS[tier], BPS) + tip
    most = min(with_headroom, cap)
    return Eip1559Fees(max_fee_per_gas=Wei(most), max_priority_fee_per_gas=Wei(min(tip, most)))


def replacement(
    standing: Eip1559Fees, history: FeeHistory, tier: Tier, *, min_tip: Wei, cap: Wei
) -> Eip1559Fees:
    """Price a transaction that replaces another at the same nonce.

    A node takes it only if *both* fees rise by its least bump. So each becomes the larger of an eighth
    more and today's market, whichever way the other one goes.

    Args:
        standing: the highest fees offered for the nonce so far, wei per gas.
        history: what recent blocks paid.
        tier: how fast it should be mined.
        min_tip: the least tip offered, wei per gas.
        cap: the most the operator pays as `max_fee_per_gas`, wei per gas.

    Raises:
        FeeCapExceededError: the cheapest replacement that a node takes costs more than `cap`. Then the
            bytes that stand stay the best offer.

    """
    if not can_rise(standing, cap=cap):
        raise FeeCapExceededError(asked=_bumped(standing.max_fee_per_gas), cap=cap)
    market = price_up_to(history, tier, min_tip=min_tip, cap=cap)
    return Eip1559Fees(
        max_fee_per_gas=max(_bumped(standing.max_fee_per_gas), market.max_fee_per_gas),
        max_priority_fee_per_gas=max(
            _bumped(standing.max_priority_fee_per_gas), market.max_priority_fee_per_gas
        ),
    )


def can_rise(standing: Eip1559Fees, *, cap: Wei) -> bool:
    """Whether a replacement that a node takes fits under a cap."""
    return _bumped(standing.max_fee_per_gas) <= cap


def is_passed(standing: Eip1559Fees, history: FeeHistory, tier: Tier, *, min_tip: Wei) -> bool:
    """Whether the next block pays its producer more, at a tier's usual tip, than `standing` offers there."""
    asked = history.next_base_fee + _tip(history, tier, min_tip)
    offered = min(standing.max_fee_per_gas, history.next_base_fee + standing.max_priority_fee_per_gas)
    return asked > offered


def price_fill(history: FeeHistory, earlier: Iterable[Eip1559Fees], *, min_tip: Wei, cap: Wei) -> Eip1559Fees:
    """Price a transaction that does nothing but use its nonce up.

    It is small, and every later nonce of its wallet waits for it. Both fees are above those of whatever
    may wait in a pool with the same nonce, by what nodes ask of a replacement, whatever the cap.

    Args:
        history: what recent blocks paid.
        earlier: fees of everything that was signed with the nonce before.
        min_tip: the least tip offered, wei per gas.
        cap: the most that the market alone makes it offer (`ChainSettings.fill_cap`), wei per gas.

    """
    before = tuple(earlier)
    market = price_up_to(history, Tier.FAST, min_tip=min_tip, cap=cap)
    most = max([market.max_fee_per_gas, *(_bumped(fees.max_fee_per_gas) for fees in before)])
    tips = (_bumped(fees.max_priority_fee_per_gas) for fees in before)
    tip = max([market.max_priority_fee_per_gas, *tips])
    # A tip that had to rise above the market's is paid besides the base fee, as far as the cap allows.
    most = max(most, Wei(min(history.next_base_fee + tip, cap)))
    return Eip1559Fees(max_fee_per_gas=most, max_priority_fee_per_gas=tip)


def expected_gas_price(history: FeeHistory, tier: Tier, *, min_tip: Wei, cap: Wei) -> Wei:
    """What a fresh transaction of a tier would pay per gas in the next block, as far as it pays at all.

    Args:
        history: what recent blocks paid.
        tier: how fast it should be mined.
        min_tip: the least tip offered, wei per gas.
        cap: the most the operator pays, wei per gas; above it a transaction waits.

    """
    return Wei(min(history.next_base_fee + _tip(history, tier, min_tip), cap))


def _tip(history: FeeHistory, tier: Tier, min_tip: Wei) -> int:
    return max(_median(history.tips[tier]), min_tip)


def _bumped(fee: Wei) -> Wei:
    """Raise a fee by as much as a replacement must: even 0 has to rise."""
    return Wei(max(_ceil_div(fee * _BUMP_BPS, BPS), fee + 1))


def _median(values: Sequence[Wei]) -> int:
    """Lower median, 0 of nothing: a new chain has no history."""
    return sorted(values)[(len(values) - 1) // 2] if values else 0


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
