"""Questions: each keeps its own answer, and what stood in the way of one is raised where it is wanted."""

import threading
from collections.abc import Callable

import pytest

from ferryman.adapters.workers import ThreadWorkers
from ferryman.domain.errors import StoreUnavailableError
from ferryman.services.questions import Question, ask_together
from tests.fakes.workers import OneByOne


def unavailable() -> int:
    """Answer nothing."""
    raise StoreUnavailableError("throttled")


def test_an_answer_is_there_though_another_question_had_none() -> None:
    """Who asks for several decides what becomes of the rest."""
    failing, answered = Question(unavailable), Question(lambda: 7)

    ask_together(OneByOne(), failing, answered)

    assert answered.answer() == 7
    with pytest.raises(StoreUnavailableError, match="throttled"):
        failing.answer()


def test_a_question_is_asked_once() -> None:
    """However often the answer is wanted; and by whoever wants it first, if nobody has asked."""
    asked = list[str]()

    def named(name: str) -> Callable[[], str]:
        def ask() -> str:
            asked.append(name)
            return name

        return ask

    early, late = Question(named("early")), Question(named("late"))
    ask_together(OneByOne(), early, Question(named("other")))

    assert asked == ["early", "other"]
    assert [early.answer(), late.answer(), early.answer(), late.answer()] == ["early", "late"] * 2
    assert asked == ["early", "other", "late"]


def test_questions_are_asked_at_the_same_time() -> None:
    """Each waits until all are being asked."""
    together = threading.Barrier(3, timeout=10)
    questions = [Question(together.wait) for _ in range(3)]

    ask_together(ThreadWorkers(3), *questions)

    assert sorted(question.answer() for question in questions) == [0, 1, 2]
