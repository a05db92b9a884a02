"""The FIFO queues to submit, one a lane."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.lanes import Lane
from ferryman.domain.units import Address, ChainId, CorrelationId, TransactionId, WalletNonce
from ferryman.ports import Hint, NonceHint, TransactionHint

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10


class SqsQueue:
    """The Queue port over FIFO queues whose deduplication scope is the message group.

    Args:
        client: a boto3 client.
        urls: the queue of each lane.

    """

    def __init__(self, client: "SQSClient", urls: Mapping[Lane, str]) -> None:
        self._client = client
        self._urls = urls

    def send(self, hints: Iterable[Hint]) -> None:
        """Send hints, ten to a request; the express lane first."""
        by_lane: dict[Lane, list[Hint]] = {lane: [] for lane in Lane}
        for hint in hints:
            by_lane[hint.lane].append(hint)
        for lane, waiting in by_lane.items():
            for start in range(0, len(waiting), _BATCH):
                self._send_batch(self._urls[lane], waiting[start : start + _BATCH])

    def _send_batch(self, url: str, hints: list[Hint]) -> None:
        entries: Any = [{"Id": str(number), **_entry(hint)} for number, hint in enumerate(hints)]
        try:
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            msg = f"SQS took no message: {code_of(error)}"
            raise StoreUnavailableError(msg) from error
        if answer.get("Failed"):
            msg = f"SQS refused {len(answer['Failed'])} of {len(hints)} messages"
            raise StoreUnavailableError(msg)


class SqsDeadLetterQueue:
    """The DeadLetterQueue port: a FIFO queue.

    Args:
        client: a boto3 client.
        url: the queue.

    """

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, hint: TransactionHint, reason: str) -> None:
        """Send a hint with the reason beside it: whoever looks at the queue sees why."""
        entry = _entry(hint)
        body = json.dumps(json.loads(entry["MessageBody"]) | {"reason": reason})
        try:
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=body,
                MessageGroupId=entry["MessageGroupId"],
                MessageDeduplicationId=entry["MessageDeduplicationId"],
            )
        except (ClientError, BotoCoreError) as error:
            msg = f"SQS took no message: {code_of(error)}"
            raise StoreUnavailableError(msg) from error


def _entry(hint: Hint) -> dict[str, str]:
    """Group by who should stay in order; deduplicate by what has not changed since.

    A group is locked while one of its messages is in flight, for two minutes if the function that has it
    is killed. So what is late has a group of its own: order is kept by the rows, if a kind needs it.
    """
    if isinstance(hint, TransactionHint):
        body: dict[str, object] = {
            "transaction_id": hint.transaction_id,
            "chain_id": hint.chain_id,
            "sender": hint.sender,
            "version": hint.version,
        }
        if hint.correlation_id:
            body["correlation_id"] = hint.correlation_id
        group, subject = str(hint.sender), str(hint.transaction_id)
        if hint.is_swept:
            group = subject
    else:
        body = {
            "chain_id": hint.chain_id,
            "wallet": hint.wallet,
            "nonce": hint.nonce,
            "version": hint.version,
        }
        group, subject = str(hint.wallet), f"{hint.wallet}:{hint.nonce}"
    return {
        "MessageBody": json.dumps(body),
        "MessageGroupId": f"{hint.chain_id}:{group}",
        "MessageDeduplicationId": f"{subject}:{hint.version}",
    }


@dataclass(frozen=True, slots=True)
class Messages:
    """A batch of messages, read."""

    ids_of: Mapping[Hint, Sequence[str]]
    """Each hint with the ids of the messages that carry it."""
    malformed: tuple[str, ...]
    """Ids of messages that are none of ours."""

    @property
    def hints(self) -> list[Hint]:
        """The hints, each once, in the order of arrival."""
        return list(self.ids_of)

    def failures(self, failed: Iterable[Hint]) -> list[dict[str, str]]:
        """Shape what is to be delivered again (ReportBatchItemFailures)."""
        return [{"itemIdentifier": name} for hint in failed for name in self.ids_of[hint]]


def read_messages(records: Iterable[Mapping[str, Any]]) -> Messages:
    """Read the records of an SQS event."""
    ids_of: dict[Hint, list[str]] = {}
    malformed = []
    for record in records:
        redelivered = int(record["attributes"]["ApproximateReceiveCount"]) > 1
        try:
            hint = _hint_of(record["body"], redelivered=redelivered)
        except (ValueError, RecursionError):
            malformed.append(record["messageId"])
        else:
            ids_of.setdefault(hint, []).append(record["messageId"])
    return Messages(ids_of, tuple(malformed))


def _hint_of(body: str, *, redelivered: bool) -> Hint:
    """Read a message.

    Raises:
        ValueError: it is not one of ours.

    """
    fields: Any = json.loads(body)
    try:
        if "transaction_id" in fields:
            return TransactionHint(
                transaction_id=TransactionId(_text(fields["transaction_id"])),
                chain_id=ChainId(_whole(fields["chain_id"])),
                sender=Address(_text(fields["sender"])),
                version=_whole(fields["version"]),
                redelivered=redelivered,
                correlation_id=_named(fields.get("correlation_id")),
            )
        return NonceHint(
            chain_id=ChainId(_whole(fields["chain_id"])),
            wallet=Address(_text(fields["wallet"])),
            nonce=WalletNonce(_whole(fields["nonce"])),
            version=_whole(fields["version"]),
        )
    except (KeyError, TypeError) as error:
        msg = "the message names neither a transaction nor a nonce"
        raise ValueError(msg) from error


def _named(value: object) -> CorrelationId | None:
    return None if value is None else CorrelationId(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value
