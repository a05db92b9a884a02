"""The sweep: rows that want attention are hinted to submit again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.errors import StaleRowError
from ferryman.domain.lanes import express_from
from ferryman.domain.transaction import WAITS, Transaction
from ferryman.domain.units import ChainId, Instant
from ferryman.ports import Change, Clock, Log, Queue, TransactionStore
from ferryman.services.chains import Chains
from ferryman.services.hinting import hint_of
from ferryman.services.waiting import NO_FUNDS, NO_WINDOW

MOST_AT_ONCE: Final = 100
"""Rows hinted in one pass: more would only wait in the queue."""
MOST_LISTED: Final = 1_000
"""Rows among which the urgent ones are found, however many standard ones are due before them."""
SENT_AHEAD_MS: Final = 60_000
"""A hinted row is not hinted again for this long, unless submit writes another time."""
_FREED: Final = frozenset({NO_WINDOW, NO_FUNDS})
"""What rows wait for that comes with a settled nonce."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Finds due rows of a chain and hints them."""

    chains: Chains
    store: TransactionStore
    queue: Queue
    clock: Clock
    log: Log

    def __call__(
        self, chain_id: ChainId, *, freed: int, resting: Callable[[Sequence[Transaction]], None]
    ) -> bool:
        """Hint what is due, the urgent first, and as many rows more as the nonces take that were freed.

        A row that waits for a free wallet window has waited long enough when one is free, and a nonce takes
        a whole batch of them. Ten hints make one batch, filled up from the backlog: with no more hints than
        nonces, most of the nonces would stay free and most of the rows wait for another block.

        Args:
            chain_id: the chain.
            freed: how many nonces were settled in this pass.
            resting: looks again at what is over and due.

        Returns:
            Whether any row of the chain wants attention, now or later.

        Raises:
            StoreUnavailableError: as its ports say; what was not hinted is hinted a minute later.

        """
        now, settings = self.clock.now(), self.chains[chain_id].settings
        watched = self.store.watched(chain_id, limit=MOST_LISTED)
        early = freed * max(settings.batch_size, 1)
        chosen = [one for position, one in enumerate(watched) if one.due_at <= now or position < early]
        chosen.sort(key=lambda one: express_from(one.priority, one.deadline_seconds, settings) > now)
        names = [one.transaction_id for one in chosen[:MOST_AT_ONCE]]
        rows = self.store.get_many(names) if names else ()
        if over := [row for row in rows if row.status.is_terminal and row.due_at and row.due_at <= now]:
            resting(over)
        still_open = (row for row in rows if not row.status.is_terminal and _has_waited(row, now))
        sent = [after for row in still_open if (after := self._postponed(row, now))]
        if sent:
            self.queue.send(hint_of(row, settings, now, is_swept=True) for row in sent)
        return bool(watched)

    def _postponed(self, row: Transaction, now: Instant) -> Transaction | None:
        """Move the row's time ahead before hinting it; None if it has none any more, or changed."""
        if row.due_at is None or row.due_at > now + WAITS[-1]:
            return None  # it ended, or was hinted while its index lagged: nobody has put it off since
        later = replace(row, due_at=Instant(now + SENT_AHEAD_MS), version=row.version + 1)
        try:
            self.store.write(Change(before=row, after=later))
        except StaleRowError:
            return None
        return later


def _has_waited(row: Transaction, now: Instant) -> bool:
    """Whether a row's time has come, or what it waits for."""
    return row.last_error in _FREED or (row.due_at is not None and row.due_at <= now)
