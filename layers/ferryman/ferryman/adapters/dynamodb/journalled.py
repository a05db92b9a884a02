"""Tables that tell a journal of every event written to them."""

from collections.abc import Callable, Iterable, Sequence

from ferryman.adapters.dynamodb.items import event_of
from ferryman.adapters.dynamodb.operations import Item, Key, Put, Query, Table, Tables, Write
from ferryman.domain.events import Event


class JournalledTables:
    """The Tables protocol over other tables: no store can write a step past the journal.

    Args:
        tables: they carry the operations out.
        journal: is given each event, once it is written.

    """

    def __init__(self, tables: Tables, journal: Callable[[Event], None]) -> None:
        self._tables = tables
        self._journal = journal

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        return self._tables.get(table, key)

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items."""
        return self._tables.get_many(table, keys)

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition."""
        return self._tables.query(query)

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        item = self._tables.write(write)
        self._tell([write])
        return item

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing."""
        self._tables.transact(writes)
        self._tell(writes)

    def _tell(self, writes: Iterable[Write]) -> None:
        for write in writes:
            if isinstance(write, Put) and write.table == Table.EVENTS:
                self._journal(event_of(write.item))
