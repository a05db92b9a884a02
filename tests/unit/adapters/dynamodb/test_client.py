"""What we ask of DynamoDB, where its emulation is more lenient than it is."""

import re
from typing import Any

from ferryman.adapters.dynamodb.client import DynamoDbTables
from ferryman.adapters.dynamodb.operations import Present, Table, Update


class Recorder:
    """A client that keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}

    def update_item(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 (boto3's own)
        """Take one update."""
        self.asked = request
        return {}

    put_item = delete_item = update_item


def test_placeholders_of_attributes_have_letters_digits_and_underscores_only() -> None:
    """DynamoDB refuses any other, and counters are named after kinds: `meta-transaction` has a hyphen."""
    recorder = Recorder()
    client: Any = recorder
    counts = {"accepted__meta-transaction": 1, "accepted__meta_transaction": 2}

    DynamoDbTables(client, {Table.CURSORS: "cursors"}).write(
        Update(
            table=Table.CURSORS,
            key={"cursor": "1:counts"},
            add=counts,
            where=(Present("accepted__meta-transaction"),),
        )
    )

    names = recorder.asked["ExpressionAttributeNames"]
    assert all(re.fullmatch(r"#[A-Za-z0-9_]+", placeholder) for placeholder in names)
    assert sorted(names.values()) == sorted(counts)
