"""Something happens at a chosen port call, just before it or just after it: a death, or a rival."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest


class Died(BaseException):
    """The process ends here."""


def die() -> None:
    """End the process."""
    raise Died


class Interruption:
    """Counts all port calls, and interrupts one of them.

    Args:
        at: number of the call, from 1; None never.
        after: whether the call takes effect first.
        act: what happens there; by default the process dies.

    """

    def __init__(self, at: int | None = None, *, after: bool = False, act: Callable[[], None] = die) -> None:
        self.calls: list[str] = []
        self.act = act
        self._at = at
        self._after = after

    def arm(self, at: int, *, after: bool, act: Callable[[], None]) -> None:
        """Interrupt a call yet to come, counted from now."""
        self._at, self._after, self.act = len(self.calls) + at, after, act

    def wrap(self, name: str, port: Any) -> Any:  # noqa: ANN401 (any port)
        """Stand between a service and a port."""
        return _Interrupted(self, name, port)

    def call(self, name: str, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 (whatever the port gives)
        """Make one call, interrupted if it is the one."""
        self.calls.append(name)
        hit = len(self.calls) == self._at
        if hit and not self._after:
            self.act()
        answer = ask()
        if hit and self._after:
            self.act()
        return answer


@contextmanager
def noted(circumstances: str) -> Iterator[None]:
    """Have a check that fails say in which of many circumstances it was made."""
    try:
        yield
    except (AssertionError, pytest.fail.Exception) as error:
        error.add_note(circumstances)
        raise


def call_named(calls: Sequence[str], at: int, *, after: bool) -> str:
    """Name the call that is interrupted."""
    return f"{'after' if after else 'before'} call {at}: {calls[at - 1]}"


class _Interrupted:
    """A port whose every call is counted."""

    def __init__(self, interruption: Interruption, name: str, port: Any) -> None:  # noqa: ANN401 (any port)
        self._interruption = interruption
        self._name = name
        self._port = port

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 (a method of the port)
        real = getattr(self._port, method)
        return lambda *args, **named: self._interruption.call(
            f"{self._name}.{method}", lambda: real(*args, **named)
        )
