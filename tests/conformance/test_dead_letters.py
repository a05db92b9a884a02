"""The dead-letter queues, in memory and in SQS (moto): what the port promises."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ferryman.adapters.dead_letters import DeadLetterQueueUrls, SqsDeadLetters
from ferryman.domain.units import Instant
from ferryman.ports import DeadLetter, DeadLetters
from tests.fakes.dead_letters import FakeDeadLetters

COUNT = 12


def in_memory() -> DeadLetters:
    """Build the fake."""
    letters = [
        DeadLetter(message_id=str(number), body=f"body {number}", sent_at=Instant(1), receives=1)
        for number in range(COUNT)
    ]
    return FakeDeadLetters({"submit": letters, "notify": []}, targets=["submit"])


def in_sqs(sqs: Any) -> DeadLetters:  # noqa: ANN401 (a boto3 client)
    """Build the adapter over two queues, one with a way back."""
    fifo = {"FifoQueue": "true"}
    dead = sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)["QueueUrl"]
    target = sqs.create_queue(QueueName="submit.fifo", Attributes=fifo)["QueueUrl"]
    notices = sqs.create_queue(QueueName="notices")["QueueUrl"]
    for number in range(COUNT):
        sqs.send_message(
            QueueUrl=dead,
            MessageBody=f"body {number}",
            MessageGroupId=f"group {number}",
            MessageDeduplicationId=str(number),
        )
    return SqsDeadLetters(
        sqs, {"submit": DeadLetterQueueUrls(dead, target), "notify": DeadLetterQueueUrls(notices, None)}
    )


@pytest.fixture(params=["memory", "sqs"])
def dead_letters(request: pytest.FixtureRequest) -> Iterator[DeadLetters]:
    """Give a queue of twelve letters and an empty one, of either making."""
    if request.param == "memory":
        yield in_memory()
    else:
        with mock_aws():
            yield in_sqs(boto3.client("sqs", region_name="us-east-1"))


def counted(dead_letters: DeadLetters) -> dict[str, tuple[int, bool]]:
    """Count each queue, and say whether its letters can go back."""
    return {one.queue: (one.visible, one.can_redrive) for one in dead_letters.counts()}


def test_letters_are_counted_by_queue(dead_letters: DeadLetters) -> None:
    """And each queue says whether something takes its letters back."""
    assert counted(dead_letters) == {"submit": (COUNT, True), "notify": (0, False)}


def test_looking_at_letters_leaves_them_where_they_are(dead_letters: DeadLetters) -> None:
    """Twice the same, up to ten."""
    first, second = dead_letters.peek("submit"), dead_letters.peek("submit")

    assert {letter.body for letter in first} == {f"body {number}" for number in range(10)}
    assert {letter.body for letter in first} == {letter.body for letter in second}
    assert counted(dead_letters)["submit"] == (COUNT, True)
    assert dead_letters.peek("notify") == ()


def test_letters_that_went_back_are_gone(dead_letters: DeadLetters) -> None:
    """As many as asked for, or all there are."""
    sent = dead_letters.redrive("submit", most=100)

    assert sent == COUNT
    assert counted(dead_letters)["submit"] == (0, True)
    assert dead_letters.redrive("submit", most=100) == 0


def test_letters_arrive_where_they_came_from() -> None:
    """With their body and their group; a fake has nowhere to send them."""
    with mock_aws():
        sqs: Any = boto3.client("sqs", region_name="us-east-1")
        dead_letters = in_sqs(sqs)

        dead_letters.redrive("submit", most=10)

        url = sqs.get_queue_url(QueueName="submit.fifo")["QueueUrl"]
        (message, *_) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
        assert message["Body"] == "body 0"
        assert message["Attributes"]["MessageGroupId"] == "group 0"
