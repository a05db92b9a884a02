"""The adapters of KMS and SQS against MiniStack, and of every AWS service against one that refuses."""

import json
import secrets
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from coincurve import PrivateKey

from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dead_letters import DeadLetterQueueUrls, SqsDeadLetters
from ferryman.adapters.dynamodb.client import DynamoDbTables
from ferryman.adapters.dynamodb.operations import ConditionFailedError, Put, Query, Table, WriteConflictError
from ferryman.adapters.kms import KmsSigner
from ferryman.adapters.sqs import SqsQueue, read_messages
from ferryman.adapters.websocket import WebSocketPush
from ferryman.domain.errors import (
    FerrymanError,
    SignatureMismatchError,
    SignerUnavailableError,
    StoreUnavailableError,
    SubscriberGoneError,
)
from ferryman.domain.lanes import Lane
from ferryman.domain.signatures import CURVE_ORDER, recover
from ferryman.domain.units import Address, ChainId, TransactionId, WalletNonce
from ferryman.ports import Hint, NonceHint, TransactionHint
from local.ports import LOOPBACK, any_free_port
from tests.support.http_server import Answer, serving
from tests.support.ministack import client
from tests.support.template import resources

SENDER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
HINT = TransactionHint(
    transaction_id=TransactionId("0x" + "6f" * 32), chain_id=ChainId(31337), sender=SENDER, version=1
)
PUT = Put(table=Table.CURSORS, item={"cursor": "1:confirm"})
AMZ_JSON = {"Content-Type": "application/x-amz-json-1.0"}


# -- KMS ----------------------------------------------------------------------------------------


@pytest.fixture
def kms(aws_url: str) -> Any:  # noqa: ANN401 (boto3's client)
    """Give a client of MiniStack's KMS, which signs the digest itself as AWS does."""
    return client("kms", aws_url)


def new_key(kms: Any) -> str:  # noqa: ANN401
    """Create a key as the template does."""
    wanted = resources("AWS::KMS::Key")["WalletKey1"]
    answer = kms.create_key(KeySpec=wanted["KeySpec"], KeyUsage=wanted["KeyUsage"])
    return str(answer["KeyMetadata"]["KeyId"])


def test_a_kms_key_is_a_wallet_that_signs_digests(kms: Any) -> None:  # noqa: ANN401
    """Every signature is low-s and recovers to the address of the public key, whichever KMS gave."""
    signer = KmsSigner(kms, [new_key(kms), new_key(kms)])
    wallets = signer.wallets()

    parities = set()
    for number in range(24):
        wallet, digest = wallets[number % 2], secrets.token_bytes(32)
        signature = signer.sign(wallet, digest)
        raw = signature.r.to_bytes(32) + signature.s.to_bytes(32) + bytes([27 + signature.y_parity])
        assert recover(digest, raw) == wallet
        assert signature.s <= CURVE_ORDER // 2
        parities.add(signature.y_parity)

    assert len(set(wallets)) == 2
    assert parities == {0, 1}


def test_the_treasurys_key_signs_and_is_no_wallet(kms: Any) -> None:  # noqa: ANN401
    """Payments are never bound to it."""
    wallet_key, treasury_key = new_key(kms), new_key(kms)
    signer = KmsSigner(kms, [wallet_key], treasury_key)

    treasury, digest = signer.treasury(), secrets.token_bytes(32)

    assert treasury is not None
    assert signer.wallets() == KmsSigner(kms, [wallet_key]).wallets()
    signature = KmsSigner(kms, [wallet_key], treasury_key).sign(treasury, digest)
    raw = signature.r.to_bytes(32) + signature.s.to_bytes(32) + bytes([27 + signature.y_parity])
    assert recover(digest, raw) == treasury
    assert KmsSigner(kms, [wallet_key]).treasury() is None


def test_a_key_that_does_not_exist_is_a_signer_that_is_away(kms: Any) -> None:  # noqa: ANN401
    """It may be a missing permission: the work waits."""
    with pytest.raises(SignerUnavailableError, match="NotFoundException"):
        KmsSigner(kms, ["11111111-1111-4111-8111-111111111111"]).wallets()


def test_a_disabled_key_is_a_signer_that_is_away(kms: Any) -> None:  # noqa: ANN401
    """An operator may enable it again."""
    key_id = new_key(kms)
    signer = KmsSigner(kms, [key_id])
    (wallet,) = signer.wallets()
    kms.disable_key(KeyId=key_id)

    with pytest.raises(SignerUnavailableError, match="DisabledException"):
        signer.sign(wallet, bytes(32))


@pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException", "NotFoundException"])
def test_a_key_that_was_taken_out_of_use_does_not_stop_the_others(code: str) -> None:
    """Its wallet is left out, and what is bound to it waits; the emulator gives such a key all the same."""
    theirs = Address("0x90F79bf6EB2c4f870365E785982E1f101E93b906")

    def answers(body: bytes) -> Answer:
        if json.loads(body)["KeyId"] == "gone":
            return Answer(400, json.dumps({"__type": code, "message": "no"}).encode(), AMZ_JSON)
        return _kms(PublicKey=_spki(PrivateKey(b"\x01" * 32)))

    with serving(answers) as endpoint:
        signer = KmsSigner(client("kms", endpoint.url), ["gone", "kept"])
        assert len(signer.wallets()) == 1
        with pytest.raises(SignerUnavailableError, match=theirs):
            signer.sign(theirs, bytes(32))


def test_a_permission_that_is_missing_stops_all_keys() -> None:
    """Or payments would silently crowd onto the few that are left."""

    def answers(body: bytes) -> Answer:
        if json.loads(body)["KeyId"] == "denied":
            return Answer(400, b'{"__type": "AccessDeniedException", "message": "no"}', AMZ_JSON)
        return _kms(PublicKey=_spki(PrivateKey(b"\x01" * 32)))

    with serving(answers) as endpoint, pytest.raises(SignerUnavailableError, match="AccessDenied"):
        KmsSigner(client("kms", endpoint.url), ["fine", "denied"]).wallets()


def test_a_signature_by_another_key_never_leaves_the_signer() -> None:
    """A key alias moved to another key: what it signs is nobody's transaction here."""
    ours, theirs = PrivateKey(b"\x01" * 32), PrivateKey(b"\x02" * 32)

    def answers(body: bytes) -> Answer:
        asked = json.loads(body)
        if "Message" in asked:
            return _kms(Signature=theirs.sign(bytes(32), hasher=None))
        return _kms(PublicKey=_spki(ours))

    with serving(answers) as endpoint:
        signer = KmsSigner(client("kms", endpoint.url), ["key"])
        (wallet,) = signer.wallets()
        with pytest.raises(SignatureMismatchError):
            signer.sign(wallet, bytes(32))


def _spki(key: PrivateKey) -> bytes:
    header = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200")
    return header + key.public_key.format(compressed=False)


def _kms(**fields: bytes) -> Answer:
    body = {name: b64encode(value).decode() for name, value in fields.items()}
    return Answer(200, json.dumps(body).encode(), AMZ_JSON)


# -- SQS ----------------------------------------------------------------------------------------


@pytest.fixture
def queue(aws_url: str) -> tuple[SqsQueue, Callable[[], list[dict[str, Any]]]]:
    """Give the deployed queue, and how to receive from it as Lambda does."""
    sqs = client("sqs", aws_url)
    wanted = resources("AWS::SQS::Queue")["SubmitQueue"]
    names = ("FifoQueue", "DeduplicationScope", "FifoThroughputLimit")
    attributes = {name: str(wanted[name]).replace("True", "true") for name in names}
    url = sqs.create_queue(QueueName=f"submit-{secrets.token_hex(4)}.fifo", Attributes=attributes)["QueueUrl"]

    def receive() -> list[dict[str, Any]]:
        records = []
        while messages := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"]
        ).get("Messages"):
            for message in messages:
                records.append(
                    {
                        "messageId": message["MessageId"],
                        "body": message["Body"],
                        "attributes": message["Attributes"],
                    }
                )
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return records

    return SqsQueue(sqs, lanes(url)), receive


def lanes(url: str) -> dict[Lane, str]:
    """Use one queue for all lanes."""
    return dict.fromkeys(Lane, url)


Receiving = tuple[SqsQueue, Callable[[], list[dict[str, Any]]]]


def hint(number: int) -> TransactionHint:
    """Give one of many hints of one sender."""
    return replace(HINT, transaction_id=TransactionId(f"0x{number:064x}"))


def test_hints_arrive_as_they_were_sent_in_order(queue: Receiving) -> None:
    """More than the ten of one request; those of one sender one after the other."""
    sending, receive = queue
    sent: list[Hint] = [hint(number) for number in range(23)]

    sending.send(sent)

    messages = read_messages(receive())
    assert messages.hints == sent
    assert not messages.malformed


def test_the_same_version_of_a_row_is_sent_once(queue: Receiving) -> None:
    """Whoever enqueues it, and also after it was delivered and deleted."""
    sending, receive = queue

    sending.send([HINT])
    sending.send([HINT])
    first = read_messages(receive()).hints
    sending.send([HINT])

    assert first == [HINT]
    assert receive() == []


def test_the_next_version_of_a_row_is_sent_again(queue: Receiving) -> None:
    """The sweep changes the row, so its message is not taken for the old one."""
    sending, receive = queue
    sending.send([HINT])
    receive()

    sending.send([replace(HINT, version=2)])

    assert read_messages(receive()).hints == [replace(HINT, version=2)]


def test_both_sorts_of_hints_share_the_queue(queue: Receiving) -> None:
    """A nonce's hint is of its wallet's group."""
    sending, receive = queue
    nonce = NonceHint(chain_id=ChainId(31337), wallet=SENDER, nonce=WalletNonce(3), version=2)

    sending.send([HINT, nonce])

    records = receive()
    assert set(read_messages(records).hints) == {HINT, nonce}
    assert {record["attributes"]["MessageGroupId"] for record in records} == {f"31337:{SENDER}"}


def test_each_lane_has_its_own_queue(aws_url: str) -> None:
    """What is urgent waits behind nothing that is not."""
    sqs, urls = client("sqs", aws_url), {}
    for lane in Lane:
        name = f"{lane}-{secrets.token_hex(4)}.fifo"
        urls[lane] = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    urgent = replace(HINT, version=9, lane=Lane.EXPRESS)

    SqsQueue(sqs, urls).send([HINT, urgent])

    received = {lane: sqs.receive_message(QueueUrl=url)["Messages"] for lane, url in urls.items()}
    versions = {lane: [json.loads(one["Body"])["version"] for one in received[lane]] for lane in Lane}
    assert versions == {Lane.EXPRESS: [9], Lane.STANDARD: [1]}


def test_nothing_to_send_sends_nothing(queue: Receiving) -> None:
    """SQS refuses an empty batch."""
    sending, receive = queue

    sending.send([])

    assert receive() == []


def test_a_queue_that_is_not_there_is_a_store_that_is_away(aws_url: str) -> None:
    """The row is stored; the sweep sends it later."""
    with pytest.raises(StoreUnavailableError, match=r"NonExistentQueue|QueueDoesNotExist"):
        SqsQueue(client("sqs", aws_url), lanes(f"{aws_url}/000000000000/none.fifo")).send([HINT])


def test_a_batch_that_was_taken_in_part_is_told() -> None:
    """SQS answers 200 and lists what it did not take."""
    failed = {"Failed": [{"Id": "0", "SenderFault": False, "Code": "InternalError"}], "Successful": []}
    with serving(lambda _: Answer(200, json.dumps(failed).encode(), AMZ_JSON)) as endpoint:
        sending = SqsQueue(client("sqs", endpoint.url), lanes(f"{endpoint.url}/0/q.fifo"))

        with pytest.raises(StoreUnavailableError, match="1 of 1"):
            sending.send([HINT])


# -- DynamoDB that refuses ----------------------------------------------------------------------


def refusing(code: str, **members: object) -> Callable[[bytes], Answer]:
    """Refuse as DynamoDB does."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **members}
    return lambda _: Answer(400, json.dumps(body).encode(), AMZ_JSON)


def tables_at(url: str) -> DynamoDbTables:
    """Give tables at an endpoint."""
    return DynamoDbTables(client("dynamodb", url), {Table.CURSORS: "cursors", Table.EVENTS: "events"})


CANCELLED = [{"Code": "None"}, {"Code": "TransactionConflict", "Message": "busy"}]


@pytest.mark.parametrize(
    "answers",
    [
        refusing("TransactionCanceledException", CancellationReasons=CANCELLED),
        refusing("TransactionConflictException"),
        refusing("TransactionInProgressException"),
    ],
    ids=["cancelled", "conflict", "in progress"],
)
def test_a_conflict_is_tried_again_and_then_told(answers: Callable[[bytes], Answer]) -> None:
    """Eight times with growing jitter: under contention one of them gets through."""
    with serving(answers) as endpoint, pytest.raises(WriteConflictError) as conflict:
        tables_at(endpoint.url).transact([PUT, replace(PUT, item={"cursor": "2:confirm"})])

    assert len(endpoint.bodies) == 8
    assert conflict.value.is_transient


def test_a_conflict_that_passes_is_not_noticed() -> None:
    """The third try gets through."""
    conflict = refusing("TransactionConflictException")(b"")
    replies = iter([conflict, conflict, Answer(200, b"{}", AMZ_JSON)])
    with serving(lambda _: next(replies)) as endpoint:
        tables_at(endpoint.url).write(PUT)

    assert len(endpoint.bodies) == 3


def test_a_failed_condition_among_conflicts_is_the_answer() -> None:
    """It is certain, and would be so again; so it is not tried again."""
    reasons = [
        {"Code": "ConditionalCheckFailed", "Item": {"cursor": {"S": "1:confirm"}, "fence": {"N": "3"}}},
        {"Code": "TransactionConflict"},
        {"Code": "ConditionalCheckFailed"},
    ]
    with (
        serving(refusing("TransactionCanceledException", CancellationReasons=reasons)) as endpoint,
        pytest.raises(ConditionFailedError) as failed,
    ):
        tables_at(endpoint.url).transact([PUT, PUT, PUT])

    assert failed.value.failed == {0: {"cursor": "1:confirm", "fence": 3}, 2: None}
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(
    "answers",
    [
        refusing("TransactionCanceledException", CancellationReasons=[{"Code": "ValidationError"}]),
        refusing("ProvisionedThroughputExceededException"),
        refusing("ResourceNotFoundException"),
        refusing("AccessDeniedException"),
        refusing("ValidationException"),
        lambda _: Answer(500, b"{}", AMZ_JSON),
        lambda _: Answer(200, closes=True),
    ],
    ids=["cancelled", "throttled", "no table", "denied", "invalid", "500", "closed"],
)
def test_everything_else_is_a_store_that_is_away(answers: Callable[[bytes], Answer]) -> None:
    """Each operation says so in our own terms; none of them is taken for a failed condition."""
    with serving(answers) as endpoint:
        tables = tables_at(endpoint.url)
        operations: list[Callable[[], object]] = [
            lambda: tables.get(Table.CURSORS, {"cursor": "1"}),
            lambda: tables.get_many(Table.CURSORS, [{"cursor": "1"}]),
            lambda: tables.query(Query(table=Table.EVENTS, partition=("transaction_id", "0x1"))),
            lambda: tables.write(PUT),
            lambda: tables.transact([PUT]),
        ]
        for operation in operations:
            with pytest.raises(StoreUnavailableError) as away:
                operation()
            assert not isinstance(away.value, WriteConflictError)


def test_what_dynamodb_left_of_a_batch_is_asked_for_again() -> None:
    """It gives what it can, and names the rest."""
    keys = [{"cursor": str(number)} for number in range(3)]

    def answers(body: bytes) -> Answer:
        first, *rest = json.loads(body)["RequestItems"]["cursors"]["Keys"]
        left = {"cursors": {"Keys": rest, "ConsistentRead": True}} if rest else {}
        answer = {"Responses": {"cursors": [first]}, "UnprocessedKeys": left}
        return Answer(200, json.dumps(answer).encode(), AMZ_JSON)

    with serving(answers) as endpoint:
        items = tables_at(endpoint.url).get_many(Table.CURSORS, keys)

    assert list(items) == keys
    assert len(endpoint.bodies) == 3


# -- pushes and starts --------------------------------------------------------------------------


def test_a_push_reaches_its_connection() -> None:
    """As text, at the connection's own path."""
    with serving(lambda _: Answer(200)) as endpoint:
        WebSocketPush(client("apigatewaymanagementapi", endpoint.url)).post("AbC=", '{"event": "pong"}')

    assert endpoint.bodies == [b'{"event": "pong"}']
    assert endpoint.paths == ["/@connections/AbC%3D"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(410, b"{}", {"x-amzn-ErrorType": "GoneException"}), SubscriberGoneError),
        (Answer(429, b"{}", {"x-amzn-ErrorType": "LimitExceededException"}), StoreUnavailableError),
        (Answer(403, b"{}", {"x-amzn-ErrorType": "ForbiddenException"}), StoreUnavailableError),
        (Answer(500, b"{}"), StoreUnavailableError),
        (Answer(200, closes=True), StoreUnavailableError),
    ],
    ids=["gone", "busy", "forbidden", "500", "closed"],
)
def test_a_connection_that_is_gone_is_told_from_one_that_is_busy(
    answer: Answer, error: type[FerrymanError]
) -> None:
    """Only the first is forgotten."""
    with serving(lambda _: answer) as endpoint, pytest.raises(error):
        WebSocketPush(client("apigatewaymanagementapi", endpoint.url)).post("AbC=", "{}")


def test_confirm_is_started_without_waiting_for_it() -> None:
    """An asynchronous invocation, for one chain."""
    with serving(lambda _: Answer(202)) as endpoint:
        LambdaConfirmer(client("lambda", endpoint.url), "ferryman-confirm").start(ChainId(31337))

    assert [json.loads(body) for body in endpoint.bodies] == [{"chain_id": 31337}]
    assert endpoint.paths == ["/2015-03-31/functions/ferryman-confirm/invocations"]


def test_a_run_is_started_for_a_chain_and_told_whether_it_is_the_schedules() -> None:
    """Only that one measures."""
    with serving(lambda _: Answer(202, b"")) as endpoint:
        starter = LambdaConfirmer(client("lambda", endpoint.url), "ferryman-confirm")
        starter.start(ChainId(1))
        starter.start(ChainId(2), scheduled=True)

    assert [json.loads(body) for body in endpoint.bodies] == [
        {"chain_id": 1},
        {"chain_id": 2, "scheduled": True},
    ]


@pytest.mark.parametrize("answer", [Answer(429, b"{}"), Answer(404, b"{}"), Answer(200, closes=True)])
def test_a_confirm_that_cannot_be_started_is_told(answer: Answer) -> None:
    """The schedule starts it within a minute."""
    with serving(lambda _: answer) as endpoint, pytest.raises(StoreUnavailableError):
        LambdaConfirmer(client("lambda", endpoint.url), "ferryman-confirm").start(ChainId(1))


def test_an_aws_that_is_away_is_told_by_every_adapter() -> None:
    """Nobody listens on the port: each in its own terms."""
    url = f"http://{LOOPBACK}:{any_free_port()}"

    with pytest.raises(StoreUnavailableError):
        tables_at(url).get(Table.CURSORS, {"cursor": "1"})
    with pytest.raises(StoreUnavailableError):
        SqsQueue(client("sqs", url), lanes(f"{url}/0/q.fifo")).send([HINT])
    with pytest.raises(StoreUnavailableError):
        WebSocketPush(client("apigatewaymanagementapi", url)).post("a", "{}")
    with pytest.raises(StoreUnavailableError):
        LambdaConfirmer(client("lambda", url), "confirm").start(ChainId(1))
    with pytest.raises(StoreUnavailableError):
        SqsDeadLetters(client("sqs", url), {"submit": DeadLetterQueueUrls(f"{url}/0/q.fifo", None)}).counts()
    with pytest.raises(SignerUnavailableError):
        KmsSigner(client("kms", url), ["key"]).wallets()
