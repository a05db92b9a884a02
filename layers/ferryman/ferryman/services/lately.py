"""Lately: what this process has just brought on its way, so that the message of it says nothing new.

A run that fills its batch up from the backlog does what other messages name, and those still come. To read
the rows again for each of them would hold the queue up, for nothing.
"""

from collections.abc import Iterable

from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Instant, Milliseconds, TransactionId
from ferryman.ports import Clock, Hint, TransactionHint


class Lately:
    """Remembers, for a moment, how far a process went on with rows.

    It is an economy, and never the truth: a hint that was handed out before, or of a later version, or that
    comes later than this moment, has its row read.

    Args:
        clock: tells the time.
        moment: how long nothing more is to be done for what is on its way.

    """

    def __init__(self, clock: Clock, moment: Milliseconds) -> None:
        self._clock = clock
        self._moment = moment
        self._gone: dict[TransactionId, tuple[int, Instant]] = {}

    def note(self, rows: Iterable[Transaction]) -> None:
        """Remember rows, as they are now that a node has their bytes."""
        now = self._clock.now()
        self._gone = {name: one for name, one in self._gone.items() if now - one[1] < self._moment}
        self._gone |= {row.transaction_id: (row.version, now) for row in rows}

    def covers(self, hint: Hint) -> bool:
        """Say whether what a hint asks for was done moments ago."""
        if not isinstance(hint, TransactionHint) or hint.redelivered:
            return False
        gone = self._gone.get(hint.transaction_id)
        return gone is not None and hint.version < gone[0] and self._clock.now() - gone[1] < self._moment
