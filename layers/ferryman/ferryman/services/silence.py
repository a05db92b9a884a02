"""Silence: a chain that keeps us waiting in vain is left alone for a moment: others get their turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.ports import Clock

SLOW_MS: Final = Milliseconds(1_000)
"""A question that fails after so long has cost time; one that fails at once costs nobody any."""
REST_MS: Final = Milliseconds(5_000)
"""How long nothing is asked after that."""
_NEVER: Final = Instant(0)


class Silence:
    """What a process knows of the chains' silence; Lambda keeps processes from one invocation to the next.

    The breakers of a chain's endpoints open only after several failures, each of which may last for all
    of its patience: more than one run has time for, when other chains share it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[ChainId, Instant] = {}

    def last(self, chain_id: ChainId) -> Instant:
        """Give when a chain last kept us waiting in vain; 0 if it never did."""
        return self._since.get(chain_id, _NEVER)

    @contextmanager
    def asking(self, chain_id: ChainId) -> Iterator[None]:
        """Ask a chain inside, and remember if it does not answer.

        Raises:
            ChainUnreachableError: what was raised inside; or at once, while the chain is left alone.

        """
        began = self._clock.now()
        if began < self.last(chain_id) + REST_MS:
            raise ChainUnreachableError(chain_id, "it did not answer a moment ago, and is left alone")
        try:
            yield
        except ChainUnreachableError:
            now = self._clock.now()
            if now - began >= SLOW_MS:
                self._since[chain_id] = now
            raise
