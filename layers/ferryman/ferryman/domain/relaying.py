"""A chain's MetaTxRelay, as its operator configured it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ferryman.domain.configured import ConfiguredAddress, ConfiguredUnits
from ferryman.domain.fees import BPS, Tier
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.units import Gas, Instant, Seconds, TokenUnits

FACILITATOR_BPS: Final = 100
"""What is charged above the cost of gas: the relay's own one percent."""
_WITH_FACILITATOR: Final[Mapping[Tier, int]] = dict.fromkeys(Tier, BPS + FACILITATOR_BPS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceAnswer:
    """The newest answer of an aggregator."""

    price: int
    """Of the coin, in the token's unit of account, with so many decimal places."""
    decimals: int
    updated_at: Seconds
    """Unix time it was given at."""


class PriceFeed(BaseModel):
    """A Chainlink-style aggregator of the coin's price, and within which bounds it is believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: ConfiguredAddress
    max_age_seconds: Seconds = Field(default=Seconds(3_600), gt=0)
    """An older answer is not used: a little more than the feed's heartbeat."""
    least_units: ConfiguredUnits
    most_units: ConfiguredUnits
    """Of the fee token for 10^18 wei: what is outside is taken for an error."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        """Bounds that nothing is within would stop everything."""
        if not 0 < self.least_units <= self.most_units:
            msg = "least_units must be more than 0 and not above most_units"
            raise ValueError(msg)
        return self

    def units(self, answer: PriceAnswer, *, decimals: int, now: Instant) -> TokenUnits | None:
        """Give the price that an answer stands for; None if it is too old, or not believed.

        Args:
            answer: what the aggregator said.
            decimals: of the fee token.
            now: by our clock.

        """
        if answer.updated_at + self.max_age_seconds < now // 1000:
            return None
        shift = decimals - answer.decimals
        units = answer.price * 10**shift if shift >= 0 else answer.price // 10**-shift
        return TokenUnits(units) if self.least_units <= units <= self.most_units else None


class RelaySettings(BaseModel):
    """What meta-transactions are executed by, and on what terms."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: ConfiguredAddress
    """The MetaTxRelay; its relayer role belongs to this deployment's wallets alone."""
    fee_token: ConfiguredAddress
    """The token that is paid in: one of `authorized_tokens`, and the relay has to take it."""
    fee_currency: str = Field(default="USDC", min_length=1, max_length=16)
    """What the token is called."""
    fee_decimals: int = Field(default=6, ge=0, le=36)
    """Decimal places of its units."""
    units_per_native: ConfiguredUnits = TokenUnits(0)
    """What 10^18 wei are worth in units of the fee token; 0: the feed says so."""
    price_feed: PriceFeed | None = None
    """Says it instead."""
    overhead_gas: Gas = Field(default=Gas(180_000), ge=21_000)
    """What a transaction needs besides the target's call: only quotes and the least fee rest on it."""
    gas_limit_most: Gas = Field(default=Gas(500_000), ge=1)
    """The most gas a target gets."""
    longest_seconds: Seconds = Field(default=Seconds(86_400), ge=60)
    """How far off a deadline may be."""

    @model_validator(mode="after")
    def _has_a_price(self) -> Self:
        """Without one every fee would be 0."""
        if bool(self.units_per_native) is bool(self.price_feed):
            msg = "either units_per_native must be more than 0, or there must be a price_feed"
            raise ValueError(msg)
        return self

    def schedule(self, gas_limit: Gas, units_per_native: TokenUnits) -> FeeSchedule:
        """Give what is charged for a call: gas at its cost, and the facilitator's percent.

        Args:
            gas_limit: for the target.
            units_per_native: the price; 0: each market has its own.

        """
        return FeeSchedule(
            units_per_native=units_per_native,
            has_feed=not units_per_native,
            gas=Gas(gas_limit + self.overhead_gas),
            tier_bps=_WITH_FACILITATOR,
        )
