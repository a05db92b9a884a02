"""Retention: what has long been over is archived, and only then left to be deleted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ferryman.domain.archive import archived
from ferryman.domain.errors import StaleRowError
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import BlockNumber, ChainId, Instant, Milliseconds, rfc3339
from ferryman.ports import Archive, Clock, Log, StatisticsStore, TransactionStore

_DAY_MS: Final = 24 * 60 * 60 * 1000
_NO_BLOCK: Final = BlockNumber(0)
_AT_ONCE: Final = 100
"""Transactions in one object of the archive."""
LAST_LOOK_MS: Final = Milliseconds(7 * _DAY_MS)
"""How long an archived row can still be read: time to notice that something is wrong with the archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retain:
    """Archives terminal transactions and gives them a time to be deleted at."""

    chain_ids: Collection[ChainId]
    store: TransactionStore
    statistics: StatisticsStore
    archive: Archive
    retention_days: int
    """0: everything is kept for ever."""
    clock: Clock
    log: Log

    def __call__(self, *, until: Instant) -> int:
        """Archive what is old enough; give how many transactions that was.

        The order is the promise: an object is durable before any of its rows or events can expire. A
        run that dies in between leaves its rows where the next one finds them, and archives them again.

        Args:
            until: when the run has to end; the next one goes on.

        Raises:
            StoreUnavailableError: as its ports say; nothing expires that is not archived.

        """
        if not self.retention_days:
            return 0
        return sum(self._chain(chain_id, until) for chain_id in self.chain_ids)

    def _chain(self, chain_id: ChainId, until: Instant) -> int:
        old = Instant(self.clock.now() - self.retention_days * _DAY_MS)
        gauges = self.statistics.gauges(chain_id)
        final = gauges.final if gauges else _NO_BLOCK
        count = 0
        while self.clock.now() < until:
            found = self.store.closed(chain_id, until=old, limit=_AT_ONCE)
            read = self.store.get_many([name for _, name in found])
            rows = [row for row in read if self._is_over(row, final)]
            if not rows or not (expiring := self._archived(chain_id, rows)):
                break
            count += expiring
        return count

    def _is_over(self, row: Transaction, final: BlockNumber) -> bool:
        """Whether nothing can happen to a row any more, nor to its block; the index may lag behind."""
        is_final = row.block_number is None or row.block_number <= final
        return row.status.is_terminal and is_final and row.deadline_seconds * 1000 < self.clock.now()

    def _archived(self, chain_id: ChainId, rows: Sequence[Transaction]) -> int:
        """Archive rows in one object, then let them expire; give how many will."""
        with_events = [(row, self.store.events(row.transaction_id)) for row in rows]
        name = _name_of(chain_id, rows)
        self.archive.put(name, [archived(row, events) for row, events in with_events])
        expires_at = Instant(self.clock.now() + LAST_LOOK_MS)
        expiring = 0
        for row, events in with_events:
            try:
                self.store.expire(row, events, at=expires_at)
            except StaleRowError:
                self.log.warning("changed while it was archived, kept", transaction_id=row.transaction_id)
            else:
                expiring += 1
        self.log.info("archived", object=name, transactions=len(rows), expiring=expiring)
        return expiring


def _name_of(chain_id: ChainId, rows: Sequence[Transaction]) -> str:
    """Name an object by what is in it: the same rows archived again are a version of the same object."""
    first = min(max(row.reached.values()) for row in rows)
    digest = sha256("".join(sorted(row.transaction_id for row in rows)).encode()).hexdigest()
    day = rfc3339(first)[:10].replace("-", "/")
    return f"transactions/{chain_id}/{day}/{first}-{digest[:16]}.jsonl.gz"
