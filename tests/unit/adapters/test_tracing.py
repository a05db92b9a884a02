"""Spans as X-Ray's daemon gets them: real datagrams."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ferryman.adapters.tracing import NoTracing, XRayTracing, trace_client, tracing_of

SAMPLED = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:b"


@pytest.fixture
def daemon() -> Iterator[socket.socket]:
    """Listen as the daemon does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(2)
        yield listening


def tracing(daemon: socket.socket, header: str = SAMPLED) -> XRayTracing:
    """Trace to that daemon under a trace header."""
    return XRayTracing(daemon.getsockname(), {"_X_AMZN_TRACE_ID": header})


def received(daemon: socket.socket) -> dict[str, Any]:
    """Read the next span."""
    header, _, body = daemon.recv(65_536).partition(b"\n")
    assert json.loads(header) == {"format": "json", "version": 1}
    span: dict[str, Any] = json.loads(body)
    return span


def test_a_span_is_a_subsegment_of_the_functions_own(daemon: socket.socket) -> None:
    """With its times and what it can be found by."""
    with tracing(daemon).span("chain-1", endpoint=2):
        pass

    span = received(daemon)
    assert (span["type"], span["name"], span["annotations"]) == ("subsegment", "chain-1", {"endpoint": 2})
    assert (span["trace_id"], span["parent_id"]) == (
        "1-5759e988-bd862e3fe1be46a994272793",
        "53995c3f42cd8ad8",
    )
    assert len(span["id"]) == 16
    assert span["start_time"] <= span["end_time"]
    assert "fault" not in span


def test_what_fails_inside_is_a_fault_and_goes_on(daemon: socket.socket) -> None:
    """Tracing hides no error."""
    with pytest.raises(KeyError), tracing(daemon).span("chain-1"):
        raise KeyError

    assert received(daemon)["fault"] is True


@pytest.mark.parametrize("header", ["", "Root=1-2-3;Parent=4;Sampled=0", "Sampled=1", "nonsense"])
def test_an_invocation_that_is_not_sampled_sends_nothing(daemon: socket.socket, header: str) -> None:
    """Nobody would look, and the daemon would refuse it."""
    with tracing(daemon, header).span("chain-1"):
        pass

    daemon.settimeout(0.1)
    with pytest.raises(TimeoutError):
        daemon.recv(100)


def test_a_daemon_that_is_away_costs_nothing(daemon: socket.socket) -> None:
    """A datagram that nobody takes is no error."""
    address = daemon.getsockname()
    daemon.close()
    asked: list[int] = []

    for number in range(3):
        with XRayTracing(address, {"_X_AMZN_TRACE_ID": SAMPLED}).span("chain-1"):
            asked.append(number)

    assert asked == [0, 1, 2]


def test_every_call_of_an_aws_client_is_a_span(daemon: socket.socket) -> None:
    """By service and operation; a refusal is a span too."""
    with mock_aws():
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        trace_client(sqs, tracing(daemon))
        sqs.list_queues()
        with pytest.raises(ClientError):
            sqs.get_queue_attributes(QueueUrl="https://sqs.us-east-1.amazonaws.com/1/none")

    names = [
        (span["name"], span["annotations"]["operation"]) for span in (received(daemon), received(daemon))
    ]
    assert names == [("sqs", "ListQueues"), ("sqs", "GetQueueAttributes")]


def test_without_lambdas_daemon_there_is_no_tracing() -> None:
    """As on the local stack; with it, there is."""
    assert isinstance(tracing_of({}), NoTracing)
    assert isinstance(tracing_of({"AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000"}), XRayTracing)
