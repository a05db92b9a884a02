"""Tables in memory that let writers wait, as DynamoDB does; those who wait at the same time wait together."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.adapters.dynamodb.operations import Item, Key, Query, Tables, Write

FEW_ITEMS: Final = 5


@dataclass
class SlowTables:
    """The Tables protocol over other tables."""

    inner: Tables
    write_seconds: float
    """A write, or a transaction of a few items."""
    item_seconds: float
    """Each item of a transaction more."""

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        return self.inner.get(table, key)

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items."""
        return self.inner.get_many(table, keys)

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition."""
        return self.inner.query(query)

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        time.sleep(self.write_seconds)
        return self.inner.write(write)

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing."""
        more = max(len(writes) - FEW_ITEMS, 0)
        time.sleep(self.write_seconds + more * self.item_seconds)
        self.inner.transact(writes)
