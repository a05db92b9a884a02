"""Agreement: what ends a transaction must be the word of two endpoints, or of one if there is only one.

One endpoint may lag, lose its index for a moment, or lie. So nothing is declared failed, replaced,
lost or final on the word of one, unless only one is configured; the record says how many it was
(`witnesses`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ferryman.domain.errors import ChainUnreachableError
from ferryman.ports import Chain
from ferryman.services.chains import ChainAccess

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Hearing(Generic[Answer]):
    """What each witness answered to the same question."""

    answers: tuple[Answer, ...]

    @property
    def witnesses(self) -> int:
        """How many there are: 2, or 1 if only one endpoint is configured."""
        return len(self.answers)

    def is_unanimous(self, by: Callable[[Answer], object] = lambda answer: answer) -> bool:
        """Whether all of them say the same, as far as `by` looks."""
        return all(by(answer) == by(self.answers[0]) for answer in self.answers)

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


def agreed(access: ChainAccess, question: Callable[[Chain], Answer]) -> Answer:
    """Give the answer that every witness of a chain gives.

    Raises:
        ChainUnreachableError: one of them did not answer, or gave another answer.

    """
    heard = hear(access.chain, question)
    if not heard.is_unanimous():
        raise ChainUnreachableError(access.settings.chain_id, "its endpoints say different things")
    return heard.answers[0]
