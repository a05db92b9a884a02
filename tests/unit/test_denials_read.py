"""How the end of all end-to-end tests finds what a function was denied: in the line that it wrote itself."""

import json
import time
from collections.abc import Callable
from io import StringIO
from typing import Any, Final

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError

from ferryman.adapters.denials import tell_denials
from ferryman.adapters.log import StructuredLog
from tests.e2e.denials import Denial, Purpose, unexplained
from tests.support.http_server import Answer, serving

WORDS: Final = "User: arn:aws:sts::1:assumed-role/confirm is not authorized to perform: dynamodb:GetItem"


@pytest.fixture(scope="module")
def line() -> str:
    """What confirm really writes when AWS denies it an item."""
    body = json.dumps({"__type": "AccessDeniedException", "message": WORDS}).encode()
    refused = Answer(400, body, {"Content-Type": "application/x-amz-json-1.0"})
    written = StringIO()
    with serving(lambda _: refused) as served:
        once = Config(retries={"total_max_attempts": 1})
        client: Any = boto3.client("dynamodb", endpoint_url=served.url, config=once)
        tell_denials(client, StructuredLog(Logger(service="confirm", level="INFO", stream=written)))
        with pytest.raises(ClientError):
            client.get_item(TableName="rows", Key={"name": {"S": "one"}})
    return written.getvalue()


def test_a_denial_is_read_with_who_what_and_when(line: str) -> None:
    """As the function's log has it; the time is to the millisecond."""
    denial = Denial.read(line)

    assert denial is not None
    assert (denial.step, denial.aws_service, denial.cause) == ("confirm", "dynamodb", WORDS)
    assert 0 <= time.time() - denial.at < 60


@pytest.mark.parametrize(
    "other", ["", "START RequestId: 1", '{"message":"refused","cause":"not denied by AWS"}']
)
def test_what_else_a_function_writes_is_no_denial(other: str) -> None:
    """Nor is a line that only quotes the words."""
    assert Denial.read(other) is None


@pytest.mark.parametrize(
    ("purpose", "is_meant"),
    [
        (lambda at: Purpose("confirm", "dynamodb", at - 1, at + 1), True),
        (lambda at: Purpose("confirm", "dynamodb", at + 1, at + 2), False),
        (lambda at: Purpose("confirm", "dynamodb", at - 9, at - 5), False),
        (lambda at: Purpose("submit", "dynamodb", at - 1, at + 1), False),
        (lambda at: Purpose("confirm", "kms", at - 1, at + 1), False),
    ],
    ids=["meant", "before", "after", "another function", "another service"],
)
def test_only_what_a_test_takes_away_is_passed_over(
    line: str, purpose: Callable[[float], Purpose], *, is_meant: bool
) -> None:
    """From that function, of that service, and for that time: all else fails the session."""
    denial = Denial.read(line)
    assert denial is not None

    left = unexplained([denial], [purpose(denial.at)])

    assert left == ([] if is_meant else [denial])
