"""Tables in memory that know how long they took: their time is a fake's, not ours."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ferryman.adapters.dynamodb.operations import Item, Key, Query, Tables, Write
from tests.fakes.tables import MemoryTables


@dataclass
class TimedTables:
    """The Tables protocol; `cpu_seconds` grows with every call."""

    inner: Tables = field(default_factory=MemoryTables)
    cpu_seconds: float = 0.0

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        with self._timed():
            return self.inner.get(table, key)

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items."""
        with self._timed():
            return self.inner.get_many(table, keys)

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition."""
        with self._timed():
            return self.inner.query(query)

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        with self._timed():
            return self.inner.write(write)

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing."""
        with self._timed():
            self.inner.transact(writes)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.process_time()
        try:
            yield
        finally:
            self.cpu_seconds += time.process_time() - started
