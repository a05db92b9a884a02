"""Finality: up to which block no reorg replaces anything any more."""

from dataclasses import dataclass
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.units import BlockNumber, Instant
from ferryman.ports import Block, Clock, Log
from ferryman.services.canonical import Canonical

_ASKED_EVERY_MS: Final = 60_000
"""An answer that is older only has a few more nonces looked at after a reorg."""
_NONE: Final = BlockNumber(0)


@dataclass(slots=True, kw_only=True)
class Finality:
    """What one run knows of it."""

    settings: ChainSettings
    canonical: Canonical
    clock: Clock
    log: Log
    _finalized: tuple[BlockNumber | None, ...] = ()
    """By the word of each witness."""
    _asked_at: Instant | None = None

    def __call__(self, head: Block) -> BlockNumber:
        """Give the newest block that is final to every witness: by its word, or if it has none by the depth.

        While one does not answer, it is the one of before, or none at all.
        """
        now = self.clock.now()
        if self._asked_at is None or now - self._asked_at >= _ASKED_EVERY_MS:
            try:
                self._finalized, self._asked_at = self.canonical.finalized(), now
            except ChainUnreachableError as error:
                self.log.warning("final block not read", chain_id=error.chain_id, cause=error.cause)
                if self._asked_at is None:
                    return _NONE
        return min(self.settings.final_block(head.number, number) for number in self._finalized)
