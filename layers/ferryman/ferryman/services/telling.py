"""Telling and counting: neither needs the other's answer, so a batch of events waits once and not twice."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ferryman.domain.events import Event
from ferryman.ports import Workers
from ferryman.services.counting import Counting
from ferryman.services.notify import Notify
from ferryman.services.questions import Question, ask_together


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Tells events and counts them meanwhile."""

    notify: Notify
    counting: Counting
    workers: Workers

    def __call__(self, events: Sequence[Event]) -> int:
        """Tell events in order; those that have to be told again are not counted yet.

        Returns:
            How many were told, from the first on.

        """
        telling, counting = Question(partial(self.notify, events)), Question(partial(self.counting, events))
        ask_together(self.workers, telling, counting)
        counted, told = counting.answer(), 0
        try:
            told = telling.answer()
        finally:
            self.counting.take_back(events[told:], counted)
        return told
