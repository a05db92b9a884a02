"""How far watch has followed a chain, and which of its blocks turned out to be void."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.units import BlockHash, BlockNumber, ChainId, Instant, Milliseconds, Seconds

MOST_FORKS: Final = 32
_NOTHING: Final = BlockNumber(-1)
_NEVER: Final = Instant(0)


@dataclass(frozen=True, slots=True)
class Fork:
    """From this fork on, what was followed under older numbers after `ancestor` is void."""

    number: int
    ancestor: BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The newest block whose logs are in the cache, with all before it."""

    chain_id: ChainId
    followed: str
    """Which contracts are followed, and from which block on."""
    number: BlockNumber
    recent: tuple[BlockHash, ...]
    """Hashes of the newest blocks that were followed, the last that of `number`."""
    timestamp_seconds: Seconds
    """The block's own time."""
    seen_at: Instant = _NEVER
    """When the block was last seen to be the newest; 0 while older blocks are being caught up on."""
    changed_at: Instant = _NEVER
    """When a followed block last changed an account."""
    fork: int = 0
    forks: tuple[Fork, ...] = ()
    """The newest forks, oldest first."""

    def is_fresh(self, now: Instant, most_ms: Milliseconds) -> bool:
        """Whether its block was the newest one at most that long ago."""
        return now - self.seen_at <= most_ms

    def hash_of(self, number: BlockNumber) -> BlockHash | None:
        """Give the hash of a recent block; None if it is not kept."""
        place = number - self.number - 1 + len(self.recent)
        return self.recent[place] if 0 <= place < len(self.recent) else None

    def believed_through(self, fork: int) -> BlockNumber:
        """Give the last block of which something written under `fork` can be believed; -1: of none."""
        newer = [one for one in self.forks if one.number > fork]
        if len(newer) != self.fork - fork:  # also what is newer than this cursor itself
            return _NOTHING
        return min((one.ancestor for one in newer), default=self.number)

    def advanced(
        self, number: BlockNumber, hashes: Sequence[BlockHash], *, timestamp_seconds: Seconds, keep: int
    ) -> "Cursor":
        """Go on to a block; `hashes` are those of the blocks up to it that follow directly, oldest first."""
        follows = number - self.number == len(hashes)
        recent = (*(self.recent if follows else ()), *hashes)[-keep:]
        return replace(self, number=number, recent=recent, timestamp_seconds=timestamp_seconds)

    def forked(self, ancestor: BlockNumber) -> "Cursor":
        """Go back to a recent block (or stay), and void what was written of later ones."""
        gone = self.number - ancestor
        fork = Fork(self.fork + 1, ancestor)
        return replace(
            self,
            number=ancestor,
            recent=self.recent[: len(self.recent) - gone],
            seen_at=_NEVER,
            fork=fork.number,
            forks=(*self.forks, fork)[-MOST_FORKS:],
        )

    def restarted(
        self, followed: str, number: BlockNumber, recent: tuple[BlockHash, ...], timestamp_seconds: Seconds
    ) -> "Cursor":
        """Begin anew at a block, and void everything."""
        fork = Fork(self.fork + 1, _NOTHING)
        return Cursor(
            chain_id=self.chain_id,
            followed=followed,
            number=number,
            recent=recent,
            timestamp_seconds=timestamp_seconds,
            fork=fork.number,
            forks=(*self.forks, fork)[-MOST_FORKS:],
        )
