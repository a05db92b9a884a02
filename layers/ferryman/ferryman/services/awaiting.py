"""Awaiting: a client that wants to hear how it ended gets its answer then, or when its patience ends."""

from dataclasses import dataclass
from typing import Final

from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Instant, Milliseconds
from ferryman.ports import Clock, TransactionStore
from ferryman.services.chains import Chains

_SHORTEST_PAUSE_MS: Final = 100
_LONGEST_PAUSE_MS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaiting:
    """Reads a row until it is over, as often as its chain has news: four times a block or so."""

    store: TransactionStore
    chains: Chains
    clock: Clock
    patience_ms: Milliseconds
    """How long, from the request on: below what the API's gateway waits."""

    def __call__(self, row: Transaction, *, since: Instant) -> Transaction:
        """Give a row as it is when it is over, or else when patience is.

        Args:
            row: as it was read last.
            since: when the request came.

        Raises:
            StoreUnavailableError: it cannot be read.

        """
        block_time = self.chains[row.chain_id].settings.block_time_ms
        # Hardly anything is in a block, and confirmed, before half of one has passed.
        pause, later = block_time // 2, min(max(block_time // 4, _SHORTEST_PAUSE_MS), _LONGEST_PAUSE_MS)
        while not row.status.is_terminal:
            left = since + self.patience_ms - self.clock.now()
            if left <= 0:
                break
            self.clock.sleep(Milliseconds(min(pause, left)))
            pause = later
            row = self.store.get(row.transaction_id) or row
        return row
