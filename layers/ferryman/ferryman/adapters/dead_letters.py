"""The dead-letter queues, for operators to look at and to empty."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import Instant
from ferryman.ports import DeadLetter, DeadLetterCount

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10
_REDRIVE_SECONDS: Final = 30
"""How long a message is hidden from others while it is sent back."""


@dataclass(frozen=True, slots=True)
class DeadLetterQueueUrls:
    """A dead-letter queue, and where its messages can go back to."""

    url: str
    target: str | None


class SqsDeadLetters:
    """The DeadLetters port."""

    def __init__(self, client: "SQSClient", queues: Mapping[str, DeadLetterQueueUrls]) -> None:
        self._client = client
        self._queues = queues

    def counts(self) -> tuple[DeadLetterCount, ...]:
        """Count the messages of every queue."""
        return tuple(self._count(name, queue) for name, queue in self._queues.items())

    def peek(self, queue: str) -> tuple[DeadLetter, ...]:
        """Look at messages, hiding them from nobody."""
        return tuple(_letter_of(message) for message in self._received(queue, hidden_seconds=0))

    def redrive(self, queue: str, *, most: int) -> int:
        """Send messages back, ten at a time."""
        sent = 0
        while sent < most:
            batch = self._received(queue, hidden_seconds=_REDRIVE_SECONDS)
            if not batch:
                break
            for message in batch:
                self._sent_back(queue, message)
            sent += len(batch)
        return sent

    def _count(self, name: str, queue: DeadLetterQueueUrls) -> DeadLetterCount:
        wanted: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._asked("get_queue_attributes", QueueUrl=queue.url, AttributeNames=wanted)
        visible, in_flight = (int(answer["Attributes"][attribute]) for attribute in wanted)
        return DeadLetterCount(
            queue=name, visible=visible, in_flight=in_flight, can_redrive=queue.target is not None
        )

    def _received(self, queue: str, *, hidden_seconds: int) -> list[dict[str, Any]]:
        answer = self._asked(
            "receive_message",
            QueueUrl=self._queues[queue].url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=hidden_seconds,
            MessageSystemAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _sent_back(self, queue: str, message: Mapping[str, Any]) -> None:
        """Send first, then delete; a second try within minutes is recognised and dropped."""
        ours = self._queues[queue]
        order = {}
        if group := message["Attributes"].get("MessageGroupId"):
            order = {
                "MessageGroupId": group,
                "MessageDeduplicationId": f"redriven:{message['MessageId']}",
            }
        self._asked("send_message", QueueUrl=ours.target, MessageBody=message["Body"], **order)
        self._asked("delete_message", QueueUrl=ours.url, ReceiptHandle=message["ReceiptHandle"])

    def _asked(self, method: str, **named: object) -> Any:  # noqa: ANN401 (boto3's answers are untyped maps)
        try:
            return getattr(self._client, method)(**named)
        except (ClientError, BotoCoreError) as error:
            msg = f"SQS did not do {method}: {code_of(error)}"
            raise StoreUnavailableError(msg) from error


def _letter_of(message: Mapping[str, Any]) -> DeadLetter:
    attributes = message["Attributes"]
    return DeadLetter(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=Instant(int(attributes["SentTimestamp"])),
        receives=int(attributes["ApproximateReceiveCount"]),
    )
