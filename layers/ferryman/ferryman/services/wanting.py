"""Wanting: what confirm asks submit to do with nonces that are not mined."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import StaleRowError
from ferryman.domain.lanes import lane_at
from ferryman.domain.nonces import FillReason, NonceRow, Wanted
from ferryman.domain.units import Instant
from ferryman.ports import Block, Clock, Log, NonceHint, Queue, WalletStore

_UNSIGNED_PAUSE_MS: Final = 3_000
"""How long submit has, after a bind, to sign before confirm asks it to."""
_RESEND_PAUSE_BLOCKS: Final = 5
_LONGEST_PAUSE_MS: Final = 60_000
_MOST_DOUBLINGS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanting:
    """Decides what an unmined nonce lacks, writes it on its row, and hints it."""

    settings: ChainSettings
    wallets: WalletStore
    queue: Queue
    clock: Clock
    log: Log

    def __call__(self, rows: Iterable[NonceRow], head: Block) -> None:
        """Ask submit to sign, fill or broadcast again what should long be in a block.

        Args:
            rows: nonces that nothing is mined with.
            head: the newest block.

        Raises:
            StoreUnavailableError: as its ports say.

        """
        asked = []
        for row in rows:
            wanting = self._wanting(row, head)
            if wanting is None:
                continue
            try:
                self.wallets.replace_nonce_row(row, wanting)
            except StaleRowError:
                continue  # submit works on it right now
            asked.append(wanting)
            self.log.warning(
                "nonce overdue, asking submit",
                wallet=row.wallet,
                nonce=row.nonce,
                wanted=wanting.wanted.value,
                attempts=len(row.attempts),
            )
        if asked:
            self.queue.send(_nonce_hint(row, self.clock.now()) for row in asked)

    def _wanting(self, row: NonceRow, head: Block) -> NonceRow | None:
        """Say what a nonce lacks now; None if it lacks nothing, or was asked for moments ago."""
        now = self.clock.now()
        if row.fill_reason is None and row.is_expired(head.timestamp_seconds):
            return row.filling(FillReason.DEADLINE_PASSED).wanting(Wanted.FILL, at=now)
        if not self.is_overdue(row):
            return None
        is_fill = row.fill_reason is not None and row.lacks_bytes
        return row.wanting(Wanted.FILL if is_fill else Wanted.SEND, at=now)

    def is_overdue(self, row: NonceRow) -> bool:
        """Whether a nonce should long be in a block: each time it was asked for, longer is waited."""
        pause = self.settings.block_time_ms * _RESEND_PAUSE_BLOCKS if row.attempts else _UNSIGNED_PAUSE_MS
        pause = min(
            max(pause, _UNSIGNED_PAUSE_MS) << min(row.sends_wanted, _MOST_DOUBLINGS), _LONGEST_PAUSE_MS
        )
        return self.clock.now() - row.last_touched() >= pause


def _nonce_hint(row: NonceRow, now: Instant) -> NonceHint:
    lane = lane_at(row.urgent_from, now)
    return NonceHint(
        chain_id=row.chain_id, wallet=row.wallet, nonce=row.nonce, version=row.version, lane=lane
    )
