"""Tables in memory: carry out the stores' operations with DynamoDB's results."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtLeast,
    AtMost,
    Condition,
    ConditionFailedError,
    Delete,
    Equals,
    Item,
    Key,
    Present,
    Put,
    Query,
    Table,
    Update,
    Write,
)

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    Table.TRANSACTIONS: ("transaction_id",),
    Table.EVENTS: ("transaction_id", "sequence"),
    Table.WALLETS: ("wallet", "item"),
    Table.ACCOUNTS: ("account", "item"),
    Table.CONNECTIONS: ("topic", "member"),
    Table.CURSORS: ("cursor",),
    Table.ACCESS: ("credential", "item"),
    Table.WEBHOOKS: ("webhook", "item"),
}
INDEXES: Final[Mapping[str, tuple[str, str]]] = {
    "by_sender": ("sender", "received_at"),
    "by_due": ("open_shard", "due_at"),
}
PROJECTED: Final[Mapping[str, frozenset[str]]] = {
    "by_sender": frozenset(),
    "by_due": frozenset({"priority", "deadline_seconds"}),
}
"""What an index holds besides keys."""
_MOST_WRITES: Final = 100


ItemKey = tuple[str | int, ...]


class Items(dict[ItemKey, Item]):
    """The items of a table by their keys, and which of them are in which partition."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self._table = table
        indexes = (INDEXES[name][0] for name in INDEXES if table == Table.TRANSACTIONS)
        self._partitions: dict[str, defaultdict[object, set[ItemKey]]] = {
            name: defaultdict(set) for name in (KEYS[table][0], *indexes)
        }

    def __setitem__(self, key: ItemKey, item: Item) -> None:
        """Put an item where its partitions are."""
        self._leave(key)
        super().__setitem__(key, item)
        for name, members in self._partitions.items():
            if name in item:
                members[item[name]].add(key)

    def __delitem__(self, key: ItemKey) -> None:
        """Take an item out."""
        self._leave(key)
        super().__delitem__(key)

    def remove(self, key: ItemKey) -> None:
        """Take an item out, if it is there."""
        if key in self:
            del self[key]

    def snapshot(self) -> "Items":
        """Give what is there now; items are replaced and never changed."""
        copy = Items(self._table)
        for key, item in self.items():
            copy[key] = item
        return copy

    def of(self, name: str, value: object) -> list[Item]:
        """Give the items of a partition."""
        return [self[key] for key in self._partitions[name].get(value, ())]

    def _leave(self, key: ItemKey) -> None:
        item = self.get(key)
        for name, members in self._partitions.items():
            if item and name in item:
                members[item[name]].discard(key)


_MUTABLE: Final = (dict, list)


class MemoryTables:
    """The Tables protocol over dictionaries."""

    def __init__(self) -> None:
        self.items: dict[str, Items] = {name: Items(name) for name in KEYS}
        self._one_at_a_time = threading.RLock()

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        with self._one_at_a_time:
            item = self.items[table].get(_key(table, key))
        # Nobody changes what is stored: it is replaced.
        return _copied_item(item) if item is not None else None

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items."""
        if len({_key(table, key) for key in keys}) != len(keys):
            msg = "a batch may not name a key twice"
            raise ValueError(msg)
        found = (self.get(table, key) for key in keys)
        return tuple(item for item in found if item)

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition in the order of the sort key."""
        name, value = query.partition
        sort = INDEXES[query.index][1] if query.index else KEYS[query.table][1]
        key_names = (sort, *KEYS[query.table])
        with self._one_at_a_time:
            there = self.items[query.table].of(name, value)
        items = [item for item in there if sort in item and _in_range(query, item)]
        items.sort(key=lambda item: [item[key] for key in key_names], reverse=query.descending)
        if query.start_after:
            position = [query.start_after[key] for key in key_names]
            items = [item for item in items if _is_after(item, key_names, position, query)]
        return tuple(_copied_item(_projected(query, item)) for item in items[: query.limit])

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        with self._one_at_a_time:
            self.transact([write])
            return self.get(write.table, write.key) if isinstance(write, Update) else None

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing."""
        places = [(write.table, _key(write.table, _key_of(write))) for write in writes]
        if len(set(places)) != len(places) or len(writes) > _MOST_WRITES:
            msg = "a transaction takes up to 100 writes to different items"
            raise ValueError(msg)
        with self._one_at_a_time:
            self._transact(writes, places)

    def _transact(self, writes: Sequence[Write], places: Sequence[tuple[str, tuple[str | int, ...]]]) -> None:
        before = [self.items[table].get(key) for table, key in places]
        failed = {
            number: None if item is None else _copied_item(item)
            for number, (write, item) in enumerate(zip(writes, before, strict=True))
            if not all(_holds(condition, item or {}) for condition in write.where)
        }
        if failed:
            raise ConditionFailedError(failed)
        for write, (table, key), item in zip(writes, places, before, strict=True):
            after = _after(write, item)
            if after is None:
                self.items[table].remove(key)
            else:
                self.items[table][key] = after


def _copied_item(item: Item) -> Item:
    """Copy an item, with all that may change in it."""
    copy = dict(item)
    for name, value in item.items():
        if isinstance(value, _MUTABLE):
            copy[name] = _copied(value)
    return copy


def _copied(value: Any) -> Any:  # noqa: ANN401 (an item, or part of one)
    """Copy what may change: `copy.deepcopy` takes ten times as long."""
    if isinstance(value, dict):
        return _copied_item(value)
    if isinstance(value, list):
        return [_copied(member) for member in value]
    return value


def _key(table: str, key: Mapping[str, Any]) -> tuple[str | int, ...]:
    return tuple(key[name] for name in KEYS[table])


def _key_of(write: Write) -> Mapping[str, Any]:
    return write.item if isinstance(write, Put) else write.key


def _after(write: Write, before: Item | None) -> Item | None:
    match write:
        case Delete():
            return None
        case Put():
            return _copied_item({name: value for name, value in write.item.items() if value is not None})
        case Update():
            # Nobody but us has what is stored, so what stays of it need not be copied.
            item = dict(before or write.key) | _copied_item(dict(write.set_to))
            for name, amount in write.add.items():
                item[name] = int(item.get(name, 0)) + amount
            for name in write.remove:
                item.pop(name, None)
            return item


def _holds(condition: Condition, item: Item) -> bool:
    match condition:
        case Absent(name):
            return name not in item
        case Present(name):
            return name in item
        case Equals(name, value):
            return bool(item.get(name) == value)
        case AtMost(name, value):
            return name in item and item[name] <= value
        case AtLeast(name, value):
            return name in item and item[name] >= value
        case AnyOf(conditions):
            return any(_holds(one, item) for one in conditions)


def _projected(query: Query, item: Item) -> Item:
    """What a query gives of an item: our indexes hold keys, and little more."""
    if query.index is None:
        return item
    names = {*INDEXES[query.index], *KEYS[query.table], *PROJECTED[query.index]}
    return {name: value for name, value in item.items() if name in names}


def _in_range(query: Query, item: Item) -> bool:
    if query.sort is None:
        return True
    value, low, high = item[query.sort.attribute], query.sort.at_least, query.sort.at_most
    return (low is None or value >= low) and (high is None or value <= high)


def _is_after(item: Item, names: Sequence[str], position: list[Any], query: Query) -> bool:
    here = [item[name] for name in names]
    return here < position if query.descending else here > position
