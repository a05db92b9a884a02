"""Processes of one deployment that run at the same time, as threads over one store and one queue."""

import threading
from collections.abc import Iterable, Sequence

from ferryman.adapters.dynamodb.operations import Item, Key, Query
from ferryman.ports import Hint
from tests.fakes.queue import FakeQueue
from tests.fakes.tables import MemoryTables


class SharedTables(MemoryTables):
    """Tables that may be read while another thread writes."""

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        with self._one_at_a_time:
            return super().get(table, key)

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition."""
        with self._one_at_a_time:
            return super().query(query)


class SharedQueue(FakeQueue):
    """Queues that several threads send to; one receives."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def send(self, hints: Iterable[Hint]) -> None:
        """Take messages."""
        with self._lock:
            super().send(hints)

    def settle(self, received: Sequence[Hint], failed: Iterable[Hint]) -> None:
        """Delete a batch but for what failed."""
        with self._lock:
            super().settle(received, failed)
