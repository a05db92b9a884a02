"""Fees: quoted to whoever asks, and asked of whoever posts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    FieldProblem,
    InvalidFieldsError,
)
from ferryman.domain.pricing import (
    Fee,
    FeeSchedule,
    FeeTooLowError,
    Market,
    Prediction,
    fee_of,
    honoured_count,
    quoted_count,
)
from ferryman.domain.quotas import Quota
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, Instant, TokenUnits, rfc3339
from ferryman.intents.kind import IntentKind, QuoteRequest, SignedKind
from ferryman.ports import Clock, TransactionStore
from ferryman.services.chains import Chains
from ferryman.services.market import MarketBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoting:
    """Works out fees by each chain's schedules."""

    kinds: Mapping[str, SignedKind]
    chains: Chains
    store: TransactionStore
    book: MarketBook
    clock: Clock

    def quote(self, body: object) -> dict[str, Any]:
        """Say what a message would have to pay that is signed now.

        Raises:
            InvalidFieldsError: something is missing, unknown, out of range or of the wrong form.
            AssuranceUnavailableError: the fee depends on the market, and the chain cannot be read.
            StoreUnavailableError: the quote could not be kept, so it would not be honoured.

        """
        kind = self._kind_of(body)
        settings = {chain_id: access.settings for chain_id, access in self.chains.items()}
        asked = kind.parse_quote(body, settings)
        now, access = self.clock.now(), self.chains[asked.chain_id]
        schedule = asked.schedule
        quota = self.store.quota(asked.spending) if asked.spending and schedule.discounts else None
        try:
            market = self.book.quotable(kind, access) if schedule.follows_market else None
        except ChainUnreachableError as error:
            msg = "What gas costs now cannot be read from the chain; try again."
            raise AssuranceUnavailableError(msg) from error
        fee = fee_of(schedule, asked.tier, market, count=quoted_count(quota, now))
        expires_at = Instant(now + access.settings.quote_seconds * 1_000)
        return {"kind": kind.name, **_quote_of(asked, fee, schedule, market, expires_at)}

    def check(self, kind: IntentKind, new: Transaction, quota: Quota | None) -> Prediction | None:
        """Check that a message pays what any quote that may still be open has asked.

        What this process remembers can only accept: before a refusal the quotes are read.

        Args:
            kind: the message's kind.
            new: its row before the first step.
            quota: what its sender has used.

        Returns:
            What it will cost, if its fee or its sender's budget asks for that, and a market is known.

        Raises:
            FeeTooLowError: it does not.
            StoreUnavailableError: the quotes could not be read.

        """
        access = self.chains[new.chain_id]
        settings, fee = access.settings, kind.fee(new.payload)
        schedule, budget = kind.schedule(new.payload, settings), settings.sender_limits.daily_gas_wei
        if schedule.is_free and budget is None:
            return None
        count = honoured_count(quota, self.clock.now(), settings.quote_seconds)

        def floor(markets: tuple[Market, ...]) -> TokenUnits:
            quoted: tuple[Market | None, ...] = markets or (None,)
            return min(fee_of(schedule, new.priority, market, count=count).total for market in quoted)

        if not schedule.follows_market:
            _require(kind, fee, floor(()))
            if budget is None:
                return None
        markets = self.book.remembered(kind, settings)
        if not markets or fee < floor(markets):
            markets = self.book.honoured(kind, access)
            _require(kind, fee, floor(markets))
        # None is known only if the chain was away from the beginning.
        return Prediction.of(schedule, new.priority, markets[0]) if markets else None

    def _kind_of(self, body: object) -> SignedKind:
        name = body.get("kind") if isinstance(body, dict) else None
        kind = self.kinds.get(name) if isinstance(name, str) else None
        if kind is None:
            problem = FieldProblem("kind", f"must be one of: {', '.join(self.kinds)}")
            raise InvalidFieldsError("That is no kind of intent.", problem, *self._wrong_anyway(body))
        return kind

    def _wrong_anyway(self, body: object) -> list[FieldProblem]:
        """Find what is wrong whatever kind was meant, so that all of it is told at once."""
        if not isinstance(body, dict):
            return []
        settings = {chain_id: access.settings for chain_id, access in self.chains.items()}
        found: list[list[FieldProblem]] = []
        for kind in self.kinds.values():
            try:
                kind.parse_quote({**body, "kind": kind.name}, settings)
            except InvalidFieldsError as error:
                found.append(list(error.problems))
            else:
                return []
        first, *others = found
        return [problem for problem in first if all(problem in one for one in others)]


def _require(kind: IntentKind, fee: TokenUnits, floor: TokenUnits) -> None:
    if fee < floor:
        raise FeeTooLowError(fee=fee, floor=floor, field=kind.money.fee, quoted_at=kind.money.quoted_at)


def _quote_of(
    asked: QuoteRequest, fee: Fee, schedule: FeeSchedule, market: Market | None, expires_at: Instant
) -> dict[str, Any]:
    payer: Address | None = asked.spending.payer if asked.spending else None
    return {
        "chain_id": asked.chain_id,
        "token": asked.token,
        "sender": payer,
        "priority": asked.tier.value,
        "fee": str(fee.total),
        "expires_at": rfc3339(expires_at),
        "breakdown": {
            "base": str(fee.base),
            "gas": str(fee.gas),
            "l1": str(fee.l1),
            "tier_bps": fee.tier_bps,
            "discount_bps": fee.discount_bps,
            "minimum_applied": fee.is_minimum,
            "cap_applied": fee.is_cap,
        },
        "predicted_gas": schedule.gas,
        "gas_price": str(market.gas_prices[asked.tier]) if market else None,
        "l1_fee": str(market.l1_fee) if market else None,
        "units_per_native": str(schedule.price(market)),
    }
