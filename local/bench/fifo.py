"""The queue in memory for several consumers at once: a message group is one consumer's until that settles."""

import threading
from collections.abc import Iterable, Sequence
from typing import Final

from ferryman.domain.lanes import Lane
from ferryman.ports import Hint
from tests.fakes.queue import MOST_RECEIVES, FakeQueue, Message, deduplication, handed_out

_BATCH: Final = 10
"""Messages that SQS hands out at once."""


class FifoQueue(FakeQueue):
    """Messages of all lanes, as SQS hands them to event source mappings with many processes."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.RLock()
        self._held: dict[Hint, Message] = {}
        """What is in flight, by what was handed out."""
        self._groups: set[str] = set()
        """Those of it."""

    def __len__(self) -> int:
        """Count what waits or is in flight."""
        with self._turn:
            return super().__len__()

    def send(self, hints: Iterable[Hint]) -> None:
        """Take messages, dropping those sent before."""
        with self._turn:
            super().send(hints)

    def receive(self) -> list[Hint]:
        """Hand out a batch of groups that nobody holds, express first, and hold them."""
        with self._turn:
            batch = next((free for lane in self._waiting if (free := self._free(lane))), [])
            for message in batch:
                message.receives += 1
                self._groups.add(_group(message.hint))
            handed = [handed_out(message) for message in batch]
            self._held |= zip(handed, batch, strict=True)
            return handed

    def settle(self, received: Sequence[Hint], failed: Iterable[Hint]) -> None:
        """Delete a batch but for what failed, which comes again or dies, and let go of its groups."""
        again = set(failed)
        with self._turn:
            self._groups -= set(map(_group, received))
            over = set()
            for hint in received:
                message = self._held.pop(hint)
                if hint not in again:
                    over.add(id(message))
                elif message.receives >= MOST_RECEIVES:
                    over.add(id(message))
                    self.dead.append(message.hint)
            for lane in {hint.lane for hint in received}:
                self._waiting[lane] = [one for one in self._waiting[lane] if id(one) not in over]

    def _free(self, lane: Lane) -> list[Message]:
        free: list[Message] = []
        for message in self._waiting[lane]:
            if len(free) == _BATCH:
                break
            if _group(message.hint) not in self._groups:
                free.append(message)
        return free


def _group(hint: Hint) -> str:
    return deduplication(hint)[0]
