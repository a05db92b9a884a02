"""The deployed handlers, imported as Lambda does, over moto's tables and queue and a chain that is away."""

import importlib.util
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from time import time
from types import ModuleType
from typing import Any, Final

import boto3
import pytest
from moto import mock_aws

from ferryman.adapters.dynamodb.client import DynamoDbTables
from ferryman.domain.access import Role
from local.ports import LOOPBACK, any_free_port
from tests.support.access import keyed
from tests.support.payments import (
    CHAIN_ID,
    ESCROW,
    PAYEE,
    PAYER,
    TOKEN,
    payment_message,
    request_body,
    signature_of,
)
from tests.support.permits import asked_up_to
from tests.support.template import ROOT, environment, functions, table_requests

REGION: Final = "us-east-1"
SAMPLES: Final = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "events").glob("*.json")
}
UNKNOWN: Final = "0x" + "00" * 32
UNNAMED_CHAIN: Final = CHAIN_ID + 1
"""Configured, and nobody has put its parameter with RPC addresses."""
Handle = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Context:
    """What Lambda tells a handler of its invocation."""

    function_name: str = "ferryman"
    function_version: str = "1"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:ferryman"
    aws_request_id: str = "11111111-1111-4111-8111-111111111111"
    tenant_id: str | None = None

    def get_remaining_time_in_millis(self) -> int:
        """Leave no time, so that confirm looks once."""
        return 10_500


@dataclass(frozen=True)
class Deployment:
    """Tables and a queue, and the environment of each step that names them."""

    queue_url: str
    delivery_queue_url: str
    webhook_key_id: str
    sqs: Any

    def load(
        self, step: str, patch: pytest.MonkeyPatch, *, chain_ids: Sequence[int] = (CHAIN_ID,)
    ) -> ModuleType:
        """Import a step's handler under its environment."""
        values = {
            "CHAINS": self.chains(chain_ids),
            "CHAIN_SETTINGS_PATH": "/ferryman/chains",
            "RPC_URLS_PATH": "/ferryman/chains",
            "SUBMIT_QUEUE_URL": self.queue_url,
            "EXPRESS_QUEUE_URL": self.queue_url,
            "CONFIRM_FUNCTION": "confirm",
            "DEAD_LETTER_QUEUE_URL": "dead",
            "WATCH_FUNCTION": "watch",
            "WALLET_KEY_IDS": "one",
            "WEBSOCKET_ENDPOINT": f"http://{LOOPBACK}:{any_free_port()}",
            "WEBSOCKET_URL": "ws://127.0.0.1/socket",
            "SIGN_IN_ORIGINS": "",
            "SESSION_SECONDS": "3600",
            "DEAD_LETTER_QUEUES": json.dumps({"submit": {"url": self.queue_url, "target": self.queue_url}}),
            "QUEUES": json.dumps({"submit": self.queue_url}),
            "EMPTY_QUEUES": json.dumps({"deliver": self.delivery_queue_url}),
            "ANY_WEBHOOK_TARGET": "true",
            "WEBHOOK_KEY_ID": self.webhook_key_id,
            "DELIVERY_QUEUE_URL": self.delivery_queue_url,
            "DELIVERY_DEAD_LETTER_QUEUE_URL": self.delivery_queue_url,
            "LOG_LEVEL": "CRITICAL",
            "RETENTION_DAYS": "30",
            "SETTLE_PATIENCE_MS": "10000",
            "DISCOVERY_RESOURCES": "[]",
            "FAUCET": "true",
            "POWERTOOLS_SERVICE_NAME": step,
        }
        for name in environment(step):
            patch.setenv(name, values.get(name, name.removesuffix("_TABLE").lower()))
        spec = importlib.util.spec_from_file_location(f"{step}_app", ROOT / "functions" / step / "app.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def chains(self, chain_ids: Iterable[int]) -> str:
        """Configure chains."""
        about = {"block_time_ms": 1000, "escrow": ESCROW, "tokens": [TOKEN]}
        return json.dumps([{"chain_id": chain_id, **about} for chain_id in chain_ids])

    def tables(self) -> DynamoDbTables:
        """Give the tables under the stores."""
        client: Any = boto3.client("dynamodb", region_name=REGION)
        return DynamoDbTables(client, {name: name for name in table_requests()})

    def messages(self) -> list[dict[str, Any]]:
        """Receive what was queued, as an SQS event's records."""
        answer = self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        return [
            {"messageId": one["MessageId"], "body": one["Body"], "attributes": one["Attributes"]}
            for one in answer.get("Messages", ())
        ]


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """Create the template's tables and queue."""
    with mock_aws():
        dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
        for name, definition in table_requests().items():
            dynamodb.create_table(TableName=name, **definition)
        sqs: Any = boto3.client("sqs", region_name=REGION)
        url = sqs.create_queue(QueueName="submit.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        # The chain's node is away: nothing here needs it.
        boto3.client("ssm", region_name=REGION).put_parameter(
            Name=f"/ferryman/chains/{CHAIN_ID}/rpc-urls",
            Value=json.dumps([f"http://{LOOPBACK}:{any_free_port()}"]),
            Type="SecureString",
        )
        deliveries = sqs.create_queue(QueueName="deliveries")["QueueUrl"]
        key: Any = boto3.client("kms", region_name=REGION).create_key()
        yield Deployment(url, deliveries, key["KeyMetadata"]["KeyId"], sqs)


@pytest.fixture
def handler(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Handle]:
    """Give the handler of any step."""

    def of(step: str) -> Handle:
        module = deployment.load(step, monkeypatch)
        return lambda event: module.handler(event, Context())

    return of


def post(**members: Any) -> dict[str, Any]:  # noqa: ANN401 (members of the message)
    """Give the event of a post of a payment that is valid now."""
    message = payment_message(deadline=int(time()) + 3_600, **members)
    event: dict[str, Any] = deepcopy(SAMPLES["ingest"])
    return event | {"body": json.dumps(request_body(message, signature_of(message)))}


def get(name: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (parts of the event)
    """Give the event of a read."""
    event: dict[str, Any] = deepcopy(SAMPLES[name])
    return event | changes


def body_of(answer: dict[str, Any]) -> dict[str, Any]:
    """Read an answer's body."""
    body: dict[str, Any] = json.loads(answer["body"])
    return body


def test_a_payment_is_accepted_queued_read_and_listed(
    handler: Callable[[str], Handle], deployment: Deployment
) -> None:
    """202, then 200; the record, its events and the list, all through the handlers."""
    ingest, query, event = handler("ingest"), handler("query"), post()

    first, again = ingest(event), ingest(event)
    record = body_of(first)
    name = {"transaction_id": record["transaction_id"]}
    read = query(get("query_record", pathParameters=name))
    events = query(get("query_events", pathParameters=name, queryStringParameters=None))
    listed = query(get("query_list", queryStringParameters={"sender": PAYER.address}))

    assert (first["statusCode"], again["statusCode"]) == (202, 200)
    assert record["status"] == "RECEIVED"
    assert body_of(again) == body_of(read) == record
    assert [one["event"] for one in body_of(events)["events"]] == ["payment_accepted"]
    assert [one["transaction_id"] for one in body_of(listed)["transactions"]] == [name["transaction_id"]]
    (message,) = deployment.messages()
    assert json.loads(message["body"])["transaction_id"] == name["transaction_id"]


def test_one_name_leads_from_the_request_to_every_line_about_its_payment(
    handler: Callable[[str], Handle],
    deployment: Deployment,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """In the answer, in the message, and in the lines of ingest and of submit."""
    ingest, submit = handler("ingest"), handler("submit")
    for step in ("ingest", "submit"):
        caplog.set_level(logging.INFO, step)
    event = post()
    event["headers"] |= {"X-Request-Id": "order-7"}

    answer = ingest(event)
    records = deployment.messages()
    submit({"Records": records})

    assert answer["headers"]["X-Request-Id"] == "order-7"
    assert json.loads(records[0]["body"])["correlation_id"] == "order-7"
    name = body_of(answer)["transaction_id"]
    about: list[Any] = [line for line in caplog.records if vars(line).get("transaction_id") == name]
    assert {line.name for line in about} == {"ingest", "submit"}
    assert {line.correlation_id for line in about} == {"order-7"}


def test_an_invocation_writes_its_metrics_at_its_end(
    handler: Callable[[str], Handle], capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what was accepted, of what was refused, and of the endpoint that did not answer."""
    ingest = handler("ingest")
    ingest(post())
    ingest(get("ingest", body="{"))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    emf = [line for line in lines if "_aws" in line]
    assert sum(line.get("Accepted", 0) for line in emf) == 1
    assert [line["code"] for line in emf if line.get("Refused")] == ["malformed_request"]
    assert sum(line.get("RpcErrors", 0) for line in emf) > 0
    assert all(line["deployment"] == "deployment" for line in emf)
    assert sum("AcceptanceTime" in line for line in emf) == 2


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        (get("ingest"), 422, "invalid_fields"),
        (post(to=PAYER.address), 422, "invalid_fields"),
        (get("ingest", body="{}"), 422, "invalid_fields"),
        (get("ingest", body="{"), 400, "malformed_request"),
        (get("ingest", body=None), 400, "malformed_request"),
        (get("ingest", headers=None), 415, "unsupported_media_type"),
        (get("ingest", body="x" * 10**6), 413, "request_too_large"),
        (post() | {"body": post()["body"].replace(PAYEE, "0x" + "14" * 20)}, 503, "chain_unavailable"),
    ],
    ids=["far deadline", "to the payer", "empty", "no json", "no body", "no type", "large", "wrong signer"],
)
def test_a_bad_request_is_a_problem(
    handler: Callable[[str], Handle],
    deployment: Deployment,
    event: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """Nothing is queued. A signature that is not the payer's may still be a contract wallet's: ask later."""
    answer = handler("ingest")(event)

    assert (answer["statusCode"], body_of(answer)["code"]) == (status, code)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert not deployment.messages()


def test_a_fee_is_quoted_by_the_function_that_takes_the_payment(handler: Callable[[str], Handle]) -> None:
    """Nothing is charged here, so the chain that is away is not asked."""
    ingest, sample = handler("ingest"), SAMPLES["ingest_quote"]
    asked = json.loads(sample["body"]) | {"token": TOKEN}

    quoted = ingest({**sample, "body": json.dumps(asked)})
    refused = ingest({**sample, "body": json.dumps({**asked, "kind": "other"})})

    assert (quoted["statusCode"], body_of(quoted)["fee"]) == (200, "0")
    assert (refused["statusCode"], body_of(refused)["code"]) == (422, "invalid_fields")
    assert refused["headers"]["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        (get("query_record", pathParameters={"transaction_id": UNKNOWN}), 404, "not_found"),
        (get("query_events", pathParameters={"transaction_id": UNKNOWN}), 404, "not_found"),
        (get("query_record", pathParameters={"transaction_id": "1"}), 422, "invalid_fields"),
        (get("query_list", queryStringParameters=None), 422, "invalid_fields"),
        (get("query_list", queryStringParameters={"sender": PAYEE, "cursor": "x"}), 422, "invalid_fields"),
        (get("query_health", resource="/elsewhere"), 404, "not_found"),
    ],
)
def test_a_bad_read_is_a_problem(
    handler: Callable[[str], Handle], event: dict[str, Any], status: int, code: str
) -> None:
    """The read side's own refusals."""
    answer = handler("query")(event)

    assert (answer["statusCode"], body_of(answer)["code"]) == (status, code)


def test_health_readiness_and_the_document_are_answered(handler: Callable[[str], Handle]) -> None:
    """Without any payment yet."""
    query = handler("query")

    names = ("query_health", "query_ready", "query_openapi", "query_chains")
    answers = [query(get(name)) for name in names]

    assert [answer["statusCode"] for answer in answers] == [200, 200, 200, 200]
    assert body_of(answers[0]) == {"status": "ok"}
    assert body_of(answers[1]) == {"status": "ready", "chains": [{"chain_id": CHAIN_ID, "head": None}]}
    assert body_of(answers[2])["openapi"].startswith("3.1")
    assert body_of(answers[3])["chains"][0]["escrow"] == ESCROW


@pytest.mark.parametrize("step", ["query", "ingest"])
def test_without_its_tables_a_function_is_unavailable(handler: Callable[[str], Handle], step: str) -> None:
    """503, and when to come back: not ready, and not lost either."""
    handle = handler(step)
    dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
    for name in table_requests():
        dynamodb.delete_table(TableName=name)

    answer = handle(post() if step == "ingest" else get("query_ready"))

    assert (answer["statusCode"], body_of(answer)["code"]) == (503, "store_unavailable")
    assert int(answer["headers"]["Retry-After"]) > 0


@pytest.mark.parametrize("step", [step for step in functions() if "RPC_URLS_PATH" in environment(step)])
def test_a_chain_without_its_parameter_stops_no_function(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Other chains need it too."""
    assert deployment.load(step, monkeypatch, chain_ids=(UNNAMED_CHAIN, CHAIN_ID)).handler


def test_a_chain_whose_settings_are_stored_takes_payments_and_is_offered(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows the chains reads them, in the version that the deployment names and not the newest."""
    stored, store = json.loads(deployment.chains([1]))[0], boto3.client("ssm", region_name=REGION)
    del stored["chain_id"]
    for changes in ({}, {"escrow": TOKEN}):
        store.put_parameter(
            Name=f"/ferryman/chains/{UNNAMED_CHAIN}/settings",
            Value=json.dumps(stored | changes),
            Type="String",
            Overwrite=True,
        )
    listed = json.dumps([{"chain_id": UNNAMED_CHAIN, "settings": 1}])
    monkeypatch.setattr(Deployment, "chains", lambda *_: listed)
    message = payment_message(deadline=int(time()) + 3_600)
    signature = signature_of(message, chain_id=UNNAMED_CHAIN)
    body = request_body(message, signature) | {"chain_id": UNNAMED_CHAIN}

    posted = deployment.load("ingest", monkeypatch).handler(
        deepcopy(SAMPLES["ingest"]) | {"body": json.dumps(body)}, Context()
    )

    assert (posted["statusCode"], body_of(posted)["status"]) == (202, "RECEIVED")
    for step in ("query", "socket", "signin", "retain"):
        assert deployment.load(step, monkeypatch).handler


def test_a_chain_without_its_parameter_is_as_one_whose_endpoints_are_down(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is posted on it is RECEIVED, health names the parameter, and the other chain goes on."""
    ingest, health = (
        deployment.load(step, monkeypatch, chain_ids=(UNNAMED_CHAIN, CHAIN_ID))
        for step in ("ingest", "health")
    )
    message = payment_message(deadline=int(time()) + 3_600)
    signature = signature_of(message, chain_id=UNNAMED_CHAIN)
    body = request_body(message, signature) | {"chain_id": UNNAMED_CHAIN}

    posted = ingest.handler(deepcopy(SAMPLES["ingest"]) | {"body": json.dumps(body)}, Context())
    on_the_other = ingest.handler(post(), Context())
    looked = body_of(health.handler(get("health_deep"), Context()))

    assert (posted["statusCode"], body_of(posted)["status"]) == (202, "RECEIVED")
    assert on_the_other["statusCode"] == 202
    (reason,) = [one["reason"] for one in looked["dependencies"] if one["name"] == f"rpc {UNNAMED_CHAIN}/1"]
    assert f"parameter /ferryman/chains/{UNNAMED_CHAIN}/rpc-urls does not exist" in reason


def test_submit_takes_a_batch_whole(handler: Callable[[str], Handle], deployment: Deployment) -> None:
    """With the chain away the row waits, and its message is done with; what is no hint is given back."""
    handler("ingest")(post())
    records = [*deployment.messages(), deepcopy(SAMPLES["submit"]["Records"][1])]
    records[1] |= {"body": "poison", "messageId": "poison"}

    answer = handler("submit")({"Records": records})

    assert answer == {"batchItemFailures": [{"itemIdentifier": "poison"}]}
    (row,) = body_of(handler("query")(get("query_list", queryStringParameters={"sender": PAYER.address})))[
        "transactions"
    ]
    assert row["status"] == "RECEIVED"
    assert row["waiting_for"]
    assert row["next_attempt_at"]


def test_deadletter_settles_its_messages(handler: Callable[[str], Handle]) -> None:
    """A message without a row is an alarm, and is not kept for ever; nor is poison."""
    event = deepcopy(SAMPLES["deadletter"])
    event["Records"].append(event["Records"][0] | {"body": "poison", "messageId": "poison"})

    assert handler("deadletter")(event) == {"batchItemFailures": []}


def test_confirm_follows_what_it_was_asked_to(handler: Callable[[str], Handle]) -> None:
    """One chain, all chains, and none that it does not know; with the chain away it ends in peace."""
    confirm = handler("confirm")

    for event in (SAMPLES["confirm"], SAMPLES["confirm_schedule"], {"chain_id": 1}):
        assert confirm(event) is None


def test_watch_follows_what_it_was_asked_to(handler: Callable[[str], Handle]) -> None:
    """As confirm: with the chain away it ends in peace, and the schedule tries again."""
    watch = handler("watch")

    for event in (SAMPLES["watch"], SAMPLES["watch_schedule"], {"chain_id": 1}):
        assert watch(event) is None


def test_notify_tells_nobody_when_nobody_listens(handler: Callable[[str], Handle]) -> None:
    """And gives nothing back to the stream."""
    assert handler("notify")(SAMPLES["notify"]) == {"batchItemFailures": []}


A_READER = {"requestId": "r", "authorizer": {"name": "key:r", "role": "reader"}}


def of_webhook(name: str, webhook_id: str) -> dict[str, Any]:
    """Give a sample for one webhook."""
    return get(f"webhooks_{name}", pathParameters={"webhook_id": webhook_id})


@pytest.fixture
def webhooks(handler: Callable[[str], Handle]) -> Handle:
    """Give the handler of webhooks."""
    return handler("webhooks")


def test_a_webhook_is_registered_shown_rotated_tested_and_removed(
    webhooks: Handle, deployment: Deployment
) -> None:
    """Through the handler, by the samples."""
    event = get("webhooks_register", body=json.dumps({"url": "http://127.0.0.1:1/hooks"}))

    made = webhooks(event)
    webhook_id = body_of(made)["webhook_id"]
    shown = webhooks(of_webhook("get", webhook_id))
    listed = webhooks(get("webhooks_list"))
    rotated = webhooks(of_webhook("rotate", webhook_id))
    tested = webhooks(of_webhook("test", webhook_id))
    enabled = webhooks(of_webhook("enable", webhook_id))
    removed = webhooks(of_webhook("remove", webhook_id))
    gone = webhooks(of_webhook("get", webhook_id))

    answers = [made, shown, listed, rotated, tested, enabled, removed, gone]
    assert [answer["statusCode"] for answer in answers] == [201, 200, 200, 200, 202, 200, 200, 404]
    assert body_of(rotated)["secret"] != body_of(made)["secret"]
    assert "secret" not in body_of(shown) | body_of(listed)["webhooks"][0]
    (message,) = deployment.sqs.receive_message(QueueUrl=deployment.delivery_queue_url)["Messages"]
    assert json.loads(message["Body"])["delivery_id"] == body_of(tested)["delivery_id"]


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"body": "{"}, 400, "malformed_request", "body"),
        ({"body": "{}"}, 422, "invalid_fields", "url"),
        ({"body": '{"url": "gopher://127.0.0.1/"}'}, 422, "invalid_fields", "url"),
        ({"body": '{"url": "http://127.0.0.1/", "events": ["nothing"]}'}, 422, "invalid_fields", "events"),
        ({"body": '{"url": "http://127.0.0.1/", "secret": "mine"}'}, 422, "invalid_fields", "secret"),
        ({"headers": {}}, 415, "unsupported_media_type", "Content-Type"),
        ({"requestContext": {"requestId": "r"}}, 403, "not_allowed", "X-Api-Key"),
        ({"requestContext": A_READER}, 403, "not_allowed", "X-Api-Key"),
        ({"requestContext": A_READER, "body": "{}"}, 403, "not_allowed", "X-Api-Key"),
        ({"resource": "/webhooks/{webhook_id}/dance"}, 404, "not_found", None),
    ],
)
def test_a_bad_registration_is_a_problem(
    webhooks: Handle, changes: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    """It names the field."""
    answer = webhooks(get("webhooks_register", **changes))

    body = body_of(answer)
    assert (answer["statusCode"], body["code"]) == (status, code)
    assert [one["field"] for one in body["errors"]][:1] == ([field] if field else [])


def test_a_webhook_that_cannot_be_stored_is_not_there(webhooks: Handle) -> None:
    """503, and no secret is shown that nobody keeps."""
    boto3.client("dynamodb", region_name=REGION).delete_table(TableName="webhooks")

    answer = webhooks(get("webhooks_register", body='{"url": "http://127.0.0.1/"}'))

    assert (answer["statusCode"], body_of(answer)["code"]) == (503, "store_unavailable")
    assert "secret" not in body_of(answer)


def test_deliver_drops_what_is_for_nobody_and_gives_back_what_is_no_delivery(
    handler: Callable[[str], Handle],
) -> None:
    """The webhook of the sample was never registered; poison goes the way of the dead letters."""
    event = deepcopy(SAMPLES["deliver"])
    event["Records"].append(event["Records"][0] | {"body": "poison", "messageId": "poison"})

    assert handler("deliver")(event) == {"batchItemFailures": [{"itemIdentifier": "poison"}]}


def test_notify_gives_back_what_it_could_not_tell(handler: Callable[[str], Handle]) -> None:
    """From there on, by the stream's own sequence number."""
    handle = handler("notify")
    dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
    dynamodb.delete_table(TableName="connections")

    assert handle(SAMPLES["notify"]) == {"batchItemFailures": [{"itemIdentifier": "111"}]}


@pytest.mark.parametrize(
    "name", ["socket_connect", "socket_subscribe", "socket_ping", "socket_unsubscribe", "socket_disconnect"]
)
def test_socket_serves_each_of_its_routes(handler: Callable[[str], Handle], name: str) -> None:
    """Also when the answer cannot be posted, as here."""
    assert handler("socket")(SAMPLES[name]) == {"statusCode": 200}


def test_the_authorizer_allows_whom_it_knows_and_denies_anybody_else(
    handler: Callable[[str], Handle], deployment: Deployment
) -> None:
    """A key that was made is known; the keys, tokens and tickets of the samples are not."""
    authorizer = handler("authorizer")
    text = keyed(deployment.tables(), Role.SERVICE)
    asked = get("authorizer_api_key", headers={"X-Api-Key": text}, multiValueHeaders=None)

    allowed = authorizer(asked)
    denied = authorizer(SAMPLES["authorizer_ticket"])
    for name in ("authorizer_token", "authorizer_api_key"):
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            authorizer(SAMPLES[name])

    assert allowed["context"]["role"] == "service"
    assert allowed["usageIdentifierKey"] == allowed["context"]["name"].removeprefix("key:")
    effects = [one["policyDocument"]["Statement"][0]["Effect"] for one in (allowed, denied)]
    assert effects == ["Allow", "Deny"]


def test_a_subscription_ends_with_its_connection(handler: Callable[[str], Handle]) -> None:
    """Both directions of it, and who it was; that somebody listened to its topic stays, and expires."""
    socket = handler("socket")
    dynamodb: Any = boto3.client("dynamodb", region_name=REGION)

    counts = []
    for name in ("socket_connect", "socket_subscribe", "socket_disconnect"):
        socket(SAMPLES[name])
        counts.append(dynamodb.scan(TableName="connections")["Count"])

    assert counts == [1, 4, 1]


# -- operators ----------------------------------------------------------------------------------


def test_an_operator_sees_pauses_retries_and_resumes_through_the_handler(
    handler: Callable[[str], Handle], deployment: Deployment
) -> None:
    """Each route of admin, with the samples of `events/`."""
    ingest, admin = handler("ingest"), handler("admin")
    name = {"transaction_id": body_of(ingest(post()))["transaction_id"]}

    paused = admin(get("admin_pause"))
    status = body_of(admin(get("admin_status")))
    shown = body_of(admin(get("admin_transaction", pathParameters=name)))
    listed = body_of(admin(get("admin_transactions", queryStringParameters=None)))
    retried = admin(get("admin_retry", pathParameters=name))
    resumed = body_of(admin(get("admin_resume")))

    assert paused["statusCode"] == retried["statusCode"] == 200
    operator = SAMPLES["admin_pause"]["requestContext"]["identity"]["userArn"]
    assert [pause["by"] for pause in status["paused"]] == [operator]
    assert status["chains"][0]["waiting"] == 1
    assert shown["record"]["transaction_id"] == name["transaction_id"]
    assert [one["transaction_id"] for one in listed["transactions"]] == [name["transaction_id"]]
    assert resumed["was_paused"]
    assert len(deployment.messages()) == 2
    assert body_of(admin(get("admin_wallets"))) == {"wallets": []}
    assert admin(get("admin_wallet_state"))["statusCode"] == 404
    assert admin(get("admin_wallet_reset"))["statusCode"] == 404
    assert admin(get("admin_wallet_sweep"))["statusCode"] == 404


def test_dead_letters_are_shown_and_sent_back_through_the_handler(
    handler: Callable[[str], Handle], deployment: Deployment
) -> None:
    """Looked at, then redriven: here into the very queue they came from."""
    admin = handler("admin")
    deployment.sqs.send_message(
        QueueUrl=deployment.queue_url, MessageBody="a", MessageGroupId="g", MessageDeduplicationId="d"
    )

    shown = body_of(admin(get("admin_deadletters")))
    still = body_of(admin(get("admin_deadletters")))

    assert [message["body"] for message in shown["queues"][0]["messages"]] == ["a"]
    assert still["queues"][0]["visible"] == 1


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        (get("admin_status", resource="/admin/nothing"), 404, "not_found"),
        (get("admin_status", httpMethod="DELETE"), 404, "not_found"),
        (get("admin_transaction"), 404, "not_found"),
        (get("admin_transaction", pathParameters={"transaction_id": "0x1"}), 422, "invalid_fields"),
        (get("admin_retry"), 404, "not_found"),
        (get("admin_transactions", queryStringParameters={"status": "x"}), 422, "invalid_fields"),
        (get("admin_pause", body="{"), 400, "malformed_request"),
        (get("admin_pause", body='{"chain_id": 5}'), 422, "invalid_fields"),
        (get("admin_redrive", body='{"queue": "x"}'), 422, "invalid_fields"),
    ],
)
def test_an_operators_mistake_is_answered_clearly(
    handler: Callable[[str], Handle], event: dict[str, Any], status: int, code: str
) -> None:
    """As everybody's are."""
    answer = handler("admin")(event)

    assert (answer["statusCode"], body_of(answer)["code"]) == (status, code)


def test_health_asks_everything_and_metrics_tells_the_sums(handler: Callable[[str], Handle]) -> None:
    """503 with the list: the chain is away and the key unknown; the tables and the queue are well."""
    handler("notify")(SAMPLES["notify"])
    health = handler("health")

    deep, metrics = health(get("health_deep")), health(get("health_metrics"))

    found = {one["name"]: one["status"] for one in body_of(deep)["dependencies"]}
    assert deep["statusCode"] == 503
    assert {name for name, status in found.items() if status == "failed"} == {
        f"rpc {CHAIN_ID}/1",
        "wallet key 1",
        f"confirm {CHAIN_ID}",
        f"watch {CHAIN_ID}",
    }
    assert {"table transactions", "table cursors", "queue submit", "dead letters deliver"} <= found.keys()
    assert metrics["headers"]["Content-Type"].startswith("text/plain")
    assert f'ferryman_accepted_total{{chain_id="{CHAIN_ID}",kind="payment"}} 1.0' in metrics["body"]


@pytest.mark.parametrize("name", ["health_deep", "health_metrics"])
def test_health_is_for_readers(handler: Callable[[str], Handle], name: str) -> None:
    """Whoever comes without a role gets neither."""
    event = get(name)
    del event["requestContext"]["authorizer"]["role"]

    answer = handler("health")(event)

    assert (answer["statusCode"], body_of(answer)["code"]) == (403, "not_allowed")


def test_only_a_sellers_key_opens_the_scheme_whose_amount_nobody_has_signed(
    handler: Callable[[str], Handle],
) -> None:
    """Everybody is refused by the scheme; a known seller only because nothing is settled on that chain."""
    x402 = handler("x402")
    asked = {"body": json.dumps(asked_up_to())}

    opened = [x402(get(f"x402_{route}", **asked)) for route in ("verify", "settle")]
    known = [x402(get(f"x402_service_{route}", **asked)) for route in ("verify", "settle")]

    assert [answer["statusCode"] for answer in opened + known] == [200] * 4
    assert reasons(opened) == ["unsupported_scheme"] * 2
    assert reasons(known) == ["invalid_network"] * 2
    assert x402(get("x402_service_supported"))["statusCode"] == 200


@pytest.mark.parametrize("role", ["reader", None])
@pytest.mark.parametrize(
    ("step", "name"),
    [
        ("x402", "x402_service_verify"),
        ("x402", "x402_service_settle"),
        ("x402", "x402_service_supported"),
        ("ingest", "ingest_service_upto_transfer"),
    ],
)
def test_a_key_without_the_role_opens_no_sellers_route(
    handler: Callable[[str], Handle], step: str, name: str, role: str | None
) -> None:
    """Nor does a token of somebody who has signed in, which has no role at all."""
    event = get(name)
    event["requestContext"]["authorizer"]["role"] = role

    answer = handler(step)(event)

    assert (answer["statusCode"], body_of(answer)["code"]) == (403, "not_allowed")


def reasons(answers: Iterable[dict[str, Any]]) -> list[str]:
    """Read why the facilitator refuses, whatever it was asked."""
    bodies = [body_of(answer) for answer in answers]
    return [body.get("invalidReason") or body["errorReason"] for body in bodies]


def test_a_chain_without_a_faucet_says_so(handler: Callable[[str], Handle]) -> None:
    """By the deployed handler, from an address that only the gateway names."""
    answer = handler("x402")(get("x402_faucet"))

    assert (answer["statusCode"], body_of(answer)["code"]) == (404, "not_found")
    assert [one["field"] for one in body_of(answer)["errors"]] == ["chain_id"]
