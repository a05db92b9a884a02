"""The tables themselves, with the operator's own credentials: functions never Scan, a recovery has to."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ferryman_cli.target import Target, aws_errors

RESTORABLE: Final = ("Transactions", "Events", "Wallets", "Accounts", "Cursors")
_KEYS: Final = {
    "Transactions": ("transaction_id",),
    "Events": ("transaction_id", "sequence"),
    "Wallets": ("wallet", "item"),
    "Accounts": ("account", "item"),
    "Cursors": ("cursor",),
}
_BATCH: Final = 25
Item = dict[str, Any]


@dataclass(frozen=True)
class Copied:
    """How a table was made equal to another."""

    table: str
    source: str
    put: int
    deleted: int
    same: int


@dataclass(frozen=True)
class Received:
    """A transaction, as a replay chooses it."""

    transaction_id: str
    status: str
    received_at: datetime


def transactions_received(
    target: Target, since: datetime, until: datetime, statuses: Collection[str]
) -> list[Received]:
    """Collect the transactions of some statuses that were received between two moments, the first first."""
    attributes = ("transaction_id", "status", "received_at")
    rows = _scanned(target.aws("dynamodb"), target.output("TransactionsTableName"), attributes)
    found = [
        Received(row["transaction_id"]["S"], row["status"]["S"], _moment(row["received_at"]["N"]))
        for row in rows
        if row["status"]["S"] in statuses
    ]
    return sorted(
        (one for one in found if since <= one.received_at <= until), key=lambda one: one.received_at
    )


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def transaction_names(target: Target) -> list[str]:
    """Collect the ids of all transactions that have a row or an event."""
    dynamodb, found = target.aws("dynamodb"), set[str]()
    for table in ("Transactions", "Events"):
        for item in _scanned(dynamodb, target.output(f"{table}TableName"), ("transaction_id",)):
            found.add(item["transaction_id"]["S"])
    return sorted(found)


def account_names(target: Target) -> list[str]:
    """Collect the accounts that have funds, nonces or cached state here, each as `<chain id>:<address>`."""
    items = _scanned(target.aws("dynamodb"), target.output("AccountsTableName"), ("account", "item"))
    kinds = ("ledger#", "used#", "cached#")
    return sorted({item["account"]["S"] for item in items if item["item"]["S"].startswith(kinds)})


def copied(target: Target, table: str, source: str, *, dry_run: bool) -> Copied:
    """Make a table of the deployment equal to a restored one, changing only what differs.

    Args:
        target: the deployment.
        table: which of its tables: one of RESTORABLE.
        source: name of the restored table.
        dry_run: only count.

    """
    dynamodb, name = target.aws("dynamodb"), target.output(f"{table}TableName")
    with aws_errors(f"table {source}"):
        restored = {_place(table, item): item for item in _scanned(dynamodb, source)}
    with aws_errors(f"table {name}"):
        present = {_place(table, item): item for item in _scanned(dynamodb, name)}
        put = [item for place, item in restored.items() if present.get(place) != item]
        deleted = [item for place, item in present.items() if place not in restored]
        if not dry_run:
            _written(dynamodb, name, [{"PutRequest": {"Item": item}} for item in put])
            keys = [{key: item[key] for key in _KEYS[table]} for item in deleted]
            _written(dynamodb, name, [{"DeleteRequest": {"Key": key}} for key in keys])
    return Copied(table, source, len(put), len(deleted), len(restored) - len(put))


def _scanned(dynamodb: Any, name: str, attributes: tuple[str, ...] = ()) -> Iterator[Item]:  # noqa: ANN401 (a boto3 client)
    request: dict[str, Any] = {"TableName": name, "ConsistentRead": True}
    if attributes:
        request["ProjectionExpression"] = ", ".join(f"#{attribute}" for attribute in attributes)
        request["ExpressionAttributeNames"] = {f"#{attribute}": attribute for attribute in attributes}
    with aws_errors(f"table {name}"):
        for page in dynamodb.get_paginator("scan").paginate(**request):
            yield from page["Items"]


def _place(table: str, item: Item) -> tuple[str, ...]:
    return tuple(str(item[key]) for key in _KEYS[table])


def _written(dynamodb: Any, name: str, requests: list[Item]) -> None:  # noqa: ANN401 (a boto3 client)
    waiting = list(requests)
    while waiting:
        batch, waiting = waiting[:_BATCH], waiting[_BATCH:]
        answer = dynamodb.batch_write_item(RequestItems={name: batch})
        waiting = answer.get("UnprocessedItems", {}).get(name, []) + waiting
