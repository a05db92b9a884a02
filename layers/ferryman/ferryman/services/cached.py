"""Cached readings: what the chain would answer, as far as watch has followed it."""

from collections.abc import Mapping, Sequence
from typing import Final

from ferryman.domain.accounts import CachedAccount
from ferryman.domain.chain import ChainSettings
from ferryman.domain.cursor import Cursor
from ferryman.domain.metrics import Metric
from ferryman.domain.units import BlockNumber, ChainId, Instant, TokenUnits
from ferryman.intents.followed import FollowedContract
from ferryman.intents.kind import IntentKind
from ferryman.ports import AccountCache, Clock, CursorStore, Metrics
from ferryman.services.followed import followed_name

_TRUSTED_PARTS: Final = 4
"""A cursor that this process read within this part of a block time is not read again."""


class CachedReadings:
    """Judges messages by what watch has written down; it can say yes, or nothing."""

    def __init__(
        self,
        kinds: Mapping[str, IntentKind],
        cursors: CursorStore,
        accounts: AccountCache,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._kinds = kinds
        self._cursors = cursors
        self._accounts = accounts
        self._clock = clock
        self._metrics = metrics
        self._known: dict[ChainId, tuple[Instant, Cursor | None]] = {}

    def assess(
        self, kind: IntentKind, payload: Mapping[str, str | int], settings: ChainSettings
    ) -> tuple[TokenUnits, BlockNumber] | None:
        """Judge a message as two readings of the chain would, at the cursor's block for the head.

        Returns:
            How much may be reserved already, and the deep block it was judged at; None if only the
            chain itself can tell.

        """
        if kind.followed is None or settings.cache_age_ms == 0:
            return None
        outcome, judged = self._judged(kind, kind.followed, payload, settings)
        self._count(outcome, settings)
        return judged

    def _judged(
        self,
        kind: IntentKind,
        followed: FollowedContract,
        payload: Mapping[str, str | int],
        settings: ChainSettings,
    ) -> tuple[str, tuple[TokenUnits, BlockNumber] | None]:
        cursor = self._fresh_cursor(settings)
        if cursor is None:
            return "stale", None
        # After the cursor: so what is read here holds all that the cursor promises.
        cached, is_seen = self._accounts.known(followed.account(payload), kind.marker(payload))
        if is_seen:
            return "nonce_seen", None
        deep = settings.confirmed_block(cursor.number)
        answers = self._answers(followed, cached, cursor, deep)
        if answers is None:
            return "unknown_account", None
        units = kind.assess(payload, answers)
        return ("judged", (units, deep)) if units >= 0 else ("refusing", None)

    def overtaken(self, settings: ChainSettings) -> None:
        """Hear that the ledger had no room for what was judged, or has moved on."""
        self._count("overtaken", settings)

    def _fresh_cursor(self, settings: ChainSettings) -> Cursor | None:
        """Give the cursor if it is of what we are configured for, and fresh."""
        now = self._clock.now()
        read_at, cursor = self._known.get(settings.chain_id, (Instant(0), None))
        if cursor is None or now - read_at > settings.block_time_ms // _TRUSTED_PARTS:
            cursor = self._cursors.cursor(settings.chain_id)
            self._known[settings.chain_id] = (now, cursor)
        if cursor is None or cursor.followed != followed_name(self._kinds, settings):
            return None
        is_fresh = cursor.is_fresh(now, settings.cache_age_ms)
        return cursor if is_fresh and not settings.is_too_old(cursor.timestamp_seconds, now) else None

    def _answers(
        self,
        followed: FollowedContract,
        cached: CachedAccount | None,
        cursor: Cursor,
        deep: BlockNumber,
    ) -> Sequence[bytes] | None:
        if cached is None or cached.expires_at <= self._clock.now():
            return None
        believed = cached.believed_through(cursor.believed_through(cached.fork))
        if believed is None:
            return None
        at_depth, at_head = believed.at(deep), believed.at(cursor.number)
        return followed.answers(at_depth, at_head) if at_depth and at_head else None

    def _count(self, outcome: str, settings: ChainSettings) -> None:
        self._metrics.add(Metric.CACHED_READING, chain_id=settings.chain_id, outcome=outcome)
