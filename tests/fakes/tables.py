"""Tables in memory: carry out the stores' operations with DynamoDB's results."""

import copy
import json
import threading
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


class MemoryTables:
    """The Tables protocol over dictionaries."""

    def __init__(self) -> None:
        self.items: dict[str, dict[tuple[str | int, ...], Item]] = {name: {} for name in KEYS}
        self._one_at_a_time = threading.RLock()

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item."""
        return copy.deepcopy(self.items[table].get(_key(table, key)))

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items."""
        if len({json.dumps(dict(key)) for key in keys}) != len(keys):
            msg = "a batch may not name a key twice"
            raise ValueError(msg)
        found = (self.get(table, key) for key in keys)
        return tuple(item for item in found if item)

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition in the order of the sort key."""
        name, value = query.partition
        sort = INDEXES[query.index][1] if query.index else KEYS[query.table][1]
        key_names = (sort, *KEYS[query.table])
        items = [
            item
            for item in self.items[query.table].values()
            if item.get(name) == value and sort in item and _in_range(query, item)
        ]
        items.sort(key=lambda item: [item[key] for key in key_names], reverse=query.descending)
        if query.start_after:
            position = [query.start_after[key] for key in key_names]
            items = [item for item in items if _is_after(item, key_names, position, query)]
        return tuple(copy.deepcopy(_projected(query, item)) for item in items[: query.limit])

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
            number: copy.deepcopy(item)
            for number, (write, item) in enumerate(zip(writes, before, strict=True))
            if not all(_holds(condition, item or {}) for condition in write.where)
        }
        if failed:
            raise ConditionFailedError(failed)
        for write, (table, key), item in zip(writes, places, before, strict=True):
            after = _after(write, item)
            if after is None:
                self.items[table].pop(key, None)
            else:
                self.items[table][key] = after


def _key(table: str, key: Mapping[str, Any]) -> tuple[str | int, ...]:
    return tuple(key[name] for name in KEYS[table])


def _key_of(write: Write) -> Mapping[str, Any]:
    return write.item if isinstance(write, Put) else write.key


def _after(write: Write, before: Item | None) -> Item | None:
    match write:
        case Delete():
            return None
        case Put():
            return copy.deepcopy({name: value for name, value in write.item.items() if value is not None})
        case Update():
            item: Item = copy.deepcopy(before) if before else dict(write.key)
            item |= copy.deepcopy(dict(write.set_to))
            for name, amount in write.add.items():
                item[name] = int(item.get(name, 0)) + amount
            return {name: value for name, value in item.items() if name not in write.remove}


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
