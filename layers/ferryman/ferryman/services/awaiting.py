"""Awaiting: a client that wants to hear how it ended gets its answer then, or when its patience ends."""

from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.events import Step
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import BlockNumber, ChainId, Instant, Milliseconds
from ferryman.ports import Clock, TransactionStore
from ferryman.services.chains import Chains

_SHORTEST_PAUSE_MS: Final = 100
_LONGEST_PAUSE_MS: Final = 1_000
_HALF, _QUARTER, _EIGHTH, _SIXTEENTH = 2, 4, 8, 16
"""Parts of a block time."""


@dataclass(slots=True)
class _Ends:
    """When ends come on a chain, by the last one that a process saw."""

    at: Instant
    late_ms: int
    """How long after such a moment an end can be read: all that end in a block are written one by one."""

    def learn(self, at: Instant, *, missed_at: Instant, found_at: Instant, block_time: int) -> None:
        """Take in an end, which the look before the last did not find.

        It could be read somewhere between these two looks. Without one in vain it may have been there for
        long: the next look comes a little sooner.
        """
        shortest, longest = block_time // _SIXTEENTH, block_time // _QUARTER
        late = (missed_at + found_at) // 2 - at if missed_at > at else self.late_ms - self.late_ms // _QUARTER
        self.at, self.late_ms = at, min(max(late, shortest), longest)


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
    _ends: dict[ChainId, _Ends] = field(default_factory=dict)

    def __call__(self, row: Transaction, *, since: Instant) -> Transaction:
        """Give a row as it is when it is over, or else when patience is.

        Args:
            row: as it was read last.
            since: when the request came.

        Raises:
            StoreUnavailableError: it cannot be read.

        """
        looked_at, looks = self.clock.now(), 0
        missed_at = looked_at
        while not row.status.is_terminal:
            left = since + self.patience_ms - self.clock.now()
            if left <= 0:
                break
            self.clock.sleep(Milliseconds(min(self._pause(row, looks), left)))
            missed_at, looked_at, looks = looked_at, self.clock.now(), looks + 1
            row = self.store.get(row.transaction_id) or row
        if looks and (confirmed_at := row.reached.get(Step.CONFIRMED)):
            block_time = self.chains[row.chain_id].settings.block_time_ms
            ends = self._ends.setdefault(row.chain_id, _Ends(confirmed_at, block_time // _SIXTEENTH))
            ends.learn(confirmed_at, missed_at=missed_at, found_at=looked_at, block_time=block_time)
            self._hear(row, confirmed_at)
        return row

    def _hear(self, row: Transaction, confirmed_at: Instant) -> None:
        """Tell the chain which block it has reached: whoever waited for an end often comes again at once.

        Confirm saw it. A head of our own may be a block older than what settled the payer's last one, so its
        funds would be read twice.
        """
        if row.block_number is not None and row.confirmations:
            head = BlockNumber(row.block_number + row.confirmations - 1)
            self.chains[row.chain_id].chain.heard_of(head, at=confirmed_at)

    def _pause(self, row: Transaction, looks: int) -> int:
        """Give the milliseconds until a row is worth a look."""
        block_time, now = self.chains[row.chain_id].settings.block_time_ms, self.clock.now()
        ends = self._ends.get(row.chain_id)
        if ends is None:
            # Hardly anything is in a block, and confirmed, before half of one has passed.
            return _bounded(block_time // _QUARTER) if looks else block_time // _HALF
        since_ends = (now - ends.at) % block_time
        bound_at = row.reached.get(Step.BOUND)
        # What was bound before the last block is probably in it, and its end be written any moment. Who gave
        # it up too soon would have its answer a whole block later: one look more costs far less.
        may_be_in = bound_at is not None and bound_at < now - since_ends - block_time // _SIXTEENTH
        if looks and may_be_in and since_ends < block_time // _HALF:
            return _bounded(block_time // _EIGHTH)
        soonest = now + _SHORTEST_PAUSE_MS
        return _SHORTEST_PAUSE_MS + (ends.at + ends.late_ms - soonest) % block_time


def _bounded(pause: int) -> int:
    return min(max(pause, _SHORTEST_PAUSE_MS), _LONGEST_PAUSE_MS)
