"""What a client pays for being relayed: a schedule per token, in integers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ferryman.domain.configured import ConfiguredUnits
from ferryman.domain.errors import FieldProblem, RequestError
from ferryman.domain.fees import BPS, FeeHistory, Tier, expected_gas_price
from ferryman.domain.quotas import Quota, day_of
from ferryman.domain.units import (
    MONEY_LIMIT,
    Gas,
    Instant,
    Milliseconds,
    Seconds,
    TokenUnits,
    Wei,
)

WEI_PER_COIN: Final = 10**18
VOLUME_DAYS: Final = 30
"""How many days before the present one count for a discount."""
OBSERVED_MS: Final = Milliseconds(5_000)
"""How long one observation of the market serves all quotes."""
_SKEW_MS: Final = 5_000
"""How far the clocks of two processes may be apart."""
_FREE: Final = TokenUnits(0)
_PLAIN: Final = BPS

_Bps = Annotated[int, Field(ge=0, le=100 * BPS)]


class Discount(BaseModel):
    """What a busy sender saves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(ge=1)
    """From so many accepted transactions on, of the last thirty days."""
    bps: int = Field(ge=1, le=BPS)
    """Off the fee."""


class FeeSchedule(BaseModel):
    """What is charged in one token; by default nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_units: ConfiguredUnits = _FREE
    """For the service itself."""
    units_per_native: ConfiguredUnits = _FREE
    """What 10^18 wei are worth in units of the token; 0: gas is not charged."""
    has_feed: bool = False
    """What they are worth is observed with the market, instead."""
    gas: Gas = Field(default=Gas(100_000), ge=1)
    """Predicted for one transaction."""
    tier_bps: Mapping[Tier, _Bps] = Field(default_factory=dict)
    """A tier's part of the sum of base, gas and L1 fee; 10000 where nothing is said."""
    discounts: tuple[Discount, ...] = ()
    """The more, the cheaper."""
    minimum_units: ConfiguredUnits = _FREE
    cap_units: ConfiguredUnits = TokenUnits(MONEY_LIMIT - 1)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        """A sender must never pay more for having sent more."""
        for less, more in pairwise(self.discounts):
            if more.count <= less.count or more.bps <= less.bps:
                msg = "discounts must rise in count and in bps"
                raise ValueError(msg)
        if self.minimum_units > self.cap_units:
            msg = "minimum_units must not be above cap_units"
            raise ValueError(msg)
        return self

    @property
    def is_free(self) -> bool:
        """Whether nobody ever pays anything."""
        return not (self.base_units or self.follows_market or self.minimum_units)

    @property
    def follows_market(self) -> bool:
        """Whether the fee depends on what gas costs."""
        return self.units_per_native > 0 or self.has_feed

    def price(self, market: "Market | None") -> TokenUnits:
        """What 10^18 wei are worth in units of the token; 0 if nobody knows."""
        observed = market.units_per_native if market and self.has_feed else None
        return self.units_per_native if observed is None else observed

    def discount_bps(self, count: int) -> int:
        """What a sender saves who had so many transactions accepted in the last thirty days."""
        return max((one.bps for one in self.discounts if one.count <= count), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What a chain's blockspace cost at a moment."""

    observed_at: Instant
    """The beginning of the span of `OBSERVED_MS` in which it was observed and in which it is quoted."""
    gas_prices: Mapping[Tier, Wei]
    """Per tier: what a transaction is expected to pay per gas."""
    l1_fee: Wei
    """What an OP-style chain takes besides for a transaction's data; 0 elsewhere."""
    units_per_native: TokenUnits | None = None
    """What 10^18 wei were worth in units of a token, where a feed says so."""

    def is_quotable(self, now: Instant) -> bool:
        """Whether new quotes still rest on it."""
        return span_of(now) <= self.observed_at

    def is_honoured(self, now: Instant, quote_seconds: Seconds) -> bool:
        """Whether a quote that rests on it may still be open somewhere."""
        return self.observed_at >= oldest_honoured(now, quote_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fee in token units and how it came about."""

    base: TokenUnits
    gas: TokenUnits
    l1: TokenUnits
    tier_bps: int
    discount_bps: int
    is_minimum: bool
    """The minimum was applied."""
    is_cap: bool
    """The cap was applied."""
    total: TokenUnits


class FeeTooLowError(RequestError):
    """The signed fee is below every quote that is still open."""

    code = "fee_too_low"

    def __init__(self, *, fee: TokenUnits, floor: TokenUnits, field: str, quoted_at: str) -> None:
        super().__init__(
            f"The signed fee is {fee} token units, and at least {floor} are asked now. Ask"
            f" POST {quoted_at} and sign what it says: that is taken until the quote expires.",
            FieldProblem(field, f"must be at least {floor}"),
        )
        self.fee = fee
        self.floor = floor


def fee_of(schedule: FeeSchedule, tier: Tier, market: Market | None, *, count: int) -> Fee:
    """Work out a fee, every step rounded up.

    (base + gas at market + L1 fee) x tier, less the volume discount, then at least the minimum and at
    most the cap. It never falls when the market rises, and never rises with the count.

    Args:
        schedule: of the token.
        tier: how fast it shall be mined.
        market: what gas costs; None where the schedule does not ask, or nobody knows.
        count: transactions of the sender that were accepted in the last thirty days.

    """
    gas_units = l1_units = 0
    if market and schedule.follows_market:
        gas_units = in_units(Wei(schedule.gas * market.gas_prices[tier]), schedule.price(market))
        l1_units = in_units(market.l1_fee, schedule.price(market))
    tier_bps, discount_bps = schedule.tier_bps.get(tier, _PLAIN), schedule.discount_bps(count)
    whole = _ceil_div((schedule.base_units + gas_units + l1_units) * tier_bps, BPS)
    discounted = _ceil_div(whole * (BPS - discount_bps), BPS)
    return Fee(
        base=schedule.base_units,
        gas=TokenUnits(gas_units),
        l1=TokenUnits(l1_units),
        tier_bps=tier_bps,
        discount_bps=discount_bps,
        is_minimum=discounted < schedule.minimum_units,
        is_cap=discounted > schedule.cap_units,
        total=TokenUnits(min(max(discounted, schedule.minimum_units), schedule.cap_units)),
    )


def in_units(cost: Wei, units_per_native: TokenUnits) -> TokenUnits:
    """What a cost is worth in a token, rounded up.

    Args:
        cost: in wei.
        units_per_native: token units that 10^18 wei are worth.

    """
    return TokenUnits(_ceil_div(cost * units_per_native, WEI_PER_COIN))


def market_of(
    history: FeeHistory,
    l1_fee: Wei,
    *,
    now: Instant,
    min_tip: Wei,
    cap_of: Callable[[Tier], Wei],
    units_per_native: TokenUnits | None = None,
) -> Market:
    """Note what the market asks, at the moment it is seen."""
    return Market(
        observed_at=span_of(now),
        gas_prices={
            tier: expected_gas_price(history, tier, min_tip=min_tip, cap=cap_of(tier)) for tier in Tier
        },
        l1_fee=l1_fee,
        units_per_native=units_per_native,
    )


def span_of(now: Instant) -> Instant:
    """The beginning of the span of time whose quotes rest on one observation."""
    return Instant(now - now % OBSERVED_MS)


def oldest_honoured(now: Instant, quote_seconds: Seconds) -> Instant:
    """The beginning of the oldest span whose quotes may be open, by any process's clock."""
    return span_of(Instant(now - quote_seconds * 1_000 - _SKEW_MS))


def quoted_count(quota: Quota | None, now: Instant) -> int:
    """How many transactions count for a discount in a quote of this moment."""
    return quota.accepted_since(day_of(now) - VOLUME_DAYS) if quota else 0


def honoured_count(quota: Quota | None, now: Instant, quote_seconds: Seconds) -> int:
    """As many as counted in any open quote, or more: midnight does not take a quoted discount away."""
    return quoted_count(quota, Instant(now - quote_seconds * 1_000 - _SKEW_MS))


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one transaction is expected to need, and to cost us."""

    gas: Gas
    cost: Wei
    """L1 fee included."""
    units_per_native: TokenUnits
    """What 10^18 wei were taken to be worth in units of the token; 0 if that did not matter."""

    @classmethod
    def of(cls, schedule: FeeSchedule, tier: Tier, market: Market) -> "Prediction":
        """Predict by what the market asks."""
        cost = Wei(schedule.gas * market.gas_prices[tier] + market.l1_fee)
        return cls(schedule.gas, cost, schedule.price(market))

    def facts(self) -> dict[str, object]:
        """Give what an event says of it."""
        return {"predicted_gas": self.gas, "predicted_cost": self.cost}


def _ceil_div(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
