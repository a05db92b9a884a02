"""Webhooks on the deployed template: registered with a key, delivered to a real server, tried again."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.client import DynamoDbTables
from ferryman.domain.access import ApiKey, Role
from ferryman.domain.credentials import ApiKeyText, digest_of
from ferryman.domain.units import Instant
from ferryman_client import WebhookError, verify_webhook
from local.ports import LOOPBACK
from tests.e2e.stack import PATIENCE_SECONDS, Stack
from tests.e2e.test_permissions import as_role

IN_FORCE_SECONDS = 5.5
"""After which every function that tells of events has read what is registered."""


@dataclass
class Receiver:
    """A server that is told: keeps what it gets, and answers what it was told to."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def named(self, event: str, transaction_id: str | None = None) -> list[tuple[dict[str, str], bytes]]:
        """What was got of an event."""
        return [
            (headers, body)
            for headers, body in self.got
            if json.loads(body)["event"] == event
            and transaction_id in {None, json.loads(body).get("transaction_id")}
        ]


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    """Run a receiver on a free port; it answers 204 when it was told nothing else."""
    receiver = Receiver(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.got.append((dict(self.headers.items()), body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    receiver.url = f"http://{LOOPBACK}:{server.server_port}/hooks"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def outputs(stack: Stack) -> dict[str, str]:
    """Outputs of the deployed stack."""
    (described,) = stack.aws("cloudformation").describe_stacks(StackName=stack.description.stack_name)[
        "Stacks"
    ]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def key_of(stack: Stack, role: Role) -> dict[str, str]:
    """Make an API key as an operator does; give the header that carries it."""
    text = ApiKeyText.new()
    tables = DynamoDbTables(stack.aws("dynamodb"), {"access": outputs(stack)["AccessTableName"]})
    made = ApiKey(
        key_id=text.key_id,
        name="e2e",
        role=role,
        digest=digest_of(text.secret),
        created_at=Instant(int(time.time() * 1000)),
    )
    DynamoAccess(tables).put_api_key(made)
    return {"X-Api-Key": str(text)}


@pytest.fixture
def shop(stack: Stack) -> dict[str, str]:
    """The header of a service's key."""
    return key_of(stack, Role.SERVICE)


def register(stack: Stack, shop: dict[str, str], url: str, **filters: Any) -> dict[str, Any]:  # noqa: ANN401
    """Register a webhook."""
    answer = stack.http.post("/webhooks", json={"url": url} | filters, headers=shop)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    made: dict[str, Any] = answer.json()
    return made


def wait(is_so: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.3)


def test_a_payment_s_events_are_delivered_signed_and_logged(stack: Stack, shop: dict[str, str]) -> None:
    """Those that were asked for, of the senders that were named, once each, and nobody else can forge one."""
    payer, other = stack.payer(20), stack.payer(21)
    with receiving() as receiver:
        made = register(
            stack,
            shop,
            receiver.url,
            events=["payment_accepted", "payment_confirmed"],
            senders=[payer.address],
        )
        time.sleep(IN_FORCE_SECONDS)
        name = stack.post(payer.pay(1_000, deadline=stack.deadline())).json()["transaction_id"]
        stack.post(other.pay(1_000, deadline=stack.deadline()))
        wait(lambda: receiver.named("payment_confirmed", name))
        shown = stack.http.get(f"/webhooks/{made['webhook_id']}", headers=shop).json()

    told = [verify_webhook(made["secret"], headers, body) for headers, body in receiver.got]
    assert {(one.name, one.body["transaction_id"]) for one in told} == {
        ("payment_accepted", name),
        ("payment_confirmed", name),
    }
    assert len({one.delivery_id for one in told}) == 2
    with pytest.raises(WebhookError):
        verify_webhook("whsec_guessed", *receiver.got[0])
    assert {one["delivery_id"] for one in shown["deliveries"]} == {one.delivery_id for one in told}
    assert {one["outcome"] for one in shown["deliveries"]} == {"delivered"}
    assert "secret" not in shown


def test_a_receiver_that_fails_first_is_told_again_under_the_same_name(
    stack: Stack, shop: dict[str, str]
) -> None:
    """After ten seconds; the log says what it waits for, and then that it was taken."""
    with receiving(500) as receiver:
        made = register(stack, shop, receiver.url)
        route = f"/webhooks/{made['webhook_id']}"
        stack.http.post(f"{route}/test", headers=shop)
        wait(lambda: len(receiver.named("webhook_test")) == 1)
        wait(lambda: stack.http.get(route, headers=shop).json()["deliveries"])
        retrying = stack.http.get(route, headers=shop).json()
        wait(lambda: len(receiver.named("webhook_test")) == 2)
        wait(lambda: stack.http.get(route, headers=shop).json()["failing_since"] is None)
        delivered = stack.http.get(route, headers=shop).json()

    (first, again) = (verify_webhook(made["secret"], *got) for got in receiver.named("webhook_test"))
    assert first.delivery_id == again.delivery_id
    assert [(one["outcome"], one["answer"]) for one in retrying["deliveries"]] == [("retrying", "status 500")]
    assert retrying["failing_since"]
    assert [(one["outcome"], one["attempts"]) for one in delivered["deliveries"]] == [("delivered", 2)]


def test_a_rotated_secret_and_the_one_before_both_sign(stack: Stack, shop: dict[str, str]) -> None:
    """So receivers change one after the other."""
    with receiving() as receiver:
        made = register(stack, shop, receiver.url)
        route = f"/webhooks/{made['webhook_id']}"
        rotated = stack.http.post(f"{route}/rotate", headers=shop).json()
        stack.http.post(f"{route}/test", headers=shop)
        wait(lambda: receiver.got)

    ((headers, body),) = receiver.got
    assert rotated["secret"] != made["secret"]
    for secret in (made["secret"], rotated["secret"]):
        assert verify_webhook(secret, headers, body).name == "webhook_test"


def test_a_receiver_that_is_gone_is_told_nothing_more_until_it_is_enabled(
    stack: Stack, shop: dict[str, str]
) -> None:
    """410 disables the webhook; its owner sees why."""
    with receiving(410) as receiver:
        made = register(stack, shop, receiver.url)
        route = f"/webhooks/{made['webhook_id']}"
        stack.http.post(f"{route}/test", headers=shop)
        wait(lambda: stack.http.get(route, headers=shop).json()["status"] == "disabled")
        refused = stack.http.post(f"{route}/test", headers=shop)
        reason = stack.http.get(route, headers=shop).json()["disabled_reason"]
        enabled = stack.http.post(f"{route}/enable", headers=shop).json()
        removed = stack.http.delete(route, headers=shop)

    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
    assert (reason, enabled["status"]) == ("gone", "enabled")
    assert removed.status_code == httpx.codes.OK
    assert stack.http.get(route, headers=shop).status_code == httpx.codes.NOT_FOUND


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"X-Api-Key": "ferryman_wrong"}, 401), ({"X-Api-Key": "x" * 500}, 401)],
)
def test_nobody_registers_a_webhook_without_a_key(stack: Stack, headers: dict[str, str], status: int) -> None:
    """Neither with none nor with one that was never given."""
    answer = stack.http.post("/webhooks", json={"url": "https://example.com/"}, headers=headers)

    assert answer.status_code in {status, 403}, answer.text


def test_a_reader_s_key_registers_none_and_another_key_sees_none(stack: Stack, shop: dict[str, str]) -> None:
    """Roles and ownership hold at the deployed door."""
    with receiving() as receiver:
        made = stack.http.post("/webhooks", json={"url": receiver.url}, headers=shop).json()
    route = f"/webhooks/{made['webhook_id']}"

    as_reader = stack.http.post(
        "/webhooks", json={"url": "http://127.0.0.1/"}, headers=key_of(stack, Role.READER)
    )
    as_other = stack.http.get(route, headers=key_of(stack, Role.SERVICE))

    assert (as_reader.status_code, as_reader.json()["code"]) == (403, "not_allowed")
    assert (as_other.status_code, as_other.json()["code"]) == (404, "not_found")


def test_who_registers_cannot_open_secrets_and_who_delivers_cannot_seal_them(stack: Stack) -> None:
    """Shown once is a permission, not a promise."""
    kms = stack.aws("kms")
    (key,) = [
        one["KeyId"]
        for one in kms.list_keys()["Keys"]
        if "webhooks" in kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"]["Description"]
    ]
    context = {"webhook_id": "wh_1"}

    sealed = as_role(stack, "webhooks", "kms").encrypt(
        KeyId=key, Plaintext=b"secret", EncryptionContext=context
    )["CiphertextBlob"]
    opened = as_role(stack, "deliver", "kms").decrypt(CiphertextBlob=sealed, EncryptionContext=context)
    with pytest.raises(ClientError) as no_opening:
        as_role(stack, "webhooks", "kms").decrypt(CiphertextBlob=sealed, EncryptionContext=context)
    with pytest.raises(ClientError) as no_sealing:
        as_role(stack, "deliver", "kms").encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)

    assert opened["Plaintext"] == b"secret"
    for denied in (no_opening, no_sealing):
        assert "AccessDenied" in denied.value.response["Error"]["Code"]
