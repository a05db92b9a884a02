"""What one sender may post: a token bucket and daily caps, and the history that discounts rest on.

The bucket is the generic cell rate algorithm (ITU-T I.371): one number says when it is full again.
A charge moves that moment by one interval, so charges of one sender can be written in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ferryman.domain.configured import ConfiguredAddress, ConfiguredUnits
from ferryman.domain.errors import FerrymanError, FieldProblem, InvalidFieldsError, RequestError
from ferryman.domain.units import Address, Instant, Seconds, TokenUnits, Wei

HISTORY_DAYS: Final = 31
"""Days before the present one that are remembered: a discount's, and one more, as quotes outlive midnight."""
DAY_MS: Final = 86_400_000
NONE: Final = TokenUnits(0)
_NO_GAS: Final = Wei(0)
_MINUTE_US: Final = 60_000_000


class SenderLimits(BaseModel):
    """What each sender may post on a chain, in each token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_minute: int = Field(default=600, ge=1, le=_MINUTE_US)
    """How fast the bucket fills."""
    burst: int = Field(default=1_000, ge=1, le=1_000_000)
    """How many a full bucket holds."""
    daily_count: int = Field(default=100_000, ge=1)
    """Transactions a day (UTC)."""
    daily_units: Mapping[ConfiguredAddress, ConfiguredUnits] = Field(default_factory=dict)
    """Per token: units a day (UTC), fees included; a token that is not here has no cap."""
    daily_gas_wei: Wei | None = Field(default=None, gt=0)
    """Wei that its transactions may cost us a day (UTC): open ones as predicted, the rest as they did."""

    @property
    def interval_us(self) -> int:
        """Microseconds in which one more transaction is allowed."""
        return _MINUTE_US // self.per_minute


class Limit(StrEnum):
    """What one may run into; the API's word for it."""

    RATE = "rate"
    """The sender's token bucket is empty."""
    DAILY_COUNT = "daily_count"
    DAILY_UNITS = "daily_units"
    DAILY_GAS = "daily_gas"
    """What its transactions cost us."""
    FAUCET_ACCOUNT = "faucet_account"
    """The faucet gives an account so much in a span of time."""
    FAUCET_SOURCE = "faucet_source"
    """The faucet gives what an IP address asks for, for so many accounts in a span of time."""
    ROUTE = "route"
    """API Gateway's own, of all callers together: the template."""
    ADDRESS = "address"
    """The firewall's, of one IP address: the template."""


class SenderLimitedError(RequestError):
    """The sender has used up what it may post for now; nothing was stored, and nothing charged."""

    code = "sender_limited"
    is_transient = True

    def __init__(self, limit: Limit, reason: str, *, retry_after_seconds: Seconds) -> None:
        detail = f"This sender has reached a limit; it may post this again in {retry_after_seconds} seconds."
        super().__init__(detail, FieldProblem("sender", reason))
        self.limit = limit
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a sender has used of its limits, on a chain and in a token."""

    full_at_us: int
    """When the bucket is full again, microseconds since the Unix epoch."""
    day: int
    """The day that is counted, in days since the Unix epoch (UTC)."""
    count: int
    """Transactions accepted on that day."""
    units: TokenUnits = NONE
    """Moved on that day, if the token has a cap."""
    gas: Mapping[int, Wei] = field(default_factory=dict)
    """By day of acceptance: what transactions cost us, or are predicted to while they are open.

    What was accepted before midnight and ends after it corrects its own day.
    """
    history: Mapping[int, int] = field(default_factory=dict)
    """Transactions accepted on each of the days before, as far back as is remembered."""

    def accepted_since(self, day: int) -> int:
        """How many transactions were accepted on a day or after it."""
        before = sum(count for past, count in self.history.items() if past >= day)
        return before + (self.count if self.day >= day else 0)


class QuotaMovedError(FerrymanError):
    """Another transaction of the sender was charged since its quota was read, or a limit is reached."""

    is_transient = True

    def __init__(self, quota: Quota | None) -> None:
        super().__init__("the sender's quota is not what the charge was made for")
        self.quota = quota
        """As it is now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One transaction to be counted against its sender's quota, when it is accepted.

    The store writes it on the condition that it still keeps the limits, and that the day and the
    bucket are in the state they were read in: full, or filling.
    """

    token: Address
    units: TokenUnits
    field: str
    """What its request calls them."""
    limits: SenderLimits
    at: Instant
    gas: Wei = _NO_GAS
    """What it is predicted to cost us."""
    before: Quota | None
    """As it was read; None: the sender was never charged."""

    @property
    def at_us(self) -> int:
        """The moment in microseconds."""
        return self.at * 1_000

    @property
    def day(self) -> int:
        """The day to count it on: a clock that is behind never opens yesterday again."""
        return max(day_of(self.at), self.before.day if self.before else 0)

    @property
    def is_first_of_day(self) -> bool:
        """Whether the counts of the day begin with it."""
        return self.before is None or self.before.day != self.day

    @property
    def finds_full_bucket(self) -> bool:
        """Whether the bucket has stopped filling."""
        return self.before is None or self.before.full_at_us <= self.at_us

    @property
    def latest_full_at_us(self) -> int:
        """The latest moment at which the bucket may be full again, for this one still to fit."""
        return self.at_us + (self.limits.burst - 1) * self.limits.interval_us

    @property
    def units_cap(self) -> TokenUnits | None:
        """What the sender may move of the token in a day."""
        return self.limits.daily_units.get(self.token)

    @property
    def after(self) -> Quota:
        """The quota with this charge, if nothing else is charged meanwhile."""
        full_at_us = self.at_us if self.before is None else max(self.before.full_at_us, self.at_us)
        is_first = self.before is None or self.is_first_of_day
        used = NONE if self.before is None or is_first else self.before.units
        return Quota(
            full_at_us=full_at_us + self.limits.interval_us,
            day=self.day,
            count=1 if self.before is None or is_first else self.before.count + 1,
            units=used if self.units_cap is None else TokenUnits(used + self.units),
            gas=self._gas(),
            history=self._history(),
        )

    @property
    def stale_days(self) -> tuple[int, ...]:
        """Days whose gas need not be known any more."""
        days = self.before.gas if self.before and self.is_first_of_day else ()
        return tuple(day for day in days if day < self.day)

    def _gas(self) -> dict[int, Wei]:
        counted = dict(self.before.gas) if self.before else {}
        if self.gas:
            counted[self.day] = Wei(counted.get(self.day, _NO_GAS) + self.gas)
        return {day: gas for day, gas in counted.items() if day not in self.stale_days}

    def _history(self) -> dict[int, int]:
        if self.before is None:
            return {}
        counts = dict(self.before.history)
        if self.is_first_of_day:
            counts[self.before.day] = self.before.count
        return {day: count for day, count in counts.items() if day >= self.day - HISTORY_DAYS}

    def check(self) -> None:
        """Check that the quota as it was read has room for it.

        Raises:
            InvalidFieldsError: it moves more than a whole day allows, so waiting would not help.
            SenderLimitedError: it has to wait.

        """
        cap = self.units_cap
        if cap is not None and self.units > cap:
            reason = f"with its fee it is {self.units}; a sender may move {cap} of this token a day"
            raise InvalidFieldsError("It is more than a day allows.", FieldProblem(self.field, reason))
        self._check_gas()
        if self.before is None:
            return
        if (excess_us := self.before.full_at_us - self.latest_full_at_us) > 0:
            reason = f"may post {self.limits.per_minute} a minute, in bursts of up to {self.limits.burst}"
            wait = Seconds(-(-excess_us // 1_000_000))
            raise SenderLimitedError(Limit.RATE, reason, retry_after_seconds=wait)
        if self.is_first_of_day:
            return
        if self.before.count >= self.limits.daily_count:
            reason = f"may post {self.limits.daily_count} a day (UTC)"
            raise SenderLimitedError(Limit.DAILY_COUNT, reason, retry_after_seconds=self._until_tomorrow())
        used = self.before.units
        if cap is not None and used + self.units > cap:
            reason = f"may move {cap} of this token a day (UTC), and {cap - used} are left"
            raise SenderLimitedError(Limit.DAILY_UNITS, reason, retry_after_seconds=self._until_tomorrow())

    def _check_gas(self) -> None:
        """A sender that has cost us its day's gas waits, and so does what is predicted to cost too much."""
        budget = self.limits.daily_gas_wei
        used = self.before.gas.get(self.day, _NO_GAS) if self.before else _NO_GAS
        if budget is not None and used + self.gas > budget:
            left = max(budget - used, 0)
            reason = f"may cost {budget} wei of gas a day (UTC); {left} are left, and it needs {self.gas}"
            raise SenderLimitedError(Limit.DAILY_GAS, reason, retry_after_seconds=self._until_tomorrow())

    def _until_tomorrow(self) -> Seconds:
        return Seconds(-(-((self.day + 1) * DAY_MS - self.at) // 1_000))


def day_of(moment: Instant) -> int:
    """Days since the Unix epoch, UTC."""
    return moment // DAY_MS
