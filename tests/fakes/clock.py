"""A clock that moves only when somebody sleeps or pushes it."""

from ferryman.domain.units import Instant, Milliseconds


class FakeClock:
    """The Clock port."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now

    def now(self) -> Instant:
        """The time."""
        return Instant(self._now)

    def sleep(self, duration: Milliseconds) -> None:
        """Let time pass at once."""
        self._now += duration
