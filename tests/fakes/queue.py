"""A FIFO queue in memory: groups are locked while in flight, duplicates within a group are dropped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.ports import Hint, NonceHint, TransactionHint

_BATCH: Final = 10
MOST_RECEIVES: Final = 6
"""After that many a message goes to the dead-letter queue."""


@dataclass(slots=True)
class _Message:
    hint: Hint
    receives: int = 0


class FakeQueue:
    """The Queue port, with the receiving side of SQS."""

    def __init__(self) -> None:
        self.dead: list[Hint] = []
        self._waiting: list[_Message] = []
        self._seen: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, hints: Iterable[Hint]) -> None:
        """Take messages, dropping those sent before."""
        for hint in hints:
            if (name := _deduplication(hint)) not in self._seen:
                self._seen.add(name)
                self._waiting.append(_Message(hint))

    def receive(self) -> list[Hint]:
        """Hand out a batch, oldest first; redelivered messages say so."""
        batch = self._waiting[:_BATCH]
        for message in batch:
            message.receives += 1
        return [_handed_out(message) for message in batch]

    def everything(self) -> list[Hint]:
        """All waiting messages, as a second delivery would hand them out."""
        return list(dict.fromkeys(message.hint for message in self._waiting))

    def lose(self) -> None:
        """Lose all waiting messages."""
        self._waiting.clear()

    def settle(self, received: Sequence[Hint], failed: Iterable[Hint]) -> None:
        """Delete a batch but for what failed, which comes again or dies."""
        kept = set(failed)
        batch, rest = self._waiting[: len(received)], self._waiting[len(received) :]
        again = [message for message, hint in zip(batch, received, strict=True) if hint in kept]
        self.dead += [message.hint for message in again if message.receives >= MOST_RECEIVES]
        self._waiting = [message for message in again if message.receives < MOST_RECEIVES] + rest


def _handed_out(message: _Message) -> Hint:
    if isinstance(message.hint, TransactionHint):
        return replace(message.hint, redelivered=message.receives > 1)
    return message.hint


def _deduplication(hint: Hint) -> tuple[str, str]:
    if isinstance(hint, NonceHint):
        return f"{hint.chain_id}:{hint.wallet}", f"{hint.wallet}:{hint.nonce}:{hint.version}"
    return f"{hint.chain_id}:{hint.sender}", f"{hint.transaction_id}:{hint.version}"
