"""Agreement: what ends a transaction must be the word of two endpoints, or of one if there is only one.

One endpoint may lag, lose its index for a moment, or lie. So nothing is declared failed, replaced,
lost or final on the word of one, unless only one is configured; the record says how many it was
(`witnesses`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ferryman.ports import Chain

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Hearing(Generic[Answer]):
    """What each witness answered to the same question."""

    answers: tuple[Answer, ...]

    @property
    def witnesses(self) -> int:
        """How many there are: 2, or 1 if only one endpoint is configured."""
        return len(self.answers)

    def is_unanimous(self) -> bool:
        """Whether all of them say the same."""
        return all(answer == self.answers[0] for answer in self.answers)

    def confirms(self, is_so: Callable[[Answer], bool]) -> bool:
        """Whether it is so by every answer."""
        return all(is_so(answer) for answer in self.answers)


def hear(chain: Chain, question: Callable[[Chain], Answer]) -> Hearing[Answer]:
    """Ask every witness of a chain.

    Raises:
        ChainUnreachableError: one of them did not answer. Where two are configured, one is not enough.

    """
    return Hearing(tuple(question(witness) for witness in chain.witnesses()))


def hear_each(chain: Chain, question: Callable[[Chain], Sequence[Answer]]) -> tuple[Hearing[Answer], ...]:
    """Ask every witness of a chain about several things at once.

    Returns:
        A hearing of each, in the order of the answers.

    Raises:
        ChainUnreachableError: as `hear`.

    """
    heard = hear(chain, question)
    return tuple(Hearing(answers) for answers in zip(*heard.answers, strict=True))
