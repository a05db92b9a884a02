"""A function that waits as `/settle` does: it looks at a row that is not there, four times in a second."""

import os
import time
from typing import Any, Final

import boto3

_LOOKS: Final = 4
_PAUSE_SECONDS: Final = 0.25
_dynamodb = boto3.client("dynamodb")


def handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Wait for a second."""
    for _ in range(_LOOKS):
        time.sleep(_PAUSE_SECONDS)
        _dynamodb.get_item(
            TableName=os.environ["TRANSACTIONS_TABLE"],
            Key={"transaction_id": {"S": "none"}},
            ConsistentRead=True,
        )
    return {"looks": _LOOKS}
