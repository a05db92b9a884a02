"""A function that waits as `/settle` does: it looks at a row that is not there, twice in a second.

If it is told to, it writes as well, as often and as much as a settlement is written from its acceptance to
its end: two transactions of four items, after a read of the payer's quota.
"""

import os
import time
import uuid
from typing import Any, Final

import boto3

_LOOKS: Final = 2
_PAUSE_SECONDS: Final = 0.5
_ITEMS: Final = 4
_FILLING: Final = "0" * 500
_dynamodb = boto3.client("dynamodb")


def handler(event: dict[str, Any], _context: object) -> dict[str, int]:
    """Wait for a second, between two writes or none."""
    writes = bool(event.get("writes"))
    if writes:
        _read_quota()
        _write()
    for _ in range(_LOOKS):
        time.sleep(_PAUSE_SECONDS)
        _dynamodb.get_item(
            TableName=os.environ["TRANSACTIONS_TABLE"],
            Key={"transaction_id": {"S": "none"}},
            ConsistentRead=True,
        )
    if writes:
        _write()
    return {"looks": _LOOKS}


def _read_quota() -> None:
    key = {"account": {"S": "bench"}, "item": {"S": "quota"}}
    _dynamodb.get_item(TableName=os.environ["ACCOUNTS_TABLE"], Key=key, ConsistentRead=True)


def _write() -> None:
    """Write items that expire at once."""
    expired = {"N": str(int(time.time()))}
    _dynamodb.transact_write_items(
        TransactItems=[
            {
                "Put": {
                    "TableName": os.environ["ACCOUNTS_TABLE"],
                    "Item": {
                        "account": {"S": "bench"},
                        "item": {"S": str(uuid.uuid4())},
                        "expires_at": expired,
                        "filling": {"S": _FILLING},
                    },
                    "ConditionExpression": "attribute_not_exists(account)",
                }
            }
            for _ in range(_ITEMS)
        ]
    )
