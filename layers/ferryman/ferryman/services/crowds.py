"""Crowds: when intents share a nonce, and how long one waits for others to share it with."""

from dataclasses import dataclass
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Milliseconds

SCARCE_WAIT_MS: Final = Milliseconds(150)
"""How long one waits for others at most: a small batch takes as much of a wallet's window as a full one.

Without a wait the first runs of a flood use the windows up with small batches, and the rest waits for a
block. With the whole of it always, everybody would be later for the flood's sake.
"""
_HALF: Final = 0.5
_FEWEST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many want a nonce at a moment, and how few nonces there are."""

    came: int
    """Rows that came at once, with those that others go on with."""
    taken: float
    """The part of the wallets' windows, as far as standard intents may fill them, that is in use: 0 to 1."""

    def is_one(self, settings: ChainSettings) -> bool:
        """Whether others are to be looked for: many came at once, or more than half of the nonces are gone.

        The few that one run has in hand may be all that other runs left of many, or what trickles in so
        fast that each alone would take the last nonces before the next block.
        """
        return self.came >= settings.batch_min or self.taken > _HALF

    def least(self, settings: ChainSettings) -> int:
        """Give how many share a nonce at least: in a crowd windows fill up, and two do."""
        return _FEWEST if self.is_one(settings) else settings.batch_min

    def wait(self, settings: ChainSettings) -> Milliseconds:
        """Give how old the oldest has to be before it goes on: the older the fewer nonces are left.

        Many who came at once wait as soon as anything is taken, and for the whole time from half of it on.
        A few wait only where more than half is taken: one payment now and then is never held up.
        """
        share = 2 * self.taken if self.came >= settings.batch_min else 2 * self.taken - 1
        return Milliseconds(max(settings.batch_wait_ms, round(SCARCE_WAIT_MS * min(max(share, 0.0), 1.0))))
