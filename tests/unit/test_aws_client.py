"""Clients of AWS: what their requests say of us."""

import pytest
from botocore.awsrequest import AWSPreparedRequest

from ferryman.bootstrap.parts import aws_client
from ferryman.version import VERSION


class NotSentError(Exception):
    """The request has been seen, and goes nowhere."""


def test_a_request_says_who_asks_and_nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """CloudTrail shows it; and boto3 would put what it says of itself together anew for each request."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    client, said = aws_client("sqs", region_name="eu-central-1"), list[str]()

    def seen(request: AWSPreparedRequest, **_: object) -> None:
        agent = request.headers["User-Agent"]
        said.append(agent.decode() if isinstance(agent, bytes) else agent)
        raise NotSentError

    client.meta.events.register("before-send.sqs.ListQueues", seen)

    with pytest.raises(NotSentError):
        client.list_queues()

    (agent,) = set(said)
    assert agent.startswith(f"ferryman/{VERSION} ")
    assert " os/" not in agent
