"""Awaiting: a client that wants to hear how it ended gets its answer then, or when its patience ends."""

from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.events import Step
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.ports import Clock, TransactionStore
from ferryman.services.chains import Chains

_SHORTEST_PAUSE_MS: Final = 100
_LONGEST_PAUSE_MS: Final = 1_000
_QUARTER, _EIGHTH, _SIXTEENTH = 4, 8, 16
"""Parts of a block time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """Reads a row until it is over, as often as its chain has news.

    What ends on a chain ends just after its blocks. A process that has seen one end knows when the next are
    due, and reads then; until it has, it reads four times a block or so.
    """

    store: TransactionStore
    chains: Chains
    clock: Clock
    patience_ms: Milliseconds
    """How long, from the request on: below what the API's gateway waits."""
    _ended_at: dict[ChainId, Instant] = field(default_factory=dict)
    """When the last one ended on each chain."""

    def __call__(self, row: Transaction, *, since: Instant) -> Transaction:
        """Give a row as it is when it is over, or else when patience is.

        Args:
            row: as it was read last.
            since: when the request came.

        Raises:
            StoreUnavailableError: it cannot be read.

        """
        looks = 0
        while not row.status.is_terminal:
            left = since + self.patience_ms - self.clock.now()
            if left <= 0:
                break
            self.clock.sleep(Milliseconds(min(self._pause(row, looks), left)))
            looks += 1
            row = self.store.get(row.transaction_id) or row
        if looks and (confirmed_at := row.reached.get(Step.CONFIRMED)):
            self._ended_at[row.chain_id] = confirmed_at
        return row

    def _pause(self, row: Transaction, looks: int) -> int:
        """Give the milliseconds until a row is worth a look."""
        block_time, now = self.chains[row.chain_id].settings.block_time_ms, self.clock.now()
        ended_at = self._ended_at.get(row.chain_id)
        if ended_at is None:
            # Hardly anything is in a block, and confirmed, before half of one has passed.
            return _bounded(block_time // _QUARTER) if looks else block_time // 2
        since_ends = (now - ended_at) % block_time
        bound_at = row.reached.get(Step.BOUND)
        # What was bound a while before the last block may be in it, and its end be written any moment.
        may_be_in = bound_at is not None and bound_at < now - since_ends - block_time // _QUARTER
        if looks and may_be_in and since_ends < block_time // _QUARTER:
            return _bounded(block_time // _EIGHTH)
        soonest = now + _SHORTEST_PAUSE_MS
        late = block_time // _SIXTEENTH
        return _SHORTEST_PAUSE_MS + (ended_at + late - soonest) % block_time


def _bounded(pause: int) -> int:
    return min(max(pause, _SHORTEST_PAUSE_MS), _LONGEST_PAUSE_MS)
