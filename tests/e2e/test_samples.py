"""`sam remote invoke` with every sample under events/: the deployed functions take them as they are."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from ferryman.intents import KINDS
from local.build import tool_environment
from local.ministack import LocalAws
from local.paths import ROOT
from tests.e2e.stack import Stack
from tests.support.forked import ForkedCommand
from tests.support.template import resources

REFUSED: Final = {"authorizer_token", "authorizer_api_key"}
"""Credentials that nobody was given. API Gateway wants to hear of that as an error with this one word."""
# In the order of their names: what `admin_pause` stops, `admin_resume` starts again.
SAMPLES: Final = sorted(
    path.stem for path in (ROOT / "events").glob("*.json") if path.stem not in {*KINDS, *REFUSED}
)
FUNCTIONS: Final = {
    one["CodeUri"].removeprefix("functions/"): name
    for name, one in resources("AWS::Serverless::Function").items()
}


@cache
def sam() -> ForkedCommand:
    """Give the command `sam`."""
    return ForkedCommand("samcli.cli.main:cli", "samcli.commands.remote.invoke.cli", "boto3")


def invoked(stack: Stack, sample: str, file: str = "") -> Any:  # noqa: ANN401 (a JSON value)
    """Invoke as docs/deploy.md says, and give the function's answer."""
    command = ["remote", "invoke", FUNCTIONS[sample.partition("_")[0]]]
    where = ["--stack-name", stack.description.stack_name, "--event-file", file or f"events/{sample}.json"]
    aws = LocalAws(int(stack.description.aws_endpoint_url.rpartition(":")[2]))
    ended = sam().run([*command, *where], tool_environment() | aws.environment)
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout.splitlines()[-1])
    # The command succeeds also where the function raised.
    assert not isinstance(answer, dict) or "errorType" not in answer, ended.stderr
    return answer


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_deployed_function_takes_its_sample(stack: Stack, sample: str) -> None:
    """It answers in the form that its trigger reads, and what it refuses is not its own fault."""
    event: Any = json.loads((ROOT / "events" / f"{sample}.json").read_text(encoding="utf-8"))

    answer = invoked(stack, sample)

    if "resource" in event and "type" not in event:
        assert httpx.codes.OK <= answer["statusCode"] < httpx.codes.INTERNAL_SERVER_ERROR, answer
        assert answer["headers"]
    elif "Records" in event:
        given = json.dumps(event["Records"])
        assert all(one["itemIdentifier"] in given for one in answer["batchItemFailures"])


@pytest.mark.parametrize("sample", sorted(REFUSED))
def test_the_authorizer_refuses_the_credentials_of_its_samples(stack: Stack, sample: str) -> None:
    """With the text that API Gateway answers 401."""
    with pytest.raises(AssertionError, match="Unauthorized"):
        invoked(stack, sample)


def test_a_sample_that_a_function_cannot_take_fails_the_command(stack: Stack, tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")

    with pytest.raises(AssertionError, match="KeyError"):
        invoked(stack, "deadletter", str(wrong))
