"""Wanting: what confirm asks submit to do with nonces that are not mined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError, StaleRowError
from ferryman.domain.fees import FeeHistory, can_rise, is_passed
from ferryman.domain.lanes import lane_at
from ferryman.domain.nonces import FillReason, NonceRow, Wanted
from ferryman.domain.terms import terms_of
from ferryman.domain.units import Instant
from ferryman.ports import Block, Chain, Clock, Log, NonceHint, Queue, WalletStore
from ferryman.services.narrowing import lose

_UNSIGNED_PAUSE_MS: Final = 3_000
"""How long submit has, after a bind, to sign before confirm asks it to."""
_RESEND_PAUSE_BLOCKS: Final = 5
_LONGEST_PAUSE_MS: Final = 60_000
_MOST_DOUBLINGS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanting:
    """Decides what an unmined nonce lacks, writes it on its row, and hints it."""

    settings: ChainSettings
    chain: Chain
    wallets: WalletStore
    queue: Queue
    clock: Clock
    log: Log

    def __call__(
        self, rows: Sequence[NonceRow], head: Block, *, is_forgotten: Callable[[NonceRow], bool]
    ) -> None:
        """Ask submit to sign, fill, broadcast again or offer more for what should long be in a block.

        Args:
            rows: all nonces that nothing is mined with.
            head: the newest block.
            is_forgotten: whether the mempool seems to have lost a nonce: it is not waited for any longer.

        Raises:
            StoreUnavailableError: as its ports say.

        """
        due = [
            row for row in rows if self._is_given_up(row, head) or self.is_overdue(row) or is_forgotten(row)
        ]
        market = self._market(due)
        # Those above it are mined after it, whatever they offer.
        next_of = {row.wallet: row for row in sorted(rows, key=lambda row: row.nonce, reverse=True)}
        asked = []
        for row in due:
            wanting = self._wanting(row, head, market, is_next=next_of[row.wallet] is row)
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
        lost = (row.wallet for row in asked if _is_lost(row, head))
        lose(lost, self.settings.chain_id, wallets=self.wallets, log=self.log)
        if asked:
            self.queue.send(_nonce_hint(row, self.clock.now()) for row in asked)

    def _market(self, rows: Sequence[NonceRow]) -> FeeHistory | None:
        """Read what the market asks, if anything of these is signed; None: nothing can be said of it."""
        if not any(row.attempts for row in rows):
            return None
        try:
            return self.chain.fee_history()
        except ChainUnreachableError as error:
            self.log.warning("market not read", chain_id=self.settings.chain_id, cause=str(error))
            return None

    def _is_given_up(self, row: NonceRow, head: Block) -> bool:
        """Whether a nonce has carried its intents past their deadlines, which nobody noted yet."""
        return row.fill_reason is None and row.is_expired(head.timestamp_seconds)

    def _wanting(self, row: NonceRow, head: Block, market: FeeHistory | None, *, is_next: bool) -> NonceRow:
        """Say what a nonce lacks now."""
        now = self.clock.now()
        if self._is_given_up(row, head):
            return row.filling(FillReason.DEADLINE_PASSED).wanting(Wanted.FILL, at=now, head=head.number)
        if row.lacks_bytes:
            wanted = Wanted.SEND if row.fill_reason is None else Wanted.FILL
        else:
            wanted = Wanted.BUMP if self._should_rise(row, head, market, is_next=is_next) else Wanted.SEND
        return row.wanting(wanted, at=now, head=head.number)

    def _should_rise(self, row: NonceRow, head: Block, market: FeeHistory | None, *, is_next: bool) -> bool:
        """Whether the market has passed what a nonce offers, or it stalls; not if its cap forbids it."""
        standing = row.attempts[-1]
        terms = terms_of(row, standing.purpose, self.settings)
        if market is None or not can_rise(standing.fees, cap=terms.cap):
            return False
        if row.is_outbid:
            return True
        passed = is_passed(standing.fees, market, terms.tier, min_tip=terms.min_tip)
        return passed or (is_next and self._stalls(row, head))

    def _stalls(self, row: NonceRow, head: Block) -> bool:
        """Whether blocks came and went without it, after a node was given its bytes a second time.

        Blocks alone count: while a chain stands still, offering it more helps nobody.
        """
        if row.overdue_from is None or head.number - row.overdue_from < self.settings.bump_after_blocks:
            return False
        return self.clock.now() - row.attempts[-1].signed_at >= self.settings.bump_after_seconds * 1000

    def is_overdue(self, row: NonceRow) -> bool:
        """Whether a nonce should long be in a block."""
        return self.clock.now() >= asked_at(row, self.settings)


def asked_at(row: NonceRow, settings: ChainSettings) -> Instant:
    """Say when submit is asked again for a nonce that is not mined: each time, longer is waited.

    For one that nodes refused at its price that is at the next look, and after each more attempt later: a
    full mempool must not drive an offer up to its cap within a minute.
    """
    if row.is_outbid:
        pause = settings.block_time_ms << min(len(row.attempts) - 1, _MOST_DOUBLINGS)
    else:
        pause = settings.block_time_ms * _RESEND_PAUSE_BLOCKS if row.attempts else 0
        pause = max(pause, _UNSIGNED_PAUSE_MS) << min(row.sends_wanted, _MOST_DOUBLINGS)
    return Instant(row.last_touched() + min(pause, _LONGEST_PAUSE_MS))


def _is_lost(row: NonceRow, head: Block) -> bool:
    """Whether what was sent again is in none of the blocks since: nodes do not keep so many of a wallet.

    Not if it is to offer more: then its price was the cause.
    """
    sent_again = row.wanted is Wanted.SEND and bool(row.attempts) and row.sends_wanted > 1
    return sent_again and row.overdue_from is not None and row.overdue_from < head.number


def _nonce_hint(row: NonceRow, now: Instant) -> NonceHint:
    lane = lane_at(row.urgent_from, now)
    return NonceHint(
        chain_id=row.chain_id, wallet=row.wallet, nonce=row.nonce, version=row.version, lane=lane
    )
