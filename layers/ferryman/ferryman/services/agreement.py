"""Agreement: what ends a transaction must be the word of two endpoints, or of one if there is only one.

One endpoint may lag, lose its index for a moment, or lie. So nothing is declared failed, replaced,
lost or final on the word of one, unless only one is configured; the record says how many it was
(`witnesses`). With three configured, one that lies delays an end for a look or two: those that
contradict each other are not heard together again, while there is another pair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ferryman.domain.errors import ChainUnreachableError
from ferryman.ports import Chain
from ferryman.services.chains import ChainAccess

Answer = TypeVar("Answer")
Part = TypeVar("Part")


def _nobody() -> None:
    """Doubt where there is nobody else to ask."""


@dataclass(frozen=True, slots=True)
class Hearing(Generic[Answer]):
    """What each witness answered to the same question."""

    answers: tuple[Answer, ...]
    doubt: Callable[[], None] = field(default=_nobody, compare=False)
    """Called when they contradict each other, so that others are asked the next time."""

    @property
    def witnesses(self) -> int:
        """How many there are: 2, or 1 if only one endpoint is configured."""
        return len(self.answers)

    def is_unanimous(self, by: Callable[[Answer], object] = lambda answer: answer) -> bool:
        """Whether all of them say the same, as far as `by` looks."""
        is_so = all(by(answer) == by(self.answers[0]) for answer in self.answers)
        if not is_so:
            self.doubt()
        return is_so

    def confirms(self, is_so: Callable[[Answer], bool]) -> bool:
        """Whether it is so by every answer."""
        said = [is_so(answer) for answer in self.answers]
        if any(said) and not all(said):
            self.doubt()
        return all(said)

    def about(self, pick: Callable[[Answer], Part]) -> "Hearing[Part]":
        """Give what they said of a part of the question."""
        return Hearing(tuple(pick(answer) for answer in self.answers), self.doubt)


def hear(chain: Chain, question: Callable[[Chain], Answer]) -> Hearing[Answer]:
    """Ask every witness of a chain.

    Raises:
        ChainUnreachableError: one of them did not answer. Where two are configured, one is not enough.

    """
    return Hearing(tuple(question(witness) for witness in chain.witnesses()), chain.doubt)


def hear_each(chain: Chain, question: Callable[[Chain], Sequence[Answer]]) -> tuple[Hearing[Answer], ...]:
    """Ask every witness of a chain about several things at once.

    Returns:
        A hearing of each, in the order of the answers.

    Raises:
        ChainUnreachableError: as `hear`.

    """
    heard = hear(chain, question)
    return tuple(Hearing(answers, chain.doubt) for answers in zip(*heard.answers, strict=True))


def agreed(access: ChainAccess, question: Callable[[Chain], Answer]) -> Answer:
    """Give the answer that every witness of a chain gives.

    Raises:
        ChainUnreachableError: one of them did not answer, or gave another answer.

    """
    heard = hear(access.chain, question)
    if not heard.is_unanimous():
        raise ChainUnreachableError(access.settings.chain_id, "its endpoints say different things")
    return heard.answers[0]
