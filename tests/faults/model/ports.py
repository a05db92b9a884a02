"""Ports that misbehave as the weather has it; what they carry out, they carry out truly."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ferryman.adapters.dynamodb.operations import Item, Key, Query, Write, WriteConflictError
from ferryman.domain.errors import ChainUnreachableError, SignerUnavailableError, StoreUnavailableError
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.ports import Clock, Hint, SendOutcome, SendResult, TransactionHint
from tests.fakes.queue import MOST_RECEIVES, FakeQueue
from tests.fakes.tables import MemoryTables
from tests.faults.model.weather import Unavailable, Weather

_Answer = TypeVar("_Answer")


class RoughTables(MemoryTables):
    """Tables that throttle, conflict and lose answers, with indexes that may stand still."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self._weather = weather
        self._index: MemoryTables | None = None

    def freeze_indexes(self) -> None:
        """Let indexes show what is there now until they are told to catch up."""
        self._index = MemoryTables()
        self._index.items = {name: items.snapshot() for name, items in self.items.items()}

    def thaw_indexes(self) -> None:
        """Let indexes catch up."""
        self._index = None

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        return self._met(StoreUnavailableError, lambda: super(RoughTables, self).get(table, key))

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items."""
        return self._met(StoreUnavailableError, lambda: super(RoughTables, self).get_many(table, keys))

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition; of an index as it was, if it stands still."""
        if query.index and self._index:
            index = self._index
            return self._met(StoreUnavailableError, lambda: index.query(query))
        return self._met(StoreUnavailableError, lambda: super(RoughTables, self).query(query))

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        return self._met(WriteConflictError, lambda: super(RoughTables, self).write(write))

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing; sent again they are known by their token."""
        done = False

        def once() -> None:
            nonlocal done
            if not done:
                super(RoughTables, self).transact(writes)
            done = True

        self._met(WriteConflictError, once)

    def _met(self, unavailable: Unavailable, ask: Callable[[], _Answer]) -> _Answer:
        return self._weather.call("tables", unavailable, ask)


@dataclass
class Rough:
    """Any other port, whose every call the weather decides about."""

    weather: Weather
    name: str
    port: Any

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 (a method of the port)
        real = getattr(self.port, method)
        if method == "witnesses":
            return lambda: tuple(Rough(self.weather, self.name, one) for one in real())
        unavailable = _UNAVAILABLE.get(self.name, StoreUnavailableError)

        def call(*args: Any, **named: Any) -> Any:  # noqa: ANN401 (as the port)
            try:
                return self.weather.call(self.name, unavailable, lambda: real(*args, **named))
            except ChainUnreachableError as error:
                if method != "send":
                    raise
                # A broadcast never raises: what is not known of it is possible.
                return tuple(SendResult(SendOutcome.POSSIBLY_SENT, str(error)) for _ in args[0])

        return call


def _away(cause: str) -> Exception:
    return ChainUnreachableError(ChainId(31337), cause)


_UNAVAILABLE: dict[str, Unavailable] = {"chain": _away, "signer": SignerUnavailableError}


class RoughQueue(FakeQueue):
    """A queue that doubles, reorders and hands out again what is being handled already."""

    def double(self) -> None:
        """Have every waiting message twice, as two sends of a process that heard no answer do."""
        for messages in self._waiting.values():
            messages += [replace(message) for message in messages]

    def shuffle(self, order: random.Random) -> None:
        """Forget in which order messages came."""
        for messages in self._waiting.values():
            order.shuffle(messages)

    def settle(self, received: Sequence[Hint], failed: Iterable[Hint]) -> None:
        """Delete what was handed out, wherever it is by now; what failed comes again or dies."""
        kept = set(failed)
        for hint in received:
            for messages in self._waiting.values():
                found = next((one for one in messages if one.hint == _as_sent(hint)), None)
                if found is None:
                    continue
                if hint not in kept:
                    messages.remove(found)
                elif found.receives >= MOST_RECEIVES:
                    messages.remove(found)
                    self.dead.append(found.hint)
                break


def _as_sent(hint: Hint) -> Hint:
    return replace(hint, redelivered=False) if isinstance(hint, TransactionHint) else hint


class SkewedClock:
    """A process's own clock, some way off the others'."""

    def __init__(self, true: Clock, *, ahead_ms: int) -> None:
        self._true = true
        self._ahead_ms = ahead_ms

    def now(self) -> Instant:
        """The time, as this process has it."""
        return Instant(self._true.now() + self._ahead_ms)

    def sleep(self, duration: Milliseconds) -> None:
        """Do nothing for a while."""
        self._true.sleep(duration)
