"""The demo, where nobody sees a bar."""

import asyncio

from local.demo import tell_until_ended
from local.progress import console


class Ending:
    """Three payments: the first time that somebody asks none has ended, the second time all have."""

    def __init__(self) -> None:
        self._asked = 0

    def answered(self) -> int:
        """All of them, from the beginning."""
        self._asked += 1
        return 3

    def ended(self) -> int:
        """None, then all."""
        return 3 if self._asked > 1 else 0


def test_in_a_pipe_the_demo_says_now_and_then_how_far_it_is() -> None:
    """A log that stays silent for minutes looks like a program that hangs."""
    with console.capture() as printed:
        asyncio.run(tell_until_ended(Ending(), 3, every_seconds=0))

    told = [line.partition(": ")[2] for line in printed.get().splitlines()]
    assert told == ["3 of 3 answered, 0 ended", "3 of 3 answered, 3 ended"]
