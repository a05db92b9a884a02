"""What goes wrong, and when: mishaps planned ahead for port calls yet to come."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from tests.faults.interruptions import Died

_Answer = TypeVar("_Answer")


class Mishap(StrEnum):
    """What happens at one port call."""

    DIES_BEFORE = "the process dies before it"
    DIES_AFTER = "the process dies after it"
    FAILS = "it is not carried out, and says so"
    LOSES_ITS_ANSWER = "it is carried out, and nobody hears so"
    IS_SENT_TWICE = "the network client, which heard nothing, sends it again"
    FREEZES = "the process stands still until all its leases have run out"
    MEETS_A_RIVAL = "another process delivers, follows and watches meanwhile"
    MEETS_A_THIEF = "the process stands still, and another one does its work"
    LOSES_A_BLOCK = "the newest block is replaced meanwhile"


Unavailable = Callable[[str], Exception]
"""Makes the error by which a port says that it could not do what was asked."""


class Weather:
    """Stands between services and ports; calm unless something was planned.

    Args:
        act: carries out what happens beside a call: a freeze, a rival, a reorg.

    """

    def __init__(self, act: Callable[[Mishap], None]) -> None:
        self.seen: Counter[str] = Counter()
        """What was planned and came to pass, to see that runs are not all sunshine."""
        self.deaths = 0
        self._act = act
        self._calls = 0
        self._planned: dict[int, Mishap] = {}
        self._outages: dict[str, int] = {}
        self._is_inside = True

    def plan(self, mishap: Mishap, *, calls_ahead: int) -> None:
        """Let something go wrong at a call yet to come."""
        self._planned[self._calls + calls_ahead] = mishap

    def cut_off(self, port: str, *, calls: int) -> None:
        """Let the next calls of one port fail."""
        self._outages[port] = calls

    def clear_up(self) -> None:
        """Plan nothing any more."""
        self._planned.clear()
        self._outages.clear()

    @property
    def troubles(self) -> int:
        """How often a process died or did not hear that something was done."""
        return sum(self.seen.values())

    def outside(self, run: Callable[[], Any]) -> None:
        """Run a service in this weather; if it dies, it is over."""
        self._is_inside = False
        try:
            run()
        except Died:
            self.deaths += 1
        finally:
            self._is_inside = True

    def call(self, port: str, unavailable: Unavailable, ask: Callable[[], _Answer]) -> _Answer:
        """Make a port call, or what becomes of it.

        Args:
            port: its name.
            unavailable: makes the error by which it fails.
            ask: carries it out.

        """
        if self._is_inside:
            return ask()
        self._is_inside = True  # whatever happens in the middle of a call happens in calm weather
        try:
            return self._met(port, unavailable, ask)
        finally:
            self._is_inside = False

    def _met(self, port: str, unavailable: Unavailable, ask: Callable[[], _Answer]) -> _Answer:
        self._calls += 1
        if self._outages.get(port, 0):
            self._outages[port] -= 1
            self.seen["an outage"] += 1
            raise unavailable("cut off")
        mishap = self._planned.pop(self._calls, None)
        if mishap is None:
            return ask()
        self.seen[mishap] += 1
        match mishap:
            case Mishap.DIES_BEFORE:
                raise Died
            case Mishap.DIES_AFTER:
                ask()
                raise Died
            case Mishap.FAILS:
                raise unavailable("throttled")
            case Mishap.LOSES_ITS_ANSWER:
                ask()
                raise unavailable("no answer")
            case Mishap.IS_SENT_TWICE:
                ask()
                return ask()
        self._act(mishap)
        return ask()
