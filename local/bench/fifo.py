"""The queue in memory for several consumers at once: a message group is one consumer's until that settles."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ferryman.domain.lanes import Lane
from ferryman.ports import Hint, TransactionHint
from tests.fakes.queue import MOST_RECEIVES, FakeQueue, Message, deduplication, handed_out

_BATCH: Final = 10
"""Messages that SQS hands out at once."""


class FifoQueue(FakeQueue):
    """Messages of all lanes, as SQS hands them to event source mappings with many processes."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.RLock()
        self._held: set[str] = set()
        """Groups some of whose messages are in flight."""

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
                self._held.add(_group(message.hint))
            return [handed_out(message) for message in batch]

    def settle(self, received: Sequence[Hint], failed: Iterable[Hint]) -> None:
        """Delete a batch but for what failed, which comes again or dies, and let go of its groups."""
        again, done = set(map(_name, failed)), set(map(_name, received))
        with self._turn:
            self._held -= set(map(_group, received))
            for lane in {hint.lane for hint in received}:
                kept = []
                for message in self._waiting[lane]:
                    name = _name(message.hint)
                    if name not in done or (name in again and message.receives < MOST_RECEIVES):
                        kept.append(message)
                    elif name in again:
                        self.dead.append(message.hint)
                self._waiting[lane] = kept

    def _free(self, lane: Lane) -> list[Message]:
        free: list[Message] = []
        for message in self._waiting[lane]:
            if len(free) == _BATCH:
                break
            if _group(message.hint) not in self._held:
                free.append(message)
        return free


def _group(hint: Hint) -> str:
    return deduplication(hint)[0]


def _name(hint: Hint) -> Hint:
    """Give a message as it was sent."""
    return replace(hint, redelivered=False) if isinstance(hint, TransactionHint) else hint
