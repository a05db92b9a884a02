"""Dead-letter queues in memory."""

from collections.abc import Mapping, Sequence

from ferryman.ports import DeadLetter, DeadLetterCount


class FakeDeadLetters:
    """The DeadLetters port.

    Args:
        queues: the letters of each queue.
        targets: the queues whose letters can go back.

    """

    def __init__(self, queues: Mapping[str, Sequence[DeadLetter]], *, targets: Sequence[str]) -> None:
        self.queues = {name: list(letters) for name, letters in queues.items()}
        self.redriven: list[DeadLetter] = []
        self._targets = frozenset(targets)

    def counts(self) -> tuple[DeadLetterCount, ...]:
        """Count; nothing is ever in flight here."""
        return tuple(
            DeadLetterCount(queue=name, visible=len(letters), in_flight=0, can_redrive=name in self._targets)
            for name, letters in self.queues.items()
        )

    def peek(self, queue: str) -> tuple[DeadLetter, ...]:
        """Look at the first ten."""
        return tuple(self.queues[queue][:10])

    def redrive(self, queue: str, *, most: int) -> int:
        """Send the first letters back."""
        going = self.queues[queue][:most]
        self.redriven += going
        self.queues[queue] = self.queues[queue][most:]
        return len(going)
