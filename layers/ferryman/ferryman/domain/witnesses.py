"""Whose word counts: two endpoints of a chain, and two others once these have contradicted each other."""

from collections.abc import Sequence
from itertools import combinations
from typing import Final

from ferryman.domain.units import Instant, Milliseconds

WITNESSES: Final = 2
_DOUBT_MS: Final = Milliseconds(600_000)
"""How long those that contradicted each other are asked last."""

Pair = tuple[int, ...]
"""Endpoints by their numbers: two, or one where there is only one."""


class Witnesses:
    """Chooses which endpoints of a chain are heard, and remembers who contradicted whom.

    Nobody knows which of two is wrong. So of three another pair is heard the next time, until one agrees:
    with one liar among three that is the third pair at the latest.
    """

    def __init__(self) -> None:
        self._heard: Pair = ()
        self._doubted: dict[Pair, Instant] = {}

    @property
    def is_in_doubt(self) -> bool:
        """Whether some have contradicted each other lately."""
        return bool(self._doubted)

    def choose(self, numbers: Sequence[int], *, now: Instant) -> Pair:
        """Choose two of the endpoints that may be heard, or all if there are not more.

        Args:
            numbers: of the endpoints, the preferred first.
            now: the time.

        """
        if len(numbers) <= WITNESSES:
            self._heard = tuple(numbers)
            return self._heard
        self._doubted = {pair: at for pair, at in self._doubted.items() if now - at < _DOUBT_MS}
        pairs = combinations(numbers, WITNESSES)
        # The first of those never doubted, else the one doubted longest ago.
        self._heard = min(pairs, key=lambda pair: self._doubted.get(_same(pair), -1))
        return self._heard

    def doubt(self, *, now: Instant) -> None:
        """Note that those chosen last contradict each other."""
        self._doubted[_same(self._heard)] = now


def _same(pair: Pair) -> Pair:
    return tuple(sorted(pair))
