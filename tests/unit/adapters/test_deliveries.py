"""Deliveries on their queue: written, held back and read as they were."""

import json
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ferryman.adapters.deliveries import SqsDeliveries, read_deliveries
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import Instant
from tests.support.rows import NOW
from tests.support.webhooks import delivery


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 (two queues and a client)
    """Give moto's SQS with a queue and its dead-letter queue."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client: Any = boto3.client("sqs", region_name="us-east-1")
        names = [client.create_queue(QueueName=name)["QueueUrl"] for name in ("deliveries", "dead")]
        yield client, *names


def received(client: Any, url: str) -> list[dict[str, Any]]:  # noqa: ANN401 (boto3's client)
    """Receive what is there now, as Lambda's records."""
    answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [{"messageId": one["MessageId"], "body": one["Body"]} for one in answer.get("Messages", ())]


def test_deliveries_are_read_as_they_were_sent(queues: Any) -> None:  # noqa: ANN401
    """More than one request takes, a test's without a transaction among them."""
    client, url, dead = queues
    sent = [delivery(delivery_id=f"dlv_{number}") for number in range(11)]
    sent.append(delivery(delivery_id="dlv_test", transaction_id=None, attempt=3))

    SqsDeliveries(client, url=url, dead_letter_url=dead).send(sent, now=NOW)

    records = received(client, url) + received(client, url)
    found, malformed = read_deliveries(records)
    assert sorted(found.values(), key=str) == sorted(sent, key=str)
    assert malformed == ()


def test_what_is_given_up_is_set_aside(queues: Any) -> None:  # noqa: ANN401
    """Whole, so that an operator can send it back."""
    client, url, dead = queues

    SqsDeliveries(client, url=url, dead_letter_url=dead).give_up(delivery())

    assert list(read_deliveries(received(client, dead))[0].values()) == [delivery()]
    assert received(client, url) == []


class Recorder:
    """A client of SQS that notes how long each message is held back."""

    def __init__(self) -> None:
        self.delays: list[int] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803, ARG002 (boto3's names)
        """Note them."""
        self.delays += [entry["DelaySeconds"] for entry in Entries]
        return {}


@pytest.mark.parametrize(
    ("due_in_ms", "held_back"), [(-5, 0), (0, 0), (1, 1), (10_000, 10), (900_000, 900), (7_200_000, 900)]
)
def test_a_delivery_is_held_back_until_it_is_due_or_as_long_as_sqs_can(
    due_in_ms: int, held_back: int
) -> None:
    """Whole seconds, rounded up; a quarter of an hour at most."""
    client: Any = Recorder()

    SqsDeliveries(client, url="u").send([delivery(due_at=Instant(NOW + due_in_ms))], now=NOW)

    assert client.delays == [held_back]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "poison",
        "[]",
        "{}",
        "null",
        json.dumps({"webhook_id": "wh_1"}),
        "[" * 100_000,
    ],
)
def test_what_is_no_delivery_is_told_apart(body: str) -> None:
    """It goes the way of the dead letters."""
    found, malformed = read_deliveries([{"messageId": "m1", "body": body}])

    assert (found, malformed) == ({}, ("m1",))


@pytest.mark.parametrize("attempt", ["1", True, 1.5, -1, None])
def test_a_delivery_with_a_wrong_number_is_none(attempt: object) -> None:
    """A number decides how long it waits."""
    fields = {name: getattr(delivery(), name) for name in delivery().__dataclass_fields__}

    _, malformed = read_deliveries([{"messageId": "m1", "body": json.dumps(fields | {"attempt": attempt})}])

    assert malformed == ("m1",)


class Refusing:
    """A client of SQS that takes some of a batch only."""

    def send_message_batch(self, **_request: object) -> dict[str, Any]:
        """Take nothing."""
        return {"Failed": [{"Id": "0"}]}


def test_a_delivery_that_sqs_did_not_take_is_an_error(queues: Any) -> None:  # noqa: ANN401
    """Refused in the batch, no such queue, and no queue for what is given up."""
    client, *_ = queues
    refusing: Any = Refusing()
    gone = SqsDeliveries(client, url="https://sqs.us-east-1.amazonaws.com/1/gone", dead_letter_url="x")

    with pytest.raises(StoreUnavailableError):
        SqsDeliveries(refusing, url="u").send([delivery()], now=NOW)
    with pytest.raises(StoreUnavailableError):
        gone.send([delivery()], now=NOW)
    with pytest.raises(StoreUnavailableError):
        gone.give_up(delivery())
    with pytest.raises(StoreUnavailableError):
        SqsDeliveries(refusing, url="u").give_up(delivery())
