"""Questions that do not need each other's answers are asked side by side: one wait, not the sum of them."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, Generic, TypeVar

from ferryman.ports import Workers

T = TypeVar("T")


class Question(Generic[T]):
    """A question and, once it is asked, its answer or what stood in the way of one."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask: Final = ask
        self._answer: Final[Future[T]] = Future()

    def ask(self) -> None:
        """Ask, and keep what comes of it for whoever wants the answer."""
        try:
            self._answer.set_result(self._ask())
        except Exception as error:  # noqa: BLE001 (raised where the answer is wanted)
            self._answer.set_exception(error)

    @property
    def is_asked(self) -> bool:
        """Whether it was asked."""
        return self._answer.done()

    def answer(self) -> T:
        """Give the answer; ask first, if nobody has.

        Raises:
            Exception: what stood in the way.

        """
        if not self.is_asked:
            self.ask()
        return self._answer.result()


def ask_together(workers: Workers, *questions: Question[Any]) -> None:
    """Ask questions at the same time; one alone is asked when its answer is wanted."""
    if len(questions) > 1:
        workers.work_off([[question.ask] for question in questions])
