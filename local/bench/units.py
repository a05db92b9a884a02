"""What AWS would bill: request units of DynamoDB, counted from the very requests that the stores make.

Rules (Amazon DynamoDB Developer Guide, "Item sizes and formats", "Read/write capacity", "Transactions"):
a write costs one unit per KB of the larger of the item before and after, twice that in a transaction,
also if its condition fails. An index costs one unit per KB of its own entry for each entry that is put,
changed or removed (a changed key is a removal and a put), not doubled. A consistent read costs one unit
per 4 KB, a read of an index half that; what is not there costs as much as the smallest item.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ferryman.adapters.dynamodb.operations import Item, Key, Put, Query, Table, Write
from tests.fakes.tables import INDEXES, KEYS, PROJECTED, MemoryTables

_WRITE_BYTES: Final = 1024
_READ_BYTES: Final = 4096
_IN_TRANSACTION: Final = 2
_INDEX_READ: Final = 0.5
_CONTAINER_BYTES: Final = 3
_LONGEST_NUMBER_BYTES: Final = 21
_INDEXES_OF: Final[Mapping[str, tuple[str, ...]]] = {Table.TRANSACTIONS: tuple(INDEXES)}


@dataclass
class CountingTables:
    """The Tables protocol; counts what each request would cost, by table or index."""

    inner: MemoryTables = field(default_factory=MemoryTables)
    write_units: Counter[str] = field(default_factory=Counter)
    read_units: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """With halves: reads of an index are not consistent."""
    requests: Counter[str] = field(default_factory=Counter)
    """Calls, by name."""

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        self.requests["GetItem"] += 1
        item = self.inner.get(table, key)
        self.read_units[table] += _read_units(item)
        return item

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items; each is rounded up by itself."""
        self.requests["BatchGetItem"] += 1
        items = self.inner.get_many(table, keys)
        self.read_units[table] += sum(map(_read_units, items)) + len(keys) - len(items)
        return items

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition; their sum is rounded up."""
        self.requests["Query"] += 1
        items = self.inner.query(query)
        units = _rounded_up(sum(map(item_bytes, items)), _READ_BYTES)
        self.read_units[query.index or query.table] += units * (_INDEX_READ if query.index else 1)
        return items

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        self.requests[f"{type(write).__name__}Item"] += 1
        before = self._stored([write])
        try:
            return self.inner.write(write)
        finally:
            self._count([write], before, times=1)

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing."""
        self.requests["TransactWriteItems"] += 1
        before = self._stored(writes)
        try:
            self.inner.transact(writes)
        finally:
            self._count(writes, before, times=_IN_TRANSACTION)

    def _stored(self, writes: Sequence[Write]) -> list[Item | None]:
        return [self.inner.get(write.table, _key_of(write)) for write in writes]

    def _count(self, writes: Sequence[Write], before: Sequence[Item | None], *, times: int) -> None:
        for write, old, new in zip(writes, before, self._stored(writes), strict=True):
            larger = max(item_bytes(old or {}), item_bytes(new or {}))
            self.write_units[write.table] += times * _rounded_up(larger, _WRITE_BYTES)
            for index in _INDEXES_OF.get(write.table, ()):
                self.write_units[index] += _index_units(index, write.table, old or {}, new or {})


def item_bytes(item: Mapping[str, Any]) -> int:
    """Size of an item: names and values, as DynamoDB counts them."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Any) -> int:  # noqa: ANN401 (whatever an item holds)
    match value:
        case bool() | None:
            return 1
        case int():
            digits = len(str(abs(value)).rstrip("0"))
            return min((digits + 1) // 2 + 1 + (value < 0), _LONGEST_NUMBER_BYTES)
        case str():
            return len(value.encode())
        case bytes():
            return len(value)
        case list() | tuple():
            return _CONTAINER_BYTES + sum(1 + _value_bytes(member) for member in value)
        case _:
            return _CONTAINER_BYTES + len(value) + item_bytes(value)


def _read_units(item: Item | None) -> int:
    return _rounded_up(item_bytes(item or {}), _READ_BYTES)


def _rounded_up(size: int, unit: int) -> int:
    return max(-(-size // unit), 1)


def _index_units(index: str, table: str, old: Item, new: Item) -> int:
    """Cost of keeping an index entry: a changed key moves it; what else it holds never changes."""
    keys = (*INDEXES[index], *KEYS[table])
    entries = [_entry(item, keys, PROJECTED[index]) for item in (old, new)]
    if entries[0] == entries[1]:
        return 0
    return sum(_rounded_up(item_bytes(entry), _WRITE_BYTES) for entry in entries if entry)


def _entry(item: Item, keys: Sequence[str], projected: Collection[str]) -> Item:
    if not all(name in item for name in keys):
        return {}
    return {name: value for name, value in item.items() if name in keys or name in projected}


def _key_of(write: Write) -> Key:
    return {name: write.item[name] for name in KEYS[write.table]} if isinstance(write, Put) else write.key
