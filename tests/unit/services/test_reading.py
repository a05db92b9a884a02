"""Lists and records, page by page."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.access import ANONYMOUS, Caller, Role
from ferryman.domain.errors import NotAllowedError, NotFoundError, StoreUnavailableError
from ferryman.domain.events import Step
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.domain.units import Address, BlockHash, BlockNumber, Instant, Seconds, TransactionId
from ferryman.intents import KINDS
from ferryman.intents.payment import PAYMENT
from ferryman.ports import Block, Change
from ferryman.services.asking import list_request
from ferryman.services.health import Health
from ferryman.services.reading import Reading
from tests.fakes.tables import MemoryTables
from tests.support.away import AwayTables
from tests.support.payments import CHAIN_ID, PAYEE, PAYER, signed_request
from tests.support.rows import NOW, received_row

COUNT = 7


READER = Caller(name="key:1", role=Role.READER)


def reading_of(tables: Tables) -> Reading:
    """Build the read side."""
    return Reading(
        kinds=KINDS,
        store=DynamoTransactions(tables),
        wallets=DynamoWallets(tables),
        leases=DynamoLeases(tables),
    )


def stored(tables: Tables, *, failed: Sequence[int] = ()) -> list[Transaction]:
    """Store rows of one sender, newest last; some have failed."""
    store, rows = DynamoTransactions(tables), []
    for number in range(COUNT):
        new = replace(received_row(signed_request(nonce=number)), received_at=Instant(NOW + number))
        row, event = take_step(new, Step.RECEIVED, name="payment_accepted", at=new.received_at)
        store.accept(row, [event], marker=PAYMENT.marker(row.payload), hold=None)
        if number in failed:
            after, event = take_step(row, Step.FAILED, name="payment_failed", at=NOW, reason="expired")
            store.write(Change(before=row, after=after, events=(event,)))
            row = after
        rows.append(row)
    return rows


def pages(tables: Tables, **parameters: str) -> list[list[str]]:
    """Follow the cursors from the first page to the last."""
    asked, found = {"sender": PAYER.address, **parameters}, []
    while True:
        page: dict[str, Any] = reading_of(tables).page(list_request(asked), READER)
        found.append([record["transaction_id"] for record in page["transactions"]])
        if page["next_cursor"] is None:
            return found
        asked["cursor"] = page["next_cursor"]


def test_pages_hold_every_row_once_newest_first() -> None:
    """Whatever their size."""
    tables = MemoryTables()
    newest_first = [row.transaction_id for row in reversed(stored(tables))]

    for limit in range(1, COUNT + 2):
        found = pages(tables, limit=str(limit))
        assert [name for page in found for name in page] == newest_first
        assert all(len(page) <= limit for page in found)


def test_a_status_thins_out_the_list_without_thinning_its_pages() -> None:
    """A page is full as long as there are such rows."""
    tables = MemoryTables()
    rows = stored(tables, failed=(0, 2, 3, 6))

    found = pages(tables, status="FAILED", limit="2")

    wanted = [row.transaction_id for row in reversed(rows) if row.status is Status.FAILED]
    assert found[:2] == [wanted[:2], wanted[2:]]
    assert [name for page in found for name in page] == wanted


def test_another_sender_has_an_empty_list() -> None:
    """And no cursor."""
    tables = MemoryTables()
    stored(tables)

    page = reading_of(tables).page(list_request({"sender": PAYEE}), READER)

    assert page == {"transactions": [], "next_cursor": None}


@pytest.mark.parametrize(
    "caller",
    [ANONYMOUS, Caller(name=f"address:{PAYEE}", address=Address(PAYEE))],
    ids=["nobody", "somebody else"],
)
def test_a_list_is_closed_to_others_than_its_sender(caller: Caller) -> None:
    """Who pays whom is nobody's business; single records stay open to those who know the id."""
    tables = MemoryTables()
    (row, *_) = stored(tables)
    reading = reading_of(tables)

    with pytest.raises(NotAllowedError) as refused:
        reading.page(list_request({"sender": PAYER.address}), caller)

    assert [problem.field for problem in refused.value.problems] == ["sender"]
    assert reading.record(row.transaction_id)["transaction_id"] == row.transaction_id


@pytest.mark.parametrize(
    "caller",
    [
        Caller(name=f"address:{PAYER.address}", address=Address(PAYER.address)),
        *(Caller(name="key:1", role=role) for role in Role),
    ],
    ids=["its sender", *Role],
)
def test_a_list_is_open_to_its_sender_and_to_every_key(caller: Caller) -> None:
    """Readers are given their keys by the operator."""
    tables = MemoryTables()
    rows = stored(tables)

    page = reading_of(tables).page(list_request({"sender": PAYER.address}), caller)

    assert len(page["transactions"]) == len(rows)


def test_open_records_are_those_that_are_not_over() -> None:
    """What a `sender:` subscriber is answered with."""
    tables = MemoryTables()
    rows = stored(tables, failed=(1, 6))

    found = reading_of(tables).open_records(rows[0].sender)

    assert [record["transaction_id"] for record in found] == [
        rows[number].transaction_id for number in (5, 4, 3, 2, 0)
    ]


def test_a_row_that_only_the_index_has_is_passed_over() -> None:
    """An index lags both ways."""
    tables = MemoryTables()
    rows = stored(tables)
    ahead = rows[3].transaction_id
    del tables.items["transactions"][ahead,]
    tables.items["transactions"][f"{ahead}#index",] = {
        "transaction_id": f"{ahead}#index",
        "sender": rows[3].sender,
        "received_at": rows[3].received_at,
    }
    reading = reading_of(_LaggingTables(tables))

    page = reading.page(list_request({"sender": PAYER.address}), READER)

    assert [record["transaction_id"] for record in page["transactions"]] == [
        row.transaction_id for row in reversed(rows) if row is not rows[3]
    ]


class _LaggingTables(MemoryTables):
    """Tables whose index has a row that the table no longer gives."""

    def __init__(self, inside: MemoryTables) -> None:
        super().__init__()
        self.items = inside.items

    def get_many(self, table: str, keys: Sequence[Any]) -> tuple[Any, ...]:
        found = super().get_many(table, keys)
        return tuple(item for item in found if not str(item["transaction_id"]).endswith("#index"))


def test_an_unknown_record_is_not_found() -> None:
    """Neither it nor its events."""
    reading = reading_of(MemoryTables())

    with pytest.raises(NotFoundError):
        reading.record(TransactionId("0x00"))
    with pytest.raises(NotFoundError):
        reading.events(TransactionId("0x00"))


def test_events_are_given_from_a_sequence_number_on() -> None:
    """To a client that has seen the first."""
    tables = MemoryTables()
    rows = stored(tables, failed=(2,))

    names = [
        [event["event"] for event in reading_of(tables).events(rows[2].transaction_id, after=after)]
        for after in (0, 1, 2)
    ]

    assert names == [["payment_accepted", "payment_failed"], ["payment_failed"], []]


def test_readiness_tells_the_newest_block_of_each_chain() -> None:
    """As confirm last saw it."""
    tables = MemoryTables()
    leases = DynamoLeases(tables)
    health = Health(leases=leases, chain_ids=(CHAIN_ID,))
    before = health.ready()
    lease = leases.take(CHAIN_ID, until=Instant(9), now=Instant(1))
    assert lease
    head = Block(
        number=BlockNumber(7),
        hash=BlockHash("0x07"),
        parent_hash=BlockHash("0x06"),
        timestamp_seconds=Seconds(1),
    )
    leases.renew(lease, until=Instant(9), head=head)

    assert before == {"status": "ready", "chains": [{"chain_id": CHAIN_ID, "head": None}]}
    assert health.ready()["chains"] == [{"chain_id": CHAIN_ID, "head": 7}]


def test_without_its_tables_nothing_is_ready() -> None:
    """The load balancer should hear of it."""
    with pytest.raises(StoreUnavailableError):
        Health(leases=DynamoLeases(AwayTables()), chain_ids=(CHAIN_ID,)).ready()
