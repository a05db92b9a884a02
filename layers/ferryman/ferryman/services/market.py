"""The market as it is quoted: observed once for all quotes of a few seconds, remembered while they last."""

from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.pricing import OBSERVED_MS, Market, market_of
from ferryman.domain.units import ChainId, Instant, TokenUnits
from ferryman.intents.kind import IntentKind
from ferryman.ports import Chain, Clock, MarketStore
from ferryman.services.chains import ChainAccess
from ferryman.services.data_fees import data_fees

_SPARE: Final = 5
"""Spans besides those of a quote's life: its first, the clocks' difference, and one that nobody honours."""


class MarketBook:
    """Reads, keeps and remembers observations."""

    def __init__(self, markets: MarketStore, clock: Clock) -> None:
        self._markets = markets
        self._clock = clock
        self._known: dict[tuple[ChainId, str], tuple[Market, ...]] = {}

    def quotable(self, kind: IntentKind, access: ChainAccess) -> Market:
        """Give the observation that a quote of this moment rests on; it is stored before it is given.

        Raises:
            ChainUnreachableError: there is none, and the chain cannot be read.
            StoreUnavailableError: it could not be read or stored.

        """
        for look in (self.remembered, self.read):
            newest = next(iter(look(kind, access.settings)), None)
            if newest and newest.is_quotable(self._clock.now()):
                return newest
        return self._observed(kind, access)

    def remembered(self, kind: IntentKind, settings: ChainSettings) -> tuple[Market, ...]:
        """Give the observations that this process knows and that are still honoured, the newest first."""
        now = self._clock.now()
        known = self._known.get((settings.chain_id, kind.name), ())
        return tuple(one for one in known if one.is_honoured(now, settings.quote_seconds))

    def read(self, kind: IntentKind, settings: ChainSettings) -> tuple[Market, ...]:
        """Read what is stored, the newest first: all that is still honoured, and maybe older ones."""
        limit = settings.quote_seconds * 1_000 // OBSERVED_MS + _SPARE
        found = self._markets.newest(settings.chain_id, kind.name, limit=limit)
        self._known[settings.chain_id, kind.name] = found
        return found

    def honoured(self, kind: IntentKind, access: ChainAccess) -> tuple[Market, ...]:
        """Give what an open quote may rest on: what is stored, or else the market of this moment.

        With the chain away it is the last market anybody saw; empty if nobody ever did.

        Raises:
            StoreUnavailableError: it could not be read or stored.

        """
        found = self.read(kind, access.settings)
        now = self._clock.now()
        if honoured := tuple(one for one in found if one.is_honoured(now, access.settings.quote_seconds)):
            return honoured
        try:
            return (self._observed(kind, access),)
        except ChainUnreachableError:
            return found[:1]

    def _observed(self, kind: IntentKind, access: ChainAccess) -> Market:
        """Look at the market, and give what this span of time is quoted by: the first look of anybody."""
        settings, now = access.settings, self._clock.now()
        market = market_of(
            access.chain.fee_history(),
            data_fees([kind.call_bytes], access)[kind.call_bytes],
            now=now,
            min_tip=settings.min_priority_fee_wei,
            cap_of=settings.fee_cap,
            units_per_native=_native_price(kind, settings, access.chain, now),
        )
        kept = self._markets.keep(settings.chain_id, kind.name, market)
        self._known[settings.chain_id, kind.name] = (kept, *self.remembered(kind, settings))
        return kept


def _native_price(kind: IntentKind, settings: ChainSettings, chain: Chain, now: Instant) -> TokenUnits | None:
    """Ask the kind's price feed, if it has one."""
    reads = kind.price_reads(settings)
    if not reads:
        return None
    answers = [answer for answer in chain.read(reads).answers if isinstance(answer, bytes)]
    price = kind.native_price(settings, answers, now) if len(answers) == len(reads) else None
    if price is None:
        raise ChainUnreachableError(settings.chain_id, "its price feed gives no price that is used")
    return price
