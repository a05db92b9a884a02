"""The operations on tables that the stores are made of.

A store says what it wants in these terms; `client` says it to DynamoDB, and the tests' in-memory
tables carry it out with the same results. So every condition of a store is written once, and
the model checks of the tests run the very conditions that production runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ferryman.domain.errors import FerrymanError, StoreUnavailableError

Item = dict[str, Any]
"""An item of a table: strings, integers, booleans, bytes, None, lists and maps of them."""
Key = Mapping[str, str | int]


class Table:
    """Logical names of the tables; `client` knows the deployed ones."""

    TRANSACTIONS = "transactions"
    EVENTS = "events"
    WALLETS = "wallets"
    ACCOUNTS = "accounts"
    CONNECTIONS = "connections"
    CURSORS = "cursors"
    ACCESS = "access"
    WEBHOOKS = "webhooks"


# -- conditions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """The item has no such attribute; of a key attribute: there is no such item."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Present:
    """The item has the attribute; of a key attribute: there is such an item."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Equals:
    """The attribute has this value."""

    attribute: str
    value: str | int | bool | bytes


@dataclass(frozen=True, slots=True)
class AtMost:
    """The attribute is a number not above this."""

    attribute: str
    value: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The attribute is a number not below this."""

    attribute: str
    value: int


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of these holds."""

    conditions: tuple["Condition", ...]


Condition = Absent | Present | Equals | AtMost | AtLeast | AnyOf

# -- writes -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """Write a whole item."""

    table: str
    item: Item
    where: tuple[Condition, ...] = ()
    """All of them must hold of the item stored before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Change attributes of an item, which is created if there is none."""

    table: str
    key: Key
    set_to: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    """Added to a number that counts as 0 when absent."""
    remove: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """Remove an item, if there is one."""

    table: str
    key: Key
    where: tuple[Condition, ...] = ()


Write = Put | Update | Delete

# -- reads ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SortRange:
    """Bounds of a query's sort key, both included; None is open."""

    attribute: str
    at_least: str | int | None = None
    at_most: str | int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Items of one partition, in the order of their sort key."""

    table: str
    partition: tuple[str, str]
    """Attribute and value."""
    sort: SortRange | None = None
    index: str | None = None
    """Reads of an index may lag; of the table itself they are consistent."""
    descending: bool = False
    limit: int | None = None
    start_after: Key | None = None
    """The whole key (of table and index) of the item to go on after."""


# -- errors and the protocol ------------------------------------------------------------------


class ConditionFailedError(FerrymanError):
    """Conditions did not hold, so nothing was written."""

    def __init__(self, failed: Mapping[int, Item | None]) -> None:
        super().__init__(f"conditions of writes {sorted(failed)} did not hold")
        self.failed = failed
        """Index of each write that failed -> the item as it was, None if there was none."""


class WriteConflictError(StoreUnavailableError):
    """Another write held an item at that moment, also after several tries."""


class Tables(Protocol):
    """The tables. Every method may raise StoreUnavailableError."""

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item, consistently."""
        ...

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items, consistently, in any order; those that do not exist are left out."""
        ...

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition, all pages up to the limit."""
        ...

    def write(self, write: Write) -> Item | None:
        """Carry out one write; an Update gives the item as it is afterwards.

        Raises:
            ConditionFailedError: with index 0.

        """
        ...

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out up to 100 writes to different items, all or nothing.

        Raises:
            ConditionFailedError: with the index of each write that failed.

        """
        ...
