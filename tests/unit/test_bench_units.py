"""The counting tables: what DynamoDB's own pages say a request costs."""

import pytest

from ferryman.adapters.dynamodb.operations import (
    Absent,
    ConditionFailedError,
    Delete,
    Item,
    Put,
    Query,
    Table,
    Update,
)
from local.bench.payment_units import count_payments
from local.bench.settlement_units import count_settlements
from local.bench.units import CountingTables, item_bytes

KEY = {"account": "1:0xA", "item": "x"}


def row(**changes: object) -> Item:
    """Give the item of a transaction that both indexes hold."""
    return {
        "transaction_id": "0x1",
        "sender": "0xA",
        "received_at": 1,
        "open_shard": "1#0",
        "due_at": 5,
        **changes,
    }


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"name": "four"}, 8),
        ({"n": 27}, 3),
        ({"n": -27}, 4),
        ({"n": 1_000_000}, 3),
        ({"ok": True}, 3),
        ({"raw": b"12345"}, 8),
        ({"l": ["ab", 1]}, 1 + 3 + (1 + 2) + (1 + 2)),
        ({"m": {"k": "v"}}, 1 + 3 + 1 + 2),
    ],
)
def test_an_item_is_as_large_as_its_names_and_values(item: Item, size: int) -> None:
    """Names count, numbers count two digits a byte, and containers three bytes and one a member."""
    assert item_bytes(item) == size


def test_a_write_costs_a_unit_per_kilobyte_of_the_larger_item_and_twice_that_in_a_transaction() -> None:
    """Shrinking an item costs as much as it was large."""
    tables = CountingTables()

    tables.write(Put(table=Table.ACCOUNTS, item={**KEY, "blob": "b" * 1500}))
    tables.write(Put(table=Table.ACCOUNTS, item=KEY))
    tables.transact([Update(table=Table.ACCOUNTS, key=KEY, add={"n": 1})])
    tables.write(Delete(table=Table.ACCOUNTS, key=KEY))

    assert tables.write_units == {Table.ACCOUNTS: 2 + 2 + 2 * 1 + 1}


def test_a_refused_write_is_billed() -> None:
    """DynamoDB bills the look at the item."""
    tables = CountingTables()
    tables.write(Put(table=Table.ACCOUNTS, item=KEY))

    with pytest.raises(ConditionFailedError):
        tables.write(Put(table=Table.ACCOUNTS, item=KEY, where=(Absent("account"),)))

    assert tables.write_units == {Table.ACCOUNTS: 2}


def test_an_index_is_billed_for_each_entry_that_moves_and_for_none_that_stays() -> None:
    """A changed key is a removal and a put."""
    tables = CountingTables()

    for changes in ({}, {"other": 1}, {"due_at": 6}):
        tables.write(Put(table=Table.TRANSACTIONS, item=row(**changes)))
    left = {name: value for name, value in row().items() if name not in {"due_at", "open_shard"}}
    tables.write(Put(table=Table.TRANSACTIONS, item=left))

    assert tables.write_units == {Table.TRANSACTIONS: 4, "by_sender": 1, "by_due": 1 + 2 + 1}


def test_reads_are_billed_by_four_kilobytes_and_half_of_an_index() -> None:
    """What is not there is billed as well."""
    tables = CountingTables()
    tables.write(Put(table=Table.TRANSACTIONS, item=row(blob="b" * 5000)))

    tables.get(Table.TRANSACTIONS, {"transaction_id": "0x1"})
    tables.get_many(Table.TRANSACTIONS, [{"transaction_id": "0x1"}, {"transaction_id": "0x2"}])
    tables.query(Query(table=Table.TRANSACTIONS, index="by_due", partition=("open_shard", "1#0")))

    assert tables.read_units == {Table.TRANSACTIONS: 2 + 2 + 1, "by_due": 0.5}


def test_a_payment_that_comes_alone_stays_within_its_units() -> None:
    """The promise of docs/benchmarks.md."""
    units = count_payments(6, together=1)

    assert units.writes <= 40
    assert units.signatures == units.chain_transactions == 1
    assert units.queue_requests <= 4


def test_payments_that_come_in_crowds_stay_within_their_units() -> None:
    """Twenty share a chain transaction; their nonces and request ids are as long as real ones."""
    units = count_payments(20, together=20)

    assert units.writes <= 25
    assert units.chain_transactions == 1 / 20


@pytest.mark.parametrize(("together", "most"), [(1, 40), (20, 25)], ids=["alone", "in a crowd"])
def test_a_settlement_by_x402_stays_within_the_units_of_a_payment(together: int, most: int) -> None:
    """The promise of docs/benchmarks.md: who waits for it reads, and writes nothing."""
    units = count_settlements(20 if together > 1 else 3, together=together)

    assert units.writes <= most
    assert units.chain_transactions == units.signatures == 1 / together
