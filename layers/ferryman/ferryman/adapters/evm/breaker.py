"""A circuit breaker: an endpoint that keeps failing rests, for longer each time."""

import threading
from collections.abc import Callable
from typing import Final

FAILURES: Final = 3
"""In a row, after which an endpoint rests."""
FIRST_REST_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 30.0
LONGEST_ALONE_SECONDS: Final = 0.5
"""The longest rest while no other endpoint is to be had: how late each process notices the chain's return.

Whatever asks in that time waits seconds more on its row: with 2 s here, 200 payments that had waited for a
killed node took 11 to 13 s instead of 3 (tests/faults/test_node_killed_on_anvil.py).
"""
MOST_ASKED_SECONDS: Final = 60.0
"""The longest rest that an endpoint may ask for itself."""


class Breaker:
    """Says whether an endpoint is worth asking now. It may be used by several threads.

    Closed, until so many failures follow one another; then open for a while, after which one caller
    may try (half open): success closes it, failure doubles the rest. It lives as long as its process,
    which Lambda keeps from one invocation to the next.

    Args:
        now: seconds that never go back.

    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._failures = 0
        self._since = 0.0
        self._rest = 0.0
        self._asked = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the endpoint rests, or has not shown yet that it is well again."""
        return self._rest > 0

    def admits(self, *, alone: bool = False) -> bool:
        """Whether to ask it now. Whoever is let in to try is the only one until the rest is over again.

        Args:
            alone: no other endpoint is to be had, so rests are shorter. What it asked for itself holds.

        """
        with self._lock:
            if not self.is_open:
                return True
            rest = min(self._rest, LONGEST_ALONE_SECONDS) if alone else self._rest
            if self._now() - self._since < max(rest, self._asked):
                return False
            self._since = self._now()
            return True

    def succeeded(self) -> None:
        """Note an answer."""
        with self._lock:
            self._failures, self._rest, self._asked = 0, 0.0, 0.0

    def failed(self, *, asked_seconds: float | None = None) -> bool:
        """Note that there was none.

        Args:
            asked_seconds: how long the endpoint asks to be left alone, if it does.

        Returns:
            Whether this opened the breaker.

        """
        with self._lock:
            was_open = self.is_open
            self._failures += 1
            self._asked = min(asked_seconds or 0.0, MOST_ASKED_SECONDS)
            if self._failures >= FAILURES or self._asked:
                doubled = min(2 * self._rest, LONGEST_REST_SECONDS)
                self._rest = max(doubled, FIRST_REST_SECONDS)
                self._since = self._now()
            return self.is_open and not was_open
