"""Tables: what the stores are written in means the same in memory and in DynamoDB."""

from collections.abc import Sequence

import pytest

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
    SortRange,
    Table,
    Tables,
    Update,
    Write,
)
from ferryman.domain.errors import StoreUnavailableError

KEY = {"account": "31337:0xA", "item": "ledger#1"}
STORED: Item = {**KEY, "reserved": 5, "name": "x", "is_open": True}


def put(tables: Tables, *items: Item, table: str = Table.ACCOUNTS) -> None:
    """Write items as they are."""
    for item in items:
        tables.write(Put(table=table, item=item))


def failure(tables: Tables, *writes: Write) -> dict[int, Item | None]:
    """Carry out writes that must fail, and give what failed."""
    carry_out = tables.transact if len(writes) > 1 else lambda one: tables.write(one[0])
    with pytest.raises(ConditionFailedError) as failed:
        carry_out(writes)
    return dict(failed.value.failed)


def events(count: int) -> list[Item]:
    """Give the events of one transaction, in a mixed-up order."""
    numbers = sorted(range(1, count + 1), key=lambda number: number * 7 % 10)
    return [{"transaction_id": "0x1", "sequence": number, "name": f"e{number}"} for number in numbers]


def sequences(items: Sequence[Item]) -> list[int]:
    """Give the sort keys, in the order read."""
    return [item["sequence"] for item in items]


class TestReading:
    """`get` and `get_many`."""

    def test_what_is_not_there_is_none(self, tables: Tables) -> None:
        """No error: absence is an answer."""
        assert tables.get(Table.ACCOUNTS, KEY) is None

    @pytest.mark.parametrize(
        "value",
        [
            0,
            -1,
            10**37,
            -(10**37),
            99_999_999_999_999_999_999_999_999_999_999_999_999,
            "text",
            "",
            True,
            False,
            b"\x00\xff",
            [1, "a", None, [b"\x01"]],
            {"a": {"b": [True, 2]}, "none": None},
            [],
            {},
        ],
        ids=repr,
    )
    def test_a_value_comes_back_as_it_went(self, tables: Tables, value: object) -> None:
        """Of the same type too: integers are integers, up to 38 digits, and bytes are bytes."""
        put(tables, {**KEY, "value": value})

        item = tables.get(Table.ACCOUNTS, KEY)

        assert item == {**KEY, "value": value}
        assert type(item["value"]) is type(value)

    def test_none_is_left_out(self, tables: Tables) -> None:
        """An attribute that is None does not exist, so `Absent` holds of it."""
        put(tables, {**KEY, "value": None})

        assert tables.get(Table.ACCOUNTS, KEY) == KEY

    def test_an_item_read_is_a_copy(self, tables: Tables) -> None:
        """Changing what was read changes nothing stored."""
        put(tables, {**KEY, "list": [1]})

        read = tables.get(Table.ACCOUNTS, KEY)
        assert read is not None
        read["list"].append(2)

        assert tables.get(Table.ACCOUNTS, KEY) == {**KEY, "list": [1]}

    def test_many_are_read_whatever_their_number(self, tables: Tables) -> None:
        """More than the hundred that DynamoDB takes at once; those that are not there are left out."""
        put(tables, *events(120), table=Table.EVENTS)
        keys: list[Key] = [{"transaction_id": "0x1", "sequence": number} for number in range(1, 131)]

        items = tables.get_many(Table.EVENTS, keys)

        assert sorted(sequences(items)) == list(range(1, 121))

    def test_none_wanted_is_none_read(self, tables: Tables) -> None:
        """DynamoDB refuses an empty batch; nobody should notice."""
        assert tables.get_many(Table.EVENTS, []) == ()


class TestConditions:
    """Each condition, of an item and of none."""

    @pytest.mark.parametrize(
        ("condition", "of_stored", "of_none"),
        [
            (Absent("account"), False, True),
            (Present("account"), True, False),
            (Absent("reserved"), False, True),
            (Absent("other"), True, True),
            (Present("other"), False, False),
            (Equals("name", "x"), True, False),
            (Equals("name", "y"), False, False),
            (Equals("reserved", 5), True, False),
            (Equals("reserved", 6), False, False),
            (Equals("is_open", value=True), True, False),
            (Equals("is_open", value=False), False, False),
            (AtMost("reserved", 4), False, False),
            (AtMost("reserved", 5), True, False),
            (AtMost("reserved", 6), True, False),
            (AtLeast("reserved", 4), True, False),
            (AtLeast("reserved", 5), True, False),
            (AtLeast("reserved", 6), False, False),
            (AtMost("other", 10**30), False, False),
            (AtLeast("other", -1), False, False),
            (AnyOf((Absent("reserved"), AtMost("reserved", 5))), True, True),
            (AnyOf((Absent("reserved"), AtMost("reserved", 4))), False, True),
            (AnyOf((Equals("name", "y"), Equals("name", "x"))), True, False),
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("is_stored", [True, False])
    def test_a_write_happens_if_its_condition_holds(
        self,
        tables: Tables,
        condition: Condition,
        *,
        of_stored: bool,
        of_none: bool,
        is_stored: bool,
    ) -> None:
        """And if not, it says what it found instead, and nothing is written."""
        before = STORED if is_stored else None
        if before:
            put(tables, before)
        write = Put(table=Table.ACCOUNTS, item={**KEY, "new": 1}, where=(condition,))

        if of_stored if is_stored else of_none:
            tables.write(write)
            assert tables.get(Table.ACCOUNTS, KEY) == {**KEY, "new": 1}
        else:
            assert failure(tables, write) == {0: before}
            assert tables.get(Table.ACCOUNTS, KEY) == before

    def test_all_conditions_must_hold(self, tables: Tables) -> None:
        """They are joined by and."""
        put(tables, STORED)
        both = (Equals("name", "x"), AtMost("reserved", 4))

        assert failure(tables, Put(table=Table.ACCOUNTS, item=KEY, where=both)) == {0: STORED}

    @pytest.mark.parametrize(
        "write",
        [
            Put(table=Table.ACCOUNTS, item=KEY, where=(Absent("account"),)),
            Update(table=Table.ACCOUNTS, key=KEY, add={"reserved": 1}, where=(AtMost("reserved", 4),)),
            Delete(table=Table.ACCOUNTS, key=KEY, where=(Equals("name", "y"),)),
        ],
        ids=["put", "update", "delete"],
    )
    def test_every_kind_of_write_has_conditions(self, tables: Tables, write: Write) -> None:
        """The same ones, with the same answer."""
        put(tables, STORED)

        assert failure(tables, write) == {0: STORED}
        assert tables.get(Table.ACCOUNTS, KEY) == STORED

    @pytest.mark.parametrize("where", [(Present("account"),), (AtMost("reserved", 1),)], ids=repr)
    def test_a_failed_update_creates_nothing(self, tables: Tables, where: tuple[Condition, ...]) -> None:
        """An update of what is not there would otherwise leave an empty item."""
        update = Update(table=Table.ACCOUNTS, key=KEY, set_to={"a": 1}, where=where)

        assert failure(tables, update) == {0: None}
        assert tables.get(Table.ACCOUNTS, KEY) is None


class TestWriting:
    """Put, Update and Delete."""

    def test_a_put_replaces_the_whole_item(self, tables: Tables) -> None:
        """Nothing of the old one is left."""
        put(tables, STORED, {**KEY, "new": 1})

        assert tables.get(Table.ACCOUNTS, KEY) == {**KEY, "new": 1}

    def test_an_update_changes_what_it_names_and_gives_the_item_back(self, tables: Tables) -> None:
        """Set, add and remove in one."""
        put(tables, STORED)
        update = Update(
            table=Table.ACCOUNTS,
            key=KEY,
            set_to={"settled_block": 9},
            add={"reserved": -3, "count": 1},
            remove=("name",),
        )

        after = tables.write(update)

        assert after == {**KEY, "reserved": 2, "count": 1, "settled_block": 9, "is_open": True}
        assert tables.get(Table.ACCOUNTS, KEY) == after

    def test_an_update_of_nothing_creates_the_item(self, tables: Tables) -> None:
        """A number that is absent counts as 0."""
        after = tables.write(Update(table=Table.ACCOUNTS, key=KEY, add={"reserved": 10**36 - 1, "wake": 0}))

        assert after == {**KEY, "reserved": 10**36 - 1, "wake": 0}

    def test_sums_are_exact_to_the_last_digit(self, tables: Tables) -> None:
        """Money: amounts just below the limit, added and taken away."""
        big = 123_456_789_012_345_678_901_234_567_890_123_456
        for amount in (big, big, 1, -big):
            tables.write(Update(table=Table.ACCOUNTS, key=KEY, add={"reserved": amount}))

        assert tables.get(Table.ACCOUNTS, KEY) == {**KEY, "reserved": big + 1}

    def test_a_delete_removes_the_item_or_nothing(self, tables: Tables) -> None:
        """Twice is once."""
        put(tables, STORED)

        for _ in range(2):
            tables.write(Delete(table=Table.ACCOUNTS, key=KEY))

        assert tables.get(Table.ACCOUNTS, KEY) is None

    def test_tables_are_apart(self, tables: Tables) -> None:
        """A row and its first event share an id, and nothing else."""
        put(tables, {"transaction_id": "0x1", "a": 1}, table=Table.TRANSACTIONS)
        put(tables, {"transaction_id": "0x1", "sequence": 1}, table=Table.EVENTS)

        tables.write(Delete(table=Table.TRANSACTIONS, key={"transaction_id": "0x1"}))

        assert tables.get(Table.EVENTS, {"transaction_id": "0x1", "sequence": 1})


class TestTransactions:
    """`transact`: all or nothing."""

    def test_all_writes_happen_together(self, tables: Tables) -> None:
        """Of every kind, in several tables."""
        put(tables, STORED, {**KEY, "item": "held"})

        tables.transact(
            [
                Put(
                    table=Table.TRANSACTIONS,
                    item={"transaction_id": "0x1"},
                    where=(Absent("transaction_id"),),
                ),
                Update(table=Table.ACCOUNTS, key=KEY, add={"reserved": -5}),
                Delete(table=Table.ACCOUNTS, key={**KEY, "item": "held"}, where=(Present("account"),)),
            ]
        )

        assert tables.get(Table.TRANSACTIONS, {"transaction_id": "0x1"})
        assert tables.get(Table.ACCOUNTS, KEY) == STORED | {"reserved": 0}
        assert tables.get(Table.ACCOUNTS, {**KEY, "item": "held"}) is None

    def test_one_that_fails_stops_all_and_says_which(self, tables: Tables) -> None:
        """With the item as it was, and None for one that was not there."""
        put(tables, STORED)
        writes: list[Write] = [
            Put(table=Table.TRANSACTIONS, item={"transaction_id": "0x1"}),
            Put(table=Table.ACCOUNTS, item=KEY, where=(Absent("account"),)),
            Update(table=Table.ACCOUNTS, key={**KEY, "item": "other"}, add={"reserved": 1}),
            Delete(table=Table.ACCOUNTS, key={**KEY, "item": "held"}, where=(Present("account"),)),
        ]

        assert failure(tables, *writes) == {1: STORED, 3: None}
        assert tables.get(Table.TRANSACTIONS, {"transaction_id": "0x1"}) is None
        assert tables.get(Table.ACCOUNTS, KEY) == STORED
        assert tables.get(Table.ACCOUNTS, {**KEY, "item": "other"}) is None

    def test_conditions_see_what_was_before_the_transaction(self, tables: Tables) -> None:
        """Not what an earlier write of the same transaction does."""
        writes = [
            Put(table=Table.ACCOUNTS, item={**KEY, "item": "a"}),
            Put(table=Table.ACCOUNTS, item={**KEY, "item": "b"}, where=(Present("account"),)),
        ]

        assert failure(tables, *writes) == {1: None}

    def test_a_hundred_writes_are_one_transaction(self, tables: Tables) -> None:
        """The most that DynamoDB takes."""
        tables.transact([Put(table=Table.EVENTS, item=item) for item in events(100)])

        assert len(tables.query(Query(table=Table.EVENTS, partition=("transaction_id", "0x1")))) == 100

    @pytest.mark.parametrize(
        "writes",
        [
            [Put(table=Table.EVENTS, item=item) for item in events(101)],
            [Put(table=Table.ACCOUNTS, item=KEY), Delete(table=Table.ACCOUNTS, key=KEY)],
        ],
        ids=["too many", "one item twice"],
    )
    def test_a_transaction_that_dynamodb_refuses_is_refused_everywhere(
        self, tables: Tables, writes: list[Write]
    ) -> None:
        """A store that breaks these rules must fail in the fast tests too."""
        with pytest.raises((ValueError, StoreUnavailableError)):
            tables.transact(writes)

        assert tables.get(Table.EVENTS, {"transaction_id": "0x1", "sequence": 1}) is None


class TestQueries:
    """`query`, of tables and of their indexes."""

    def ask(self, tables: Tables, *bounds: int | None, limit: int | None = None, after: int = 0) -> list[int]:
        """Query ten events."""
        put(tables, *events(10), {"transaction_id": "0x2", "sequence": 1}, table=Table.EVENTS)
        return sequences(
            tables.query(
                Query(
                    table=Table.EVENTS,
                    partition=("transaction_id", "0x1"),
                    sort=SortRange("sequence", *bounds) if bounds else None,
                    limit=limit,
                    start_after={"transaction_id": "0x1", "sequence": after} if after else None,
                )
            )
        )

    def test_a_partition_is_read_in_order(self, tables: Tables) -> None:
        """By number, not by text: 10 comes last; other partitions are left out."""
        assert self.ask(tables) == list(range(1, 11))

    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (3, None, range(3, 11)),
            (None, 3, range(1, 4)),
            (3, 5, range(3, 6)),
            (5, 5, range(5, 6)),
            (11, None, range(0)),
            (None, None, range(1, 11)),
        ],
    )
    def test_a_range_includes_its_bounds(
        self, tables: Tables, low: int | None, high: int | None, expected: range
    ) -> None:
        """Both of them, or whichever is given."""
        assert self.ask(tables, low, high) == list(expected)

    def test_a_limit_is_the_most_that_is_read(self, tables: Tables) -> None:
        """From the beginning of the order."""
        assert self.ask(tables, limit=3) == [1, 2, 3]

    def test_a_query_goes_on_after_a_key(self, tables: Tables) -> None:
        """The key itself is not read again."""
        assert self.ask(tables, limit=3, after=3) == [4, 5, 6]

    def test_descending_is_the_newest_first(self, tables: Tables) -> None:
        """With limit and position counted from that end."""
        put(tables, *events(10), table=Table.EVENTS)
        query = Query(
            table=Table.EVENTS,
            partition=("transaction_id", "0x1"),
            descending=True,
            limit=3,
            start_after={"transaction_id": "0x1", "sequence": 8},
        )

        assert sequences(tables.query(query)) == [7, 6, 5]

    def test_an_unknown_partition_is_empty(self, tables: Tables) -> None:
        """No error."""
        assert tables.query(Query(table=Table.EVENTS, partition=("transaction_id", "0x9"))) == ()

    def test_texts_sort_as_texts(self, tables: Tables) -> None:
        """So nonces are padded, and the pool's other items stay outside the range."""
        names = ["nonce#000000000009", "nonce#000000000010", "state", "nonce#000000000100"]
        put(tables, *[{"wallet": "w", "item": name} for name in names], table=Table.WALLETS)
        query = Query(
            table=Table.WALLETS,
            partition=("wallet", "w"),
            sort=SortRange("item", "nonce#000000000010", "nonce#~"),
        )

        assert [item["item"] for item in tables.query(query)] == ["nonce#000000000010", "nonce#000000000100"]

    def test_pages_are_joined(self, tables: Tables) -> None:
        """DynamoDB gives a megabyte at a time."""
        put(tables, *[item | {"padding": "x" * 300_000} for item in events(10)], table=Table.EVENTS)
        query = Query(table=Table.EVENTS, partition=("transaction_id", "0x1"), limit=9)

        assert sequences(tables.query(query)) == list(range(1, 10))

    def rows(self, tables: Tables) -> None:
        """Write rows of two senders; every second wants attention."""
        put(
            tables,
            *[
                {
                    "transaction_id": f"0x{number}",
                    "sender": "0xA" if number % 3 else "0xB",
                    "received_at": number * 1_000,
                    "status": "VALIDATED",
                    **({"open_shard": "1#0", "due_at": -number + 100} if number % 2 else {}),
                }
                for number in range(1, 10)
            ],
            table=Table.TRANSACTIONS,
        )

    def test_an_index_has_its_own_partition_and_order(self, tables: Tables) -> None:
        """A sender's rows, newest first."""
        self.rows(tables)
        query = Query(
            table=Table.TRANSACTIONS, index="by_sender", partition=("sender", "0xA"), descending=True, limit=4
        )

        assert [item["transaction_id"] for item in tables.query(query)] == ["0x8", "0x7", "0x5", "0x4"]

    def test_an_index_goes_on_after_the_key_of_index_and_table(self, tables: Tables) -> None:
        """That is what a cursor holds."""
        self.rows(tables)
        query = Query(
            table=Table.TRANSACTIONS,
            index="by_sender",
            partition=("sender", "0xA"),
            descending=True,
            start_after={"sender": "0xA", "received_at": 5_000, "transaction_id": "0x5"},
        )

        assert [item["transaction_id"] for item in tables.query(query)] == ["0x4", "0x2", "0x1"]

    def test_an_index_gives_keys_only(self, tables: Tables) -> None:
        """A store that decides on anything else it read there decides on nothing."""
        self.rows(tables)
        query = Query(table=Table.TRANSACTIONS, index="by_due", partition=("open_shard", "1#0"))

        assert {frozenset(item) for item in tables.query(query)} == {
            frozenset({"transaction_id", "open_shard", "due_at"})
        }

    def test_a_row_without_the_indexs_key_is_not_in_it(self, tables: Tables) -> None:
        """The index of due rows is sparse: rows that are over leave it."""
        self.rows(tables)
        query = Query(table=Table.TRANSACTIONS, index="by_due", partition=("open_shard", "1#0"))
        found = [item["transaction_id"] for item in tables.query(query)]
        put(tables, {"transaction_id": "0x9", "status": "CONFIRMED"}, table=Table.TRANSACTIONS)

        assert found == ["0x9", "0x7", "0x5", "0x3", "0x1"]
        assert [item["transaction_id"] for item in tables.query(query)] == found[1:]
