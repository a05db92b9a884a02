"""Pacing: a run looks at its chain just after each block, and seldom otherwise."""

from dataclasses import dataclass
from typing import Final

from ferryman.domain.units import Instant, Milliseconds
from ferryman.ports import Block

_NEVER: Final = Instant(0)
_SHORTEST_MS: Final = 100
_AT_ONCE_MS: Final = 25
"""The shortest pause of all, once a block: a look that came a little too soon is made up for."""
_FINEST, _FINE, _COARSE = 32, 16, 4
"""Without a new block, look again after such a part of a block time: fine while one is about to come."""
_FINE_STEPS: Final = 4
_CREEP: Final = 128
"""A look that found a block comes at least such a part of a block time sooner after the next one."""


@dataclass(slots=True)
class Pace:
    """When one chain's next look is due.

    Blocks come at a steady pace, but nobody says when one gets to us, which may be seconds after its
    timestamp. So looks feel their way: what found a block was late by no more than what lies between it and
    the look before, which found none; half of that is taken off the next block time, and so on.
    """

    block_time_ms: Milliseconds
    _head: Block | None = None
    _looked_at: Instant = _NEVER
    _due: Instant = _NEVER
    _late_ms: int = 0
    """How late the last look that found a block was, at most."""
    _misses: int = 0
    """Looks since then."""

    def after(self, head: Block | None, at: Instant) -> Instant:
        """Say when to look next.

        Args:
            head: the newest block that is known; None if none ever was.
            at: when the look at it began.

        """
        pause = self._pause(head, at)
        shortest = _AT_ONCE_MS if self._misses == 1 else _SHORTEST_MS
        self._head, self._looked_at = head, at
        self._due = Instant(at + max(pause, shortest))
        return self._due

    def _pause(self, head: Block | None, at: Instant) -> int:
        block_time, before = self.block_time_ms, self._head
        if head is None or (before is not None and head.number == before.number):
            self._misses += 1
            if self._misses == 1:
                return block_time // _FINEST
            return block_time // (_FINE if self._misses <= _FINE_STEPS else _COARSE)
        missed, self._misses = self._misses, 0
        if before is None:
            # A run's first look finds a block, and not since when it is there; its timestamp hints at it.
            self._late_ms = block_time // _COARSE
            due_in = head.timestamp_seconds * 1_000 + block_time - at
            # Its clock may be ahead of ours; and a block that should be here may come any moment.
            return (due_in - 1) % block_time + 1 if due_in > 0 else block_time // _COARSE
        # A look that took long delays the next one.
        self._late_ms = at - self._looked_at if missed else self._late_ms + at - self._due
        sooner = max(min(self._late_ms, block_time) // 2, block_time // _CREEP)
        self._late_ms = max(self._late_ms - sooner, 0)
        return block_time - sooner
