"""FIFO queues in memory, one a lane: groups are locked while in flight, duplicates are dropped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.lanes import Lane
from ferryman.domain.units import TransactionId
from ferryman.ports import Hint, NonceHint, TransactionHint

_BATCH: Final = 10
MOST_RECEIVES: Final = 6
"""After that many a message goes to the dead-letter queue."""


@dataclass(slots=True)
class Message:
    """One message and how often it was handed out."""

    hint: Hint
    receives: int = 0


class FakeQueue:
    """The Queue port, with the receiving side of SQS."""

    def __init__(self) -> None:
        self.dead: list[Hint] = []
        self.given_up: list[tuple[TransactionId, str]] = []
        self.refuses = 0
        """How many dead letters it does not take."""
        self._waiting: dict[Lane, list[Message]] = {lane: [] for lane in Lane}
        self._seen: set[tuple[Lane, str, str]] = set()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def waiting(self, lane: Lane) -> list[Hint]:
        """All messages of a lane that wait."""
        return [message.hint for message in self._waiting[lane]]

    def send(self, hints: Iterable[Hint]) -> None:
        """Take messages, dropping those sent before."""
        for hint in hints:
            if (name := (hint.lane, *deduplication(hint))) not in self._seen:
                self._seen.add(name)
                self._waiting[hint.lane].append(Message(hint))

    def put(self, hint: TransactionHint, reason: str) -> None:
        """Take what submit gives up, as the dead-letter queue does."""
        if self.refuses:
            self.refuses -= 1
            msg = "SQS took no message"
            raise StoreUnavailableError(msg)
        self.given_up.append((hint.transaction_id, reason))
        self.dead.append(hint)

    def receive(self) -> list[Hint]:
        """Hand out a batch of one lane, express first, the oldest first; redelivered messages say so."""
        batch = next((waiting[:_BATCH] for waiting in self._waiting.values() if waiting), [])
        for message in batch:
            message.receives += 1
        return [handed_out(message) for message in batch]

    def everything(self) -> list[Hint]:
        """All waiting messages, as a second delivery would hand them out."""
        return list(dict.fromkeys(hint for lane in Lane for hint in self.waiting(lane)))

    def lose(self) -> None:
        """Lose all waiting messages."""
        self._waiting = {lane: [] for lane in Lane}

    def settle(self, received: Sequence[Hint], failed: Iterable[Hint]) -> None:
        """Delete a batch but for what failed, which comes again or dies."""
        if not received:
            return
        kept, lane = set(failed), received[0].lane
        batch, rest = self._waiting[lane][: len(received)], self._waiting[lane][len(received) :]
        again = [message for message, hint in zip(batch, received, strict=True) if hint in kept]
        self.dead += [message.hint for message in again if message.receives >= MOST_RECEIVES]
        self._waiting[lane] = [message for message in again if message.receives < MOST_RECEIVES] + rest


def handed_out(message: Message) -> Hint:
    """Give what a message looks like to whoever receives it."""
    if isinstance(message.hint, TransactionHint):
        return replace(message.hint, redelivered=message.receives > 1)
    return message.hint


def deduplication(hint: Hint) -> tuple[str, str]:
    """Give a message's group, and its deduplication id."""
    if isinstance(hint, NonceHint):
        return f"{hint.chain_id}:{hint.wallet}", f"{hint.wallet}:{hint.nonce}:{hint.version}"
    return f"{hint.chain_id}:{hint.sender}", f"{hint.transaction_id}:{hint.version}"
