"""The machine's clock."""

import time

from ferryman.domain.units import Instant, Milliseconds


class SystemClock:
    """The Clock port."""

    def now(self) -> Instant:
        """Milliseconds since the Unix epoch."""
        return Instant(time.time_ns() // 1_000_000)

    def sleep(self, duration: Milliseconds) -> None:
        """Do nothing for a while."""
        time.sleep(duration / 1000)
