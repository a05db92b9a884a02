"""Tables in memory for several threads, each of which counts its own requests and time."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ferryman.adapters.dynamodb.operations import Item, Key, Query, Tables, Write
from tests.fakes.tables import MemoryTables


@dataclass
class SharedTables:
    """The Tables protocol as one process sees it; `beside` gives another process's view of them."""

    inner: Tables = field(default_factory=MemoryTables)
    turn: threading.RLock = field(default_factory=threading.RLock)
    requests: int = 0
    """As many as DynamoDB would get, if no answer has more than a page."""
    cpu_seconds: float = 0.0

    def beside(self) -> "SharedTables":
        """Give the same tables to another process."""
        return SharedTables(self.inner, self.turn)

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        with self._asked():
            return self.inner.get(table, key)

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items."""
        with self._asked():
            return self.inner.get_many(table, keys)

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition."""
        with self._asked():
            return self.inner.query(query)

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        with self._asked():
            return self.inner.write(write)

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing."""
        with self._asked():
            self.inner.transact(writes)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        self.requests += 1
        started = time.thread_time()
        try:
            with self.turn:
                yield
        finally:
            self.cpu_seconds += time.thread_time() - started
