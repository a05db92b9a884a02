"""Gathering: when there is a backlog, a run takes more of it than its messages name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.lanes import Lane, lane_of
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Instant, Milliseconds
from ferryman.ports import Clock, Log, TransactionStore
from ferryman.services.chains import ChainAccess
from ferryman.services.waiting import NO_WINDOW

_LISTED_PER_TAKEN: Final = 4
"""Rows that are listed for each that is wanted: others may be at work on the first ones."""
SCARCE_WAIT_MS: Final = Milliseconds(150)
"""How long a crowd waits for more of it where nonces run out: a small batch takes as much of a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Fills a batch up from the rows that wait."""

    store: TransactionStore
    clock: Clock
    log: Log

    def __call__(
        self,
        rows: Sequence[Transaction],
        access: ChainAccess,
        *,
        named: int = 0,
        is_scarce: bool = False,
    ) -> list[Transaction]:
        """Give the rows with others of the backlog, as many as fill their batches.

        There is a backlog if enough rows come at once to share a transaction, or if one of them has waited
        for a free nonce. Without one a row goes on alone, and at once. Where other runs have taken most of
        the rows that came at once, the few that are left would each take a nonce of a window that fills up.

        That is an economy: if the others cannot be read, these go on without them.

        Args:
            rows: what can go on now.
            access: their chain.
            named: how many rows came at once, with those that can not.
            is_scarce: whether most of the wallets' windows is taken.

        """
        settings = access.settings
        if settings.batch_size < settings.batch_min:
            return list(rows)
        is_crowd = max(named, len(rows)) >= settings.batch_min
        wait = max(settings.batch_wait_ms, SCARCE_WAIT_MS if is_crowd and is_scarce else 0)
        has_waited = self._waited(rows, access, Milliseconds(wait))
        if not (is_crowd or has_waited or any(row.last_error == NO_WINDOW for row in rows)):
            return list(rows)
        missing = -len(rows) % settings.batch_size
        if not missing:
            return list(rows)
        try:
            return [*rows, *self._others(rows, access, missing)]
        except StoreUnavailableError as error:
            self.log.warning("batch not filled up", cause=str(error), rows=len(rows))
            return list(rows)

    def _waited(self, rows: Sequence[Transaction], access: ChainAccess, wait: Milliseconds) -> bool:
        """Wait for others to come, until the oldest is so old, unless anything is urgent."""
        settings, now = access.settings, self.clock.now()
        oldest = min(row.received_at for row in rows)
        pause = min(oldest + wait - now, wait)
        if pause <= 0 or any(lane_of(row, settings, now) is Lane.EXPRESS for row in rows):
            return False
        self.clock.sleep(Milliseconds(pause))
        return True

    def _others(self, rows: Sequence[Transaction], access: ChainAccess, missing: int) -> list[Transaction]:
        settings, now = access.settings, self.clock.now()
        near = rows[0].transaction_id
        listed = self.store.backlog(settings.chain_id, near=near, limit=missing * _LISTED_PER_TAKEN)
        known = {row.transaction_id for row in rows}
        names = [name for _, name in listed if name not in known]
        # Runs that list the same rows begin at different ones of them.
        start = int(near[2:10], 16) % max(len(names) - missing, 1)
        found = self.store.get_many(names[start : start + missing]) if names else ()
        alike = {(row.kind, lane_of(row, settings, now)) for row in rows}
        return [
            row for row in found if _may_go(row, now) and (row.kind, lane_of(row, settings, now)) in alike
        ]


def _may_go(row: Transaction, now: Instant) -> bool:
    """Whether a row could be bound now: not before its time, unless all it waits for is a nonce."""
    is_timely = now // 1000 < row.deadline_seconds
    is_due = not row.waits or row.last_error == NO_WINDOW or (row.due_at is not None and row.due_at <= now)
    return row.status is Status.VALIDATED and row.permanent_reason is None and is_timely and is_due
