"""What AWS denies, over HTTP as DynamoDB answers it."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ferryman.adapters.denials import tell_denials
from tests.fakes.talk import FakeLog
from tests.support.http_server import Answer, serving

WORDS = "User: arn:aws:sts::1:assumed-role/query is not authorized to perform: dynamodb:GetItem"


def lines_after(code: str) -> list[tuple[str, str, dict[str, object]]]:
    """Ask for an item, be refused with a code, and give what was logged."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": WORDS}
    refused = Answer(400, json.dumps(body).encode(), {"Content-Type": "application/x-amz-json-1.0"})
    log = FakeLog()
    with serving(lambda _: refused) as served:
        once = Config(retries={"total_max_attempts": 1})
        client: Any = boto3.client("dynamodb", endpoint_url=served.url, config=once)
        tell_denials(client, log)
        with pytest.raises(ClientError):
            client.get_item(TableName="rows", Key={"name": {"S": "one"}})
    return log.lines


def test_what_is_denied_is_an_error_that_names_role_and_action() -> None:
    """The caller takes it for a store that is away and waits: somebody has to know that this is vain."""
    assert lines_after("AccessDeniedException") == [
        ("error", "denied by AWS", {"aws_service": "dynamodb", "operation": "GetItem", "cause": WORDS})
    ]


@pytest.mark.parametrize("code", ["ThrottlingException", "ConditionalCheckFailedException"])
def test_what_passes_by_itself_is_no_denial(code: str) -> None:
    """Those are the caller's to tell."""
    assert lines_after(code) == []
