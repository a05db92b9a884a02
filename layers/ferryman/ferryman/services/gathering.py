"""Gathering: when there is a backlog, a run takes more of it than its messages name."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from ferryman.domain.backlog import PARTS, part_of
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.lanes import Lane, lane_of
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Instant, Milliseconds, TransactionId
from ferryman.ports import BacklogParts, Clock, Log, TransactionStore, Workers
from ferryman.services.chains import ChainAccess
from ferryman.services.crowds import Crowd
from ferryman.services.waiting import NO_WINDOW

_LISTED_PER_TAKEN: Final = 4
"""Rows that are listed for each that is wanted: the runs that have their messages are at work on some."""
_TURN_MS: Final = Milliseconds(5_000)
"""How long a part of the backlog is a run's at most: as long as it takes to try, bind and sign, and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Fills a batch up from the rows that wait."""

    store: TransactionStore
    parts: BacklogParts
    workers: Workers
    """Parts that are asked for together are so at the same time: somebody waits for each of these rows."""
    clock: Clock
    log: Log

    @contextmanager
    def __call__(
        self,
        rows: Sequence[Transaction],
        access: ChainAccess,
        crowd: Crowd,
    ) -> Iterator[list[Transaction]]:
        """Give the rows with others of the backlog, as many as fill their batches.

        Those are of parts of the backlog that no other run takes from until this is left: of two that
        prepare the same rows, one would do so in vain.

        There is a backlog if there is a crowd, or if one of the rows has waited for a free nonce. Without
        one a row goes on alone, and at once.

        That is an economy: if the others cannot be read, these go on without them.

        Args:
            rows: what can go on now.
            access: their chain.
            crowd: how many came at once, and how few nonces there are.

        """
        most = len(rows) + self._missing(rows, access, crowd)
        until, mine = Instant(self.clock.now() + _TURN_MS), list[int]()
        together = list(rows)
        try:
            # Most often the first is enough, and others are left to other runs.
            first, *others = self._parts_of(rows)
            for some in ([first], others):
                if len(together) < most:
                    together += self._from(some, together, access, most - len(together), mine, until)
            yield together
        finally:
            self._leave(access, mine, until)

    def _missing(self, rows: Sequence[Transaction], access: ChainAccess, crowd: Crowd) -> int:
        """Wait for others to come, if that is worth it; give how many fill the batches up."""
        settings = access.settings
        if settings.batch_size < settings.batch_min:
            return 0
        has_waited = self._waited(rows, access, crowd.wait(settings))
        if not (crowd.is_one(settings) or has_waited or any(row.last_error == NO_WINDOW for row in rows)):
            return 0
        return -len(rows) % settings.batch_size

    def _waited(self, rows: Sequence[Transaction], access: ChainAccess, wait: Milliseconds) -> bool:
        """Wait for others to come, until the oldest is so old, unless anything is urgent."""
        settings, now = access.settings, self.clock.now()
        oldest = min(row.received_at for row in rows)
        pause = min(oldest + wait - now, wait)
        if pause <= 0 or any(lane_of(row, settings, now) is Lane.EXPRESS for row in rows):
            return False
        self.clock.sleep(Milliseconds(pause))
        return True

    def _parts_of(self, rows: Sequence[Transaction]) -> Iterable[int]:
        """Give all parts of the backlog, those that the rows are in first."""
        return dict.fromkeys([*(part_of(row.transaction_id) for row in rows), *range(PARTS)])

    def _from(
        self,
        parts: Sequence[int],
        rows: Sequence[Transaction],
        access: ChainAccess,
        missing: int,
        mine: list[int],
        until: Instant,
    ) -> list[Transaction]:
        """Take others out of parts of the backlog that nobody else takes from; add these to `mine`."""
        settings, now = access.settings, self.clock.now()
        listed: dict[int, list[TransactionId]] = {}

        def list_alone(part: int) -> None:
            if self.parts.take(settings.chain_id, part, until=until, now=now):
                mine.append(part)
                found = self.store.backlog(settings.chain_id, part=part, limit=missing * _LISTED_PER_TAKEN)
                listed[part] = [name for _, name in found]

        try:
            self.workers.work_off([[partial(list_alone, part)] for part in parts])
            known = {row.transaction_id for row in rows}
            names = [name for part in parts for name in listed.get(part, ()) if name not in known]
            # The first ones are those whose messages other runs have in hand.
            start = int(rows[0].transaction_id[2:10], 16) % max(len(names) - missing, 1)
            found = self.store.get_many(names[start : start + missing]) if names else ()
        except StoreUnavailableError as error:
            self.log.warning("batch not filled up", cause=str(error), rows=len(rows))
            return []
        alike = {(row.kind, lane_of(row, settings, now)) for row in rows}
        return [
            row for row in found if _may_go(row, now) and (row.kind, lane_of(row, settings, now)) in alike
        ]

    def _leave(self, access: ChainAccess, mine: Iterable[int], until: Instant) -> None:
        leave = partial(self.parts.leave, access.settings.chain_id, until=until)
        try:
            self.workers.work_off([[partial(leave, part)] for part in mine])
        except StoreUnavailableError as error:
            self.log.warning("part of the backlog not left, its time runs out", cause=str(error))


def _may_go(row: Transaction, now: Instant) -> bool:
    """Whether a row could be bound now: not before its time, unless all it waits for is a nonce."""
    is_timely = now // 1000 < row.deadline_seconds
    is_due = not row.waits or row.last_error == NO_WINDOW or (row.due_at is not None and row.due_at <= now)
    return row.status is Status.VALIDATED and row.permanent_reason is None and is_timely and is_due
