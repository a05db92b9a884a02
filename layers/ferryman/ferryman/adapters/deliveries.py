"""The queue of webhook deliveries, and where those end that nobody took."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import Instant, TransactionId
from ferryman.domain.webhooks import Delivery

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10
_LONGEST_DELAY_SECONDS: Final = 900
"""SQS's own. What is due later is handed out early, and queued again."""


class SqsDeliveries:
    """The DeliveryQueue port over a standard queue, which holds a message back for up to 15 minutes."""

    def __init__(self, client: "SQSClient", *, url: str, dead_letter_url: str | None = None) -> None:
        self._client = client
        self._url = url
        self._dead_letter_url = dead_letter_url

    def send(self, deliveries: Sequence[Delivery], *, now: Instant) -> None:
        """Queue deliveries, ten to a request."""
        for start in range(0, len(deliveries), _BATCH):
            self._send_batch(deliveries[start : start + _BATCH], now)

    def give_up(self, delivery: Delivery) -> None:
        """Set a delivery aside."""
        if self._dead_letter_url is None:
            msg = "this step has no queue to set deliveries aside in"
            raise StoreUnavailableError(msg)
        try:
            self._client.send_message(QueueUrl=self._dead_letter_url, MessageBody=_body(delivery))
        except (ClientError, BotoCoreError) as error:
            msg = f"SQS took no message: {code_of(error)}"
            raise StoreUnavailableError(msg) from error

    def _send_batch(self, deliveries: Sequence[Delivery], now: Instant) -> None:
        entries: Any = [
            {"Id": str(number), "MessageBody": _body(one), "DelaySeconds": _delay_seconds(one, now)}
            for number, one in enumerate(deliveries)
        ]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            msg = f"SQS took no message: {code_of(error)}"
            raise StoreUnavailableError(msg) from error
        if answer.get("Failed"):
            msg = f"SQS refused {len(answer['Failed'])} of {len(deliveries)} messages"
            raise StoreUnavailableError(msg)


def read_deliveries(records: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Delivery], tuple[str, ...]]:
    """Read the records of an SQS event: message id -> delivery, and the ids of what is none of ours."""
    found: dict[str, Delivery] = {}
    malformed = []
    for record in records:
        try:
            found[record["messageId"]] = _delivery_of(record["body"])
        except (ValueError, RecursionError):
            malformed.append(record["messageId"])
    return found, tuple(malformed)


def _body(delivery: Delivery) -> str:
    return json.dumps(asdict(delivery))


def _delay_seconds(delivery: Delivery, now: Instant) -> int:
    return min(max(-(-(delivery.due_at - now) // 1000), 0), _LONGEST_DELAY_SECONDS)


def _delivery_of(body: str) -> Delivery:
    """Read a message.

    Raises:
        ValueError: it is not one of ours.

    """
    fields: Any = json.loads(body)
    try:
        name = fields["transaction_id"]
        return Delivery(
            webhook_id=_text(fields["webhook_id"]),
            delivery_id=_text(fields["delivery_id"]),
            event=_text(fields["event"]),
            transaction_id=None if name is None else TransactionId(_text(name)),
            body=_text(fields["body"]),
            created_at=Instant(_whole(fields["created_at"])),
            attempt=_whole(fields["attempt"]),
            due_at=Instant(_whole(fields["due_at"])),
        )
    except (KeyError, TypeError) as error:
        msg = "the message is no delivery"
        raise ValueError(msg) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError(value)
    return value
