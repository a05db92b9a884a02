"""Resting: what others carried out is over, and no nonce of ours tells whether its block is still there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ferryman.domain.blocks import BlockId
from ferryman.domain.errors import StaleRowError
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Instant
from ferryman.ports import Block, Change, Clock, Log, TransactionStore
from ferryman.services.about import about
from ferryman.services.canonical import Canonical
from ferryman.services.executions import LOOKED_AT_AGAIN_MS
from ferryman.services.finality import Finality
from ferryman.services.reopening import Reopening


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """Looks at such rows now and then, until the block that they rest on is final."""

    canonical: Canonical
    finality: Finality
    reopening: Reopening
    store: TransactionStore
    clock: Clock
    log: Log

    def __call__(self, rows: Sequence[Transaction], head: Block) -> None:
        """Open again what rests on a block that is gone; leave alone for good what rests on a final one.

        Args:
            rows: what is over and due.
            head: the newest block.

        Raises:
            StoreUnavailableError: as its port says; what was not written stays due.

        """
        blocks = {row.transaction_id: _block_of(row) for row in rows}
        judged = self.canonical.judge((block for block in blocks.values() if block), head)
        final = self.finality(head)
        for row in rows:
            block = blocks[row.transaction_id]
            is_final = block is None or (block not in judged.unknown and block.number <= final)
            try:
                if block in judged.gone:
                    self.reopening.returned(row)
                else:
                    self._kept(row, is_final=is_final)
            except StaleRowError:
                self.log.info("somebody else went on with the row", **about(row))

    def _kept(self, row: Transaction, *, is_final: bool) -> None:
        later = None if is_final else Instant(self.clock.now() + LOOKED_AT_AGAIN_MS)
        self.store.write(Change(before=row, after=replace(row, due_at=later, version=row.version + 1)))


def _block_of(row: Transaction) -> BlockId | None:
    if row.block_number is None or row.block_hash is None:
        return None
    return BlockId(row.block_number, row.block_hash)
