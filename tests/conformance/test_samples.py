"""The samples under events/: one per trigger and kind, each read by the code that reads the real ones."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.stream import inserted_events
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.eip4361 import SiweMessages
from ferryman.adapters.http.callers import api_key, bearer_token, caller_of, is_connection, ticket
from ferryman.adapters.http.requests import json_body, query_parameters
from ferryman.adapters.sqs import read_messages
from ferryman.domain.access import Challenge, Role
from ferryman.domain.credentials import ApiKeyText, is_secret
from ferryman.domain.events import Step
from ferryman.domain.transaction import Status
from ferryman.domain.units import Instant, Seconds, TransactionId
from ferryman.intents import KINDS
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.payment import PAYMENT
from ferryman.intents.settlement import SETTLEMENT
from ferryman.intents.x402.request import Phase, parsed
from ferryman.ports import NonceHint, TransactionHint
from ferryman.services.asking import after_sequence, list_request
from ferryman.services.reading import Reading
from ferryman.services.signin import SignIn
from ferryman.services.socket import Socket
from ferryman.services.topics import parsed_transaction_id
from tests.fakes.clock import FakeClock
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeLog, FakePush
from tests.support.forward_requests import forwarder_settings
from tests.support.meta_transactions import relay_settings
from tests.support.payments import CHAIN_ID, chain_settings
from tests.support.settlements import settlement_settings
from tests.support.template import ROOT, functions, rest_routes

WHEN: Final = 1_893_452_400_000
"""The moment that the samples name."""
EVENTS: Final = ROOT / "events"
SAMPLES: Final = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in EVENTS.glob("*.json")}
INTENT: Final = PAYMENT.parse(SAMPLES["payment"], {CHAIN_ID: chain_settings()})


def test_every_function_has_a_sample_and_every_sample_a_function() -> None:
    """By the first word of its name; the others are the bodies of the kinds."""
    named = {name.split("_")[0] for name in SAMPLES} - KINDS.keys()

    assert named == functions().keys()


def test_the_samples_of_rest_are_for_every_deployed_route() -> None:
    """Route and method, as API Gateway writes them."""
    # What the authorizer is asked about is another function's request.
    rest = {name: sample for name, sample in SAMPLES.items() if "resource" in sample and "type" not in sample}

    assert {
        (sample["httpMethod"].lower(), sample["resource"], name.split("_")[0])
        for name, sample in rest.items()
    } == rest_routes()


def test_ingest_reads_the_payment_out_of_its_event() -> None:
    """The body of the event is the sample of the kind."""
    assert json_body(SAMPLES["ingest"]) == SAMPLES["payment"]
    assert SAMPLES["ingest"]["resource"] == PAYMENT.path


@pytest.mark.parametrize(
    "name", ["ingest_meta_transaction", "ingest_service_meta_transaction", "x402_facilitate"]
)
def test_ingest_reads_the_meta_transaction_out_of_its_events(name: str) -> None:
    """By each route that takes one."""
    assert json_body(SAMPLES[name]) == SAMPLES["meta-transaction"]
    resource = SAMPLES[name]["resource"].removeprefix("/service")
    assert resource in {META_TRANSACTION.path, "/x402/facilitate"}


def test_ingest_reads_what_is_asked_before_a_meta_transaction_is_signed() -> None:
    """A draft of the sample, and a nonce for its user."""
    sample, settings = SAMPLES["meta-transaction"], relay_settings()

    draft = META_TRANSACTION.parse_draft(json_body(SAMPLES["ingest_draft"]), {settings.chain_id: settings})

    assert draft.call.data.hex().startswith(sample["calldata"].removeprefix("0x"))
    assert SAMPLES["ingest_nonce"]["pathParameters"]["user"] == sample["userAddress"] == draft.signer


def test_ingest_reads_what_is_asked_before_a_forward_request_is_signed() -> None:
    """A draft of the sample."""
    sample, settings = SAMPLES["forward-request"], forwarder_settings()
    body = json_body(SAMPLES["ingest_forward_draft"])

    draft = FORWARD_REQUEST.parse_draft(body, {settings.chain_id: settings})

    assert draft.call.data.hex().startswith(sample["data"].removeprefix("0x"))
    assert draft.signer == sample["from"]


@pytest.mark.parametrize("name", ["ingest_forward_request", "ingest_service_forward_request"])
def test_ingest_reads_the_forward_request_out_of_its_events(name: str) -> None:
    """By each route that takes one."""
    assert json_body(SAMPLES[name]) == SAMPLES["forward-request"]
    assert SAMPLES[name]["resource"].removeprefix("/service") == FORWARD_REQUEST.path


@pytest.mark.parametrize("name", ["ingest_settlement", "ingest_service_settlement"])
def test_ingest_reads_the_settlement_out_of_its_events(name: str) -> None:
    """By either route."""
    assert json_body(SAMPLES[name]) == SAMPLES["settlement"]
    assert SAMPLES[name]["resource"].removeprefix("/service") == SETTLEMENT.path


@pytest.mark.parametrize("name", ["x402_verify", "x402_settle", "x402_service_verify", "x402_service_settle"])
def test_x402_reads_the_settlement_out_of_its_events(name: str) -> None:
    """As a seller's server would have it verified and settled."""
    asked = parsed(json_body(SAMPLES[name]), {CHAIN_ID: settlement_settings()}, Phase.SETTLE)
    settlement = SETTLEMENT.parse(asked.body, {CHAIN_ID: settlement_settings()})

    sample = SETTLEMENT.parse(SAMPLES["settlement"], {CHAIN_ID: settlement_settings()})
    assert settlement.transaction_id == sample.transaction_id


def test_ingest_reads_the_same_payment_of_a_trusted_client() -> None:
    """By the route's prefix, with the role that the authorizer found."""
    assert json_body(SAMPLES["ingest_service"]) == SAMPLES["payment"]
    assert SAMPLES["ingest_service"]["resource"] == f"/service{PAYMENT.path}"
    assert caller_of(SAMPLES["ingest_service"]).has(Role.SERVICE)


def test_submit_reads_both_sorts_of_hints() -> None:
    """A transaction's and a nonce's; neither is malformed."""
    messages = read_messages(SAMPLES["submit"]["Records"])

    assert not messages.malformed
    transaction, nonce = messages.hints
    assert isinstance(transaction, TransactionHint)
    assert isinstance(nonce, NonceHint)
    assert transaction.transaction_id == INTENT.transaction_id


def test_deadletter_reads_a_message_that_came_often() -> None:
    """As SQS hands it over after the last try."""
    (hint,) = read_messages(SAMPLES["deadletter"]["Records"]).hints

    assert isinstance(hint, TransactionHint)
    assert hint.transaction_id == INTENT.transaction_id
    assert hint.redelivered


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("confirm", {"chain_id": CHAIN_ID}),
        ("confirm_schedule", {}),
        ("watch", {"chain_id": CHAIN_ID}),
        ("watch_schedule", {}),
    ],
)
def test_followers_are_started_with_or_without_a_chain(name: str, expected: Mapping[str, int]) -> None:
    """By a wake-up or a run before for one chain, or by the schedule for all."""
    assert SAMPLES[name] == expected


@pytest.mark.parametrize("step", ["confirm", "watch"])
def test_the_schedule_sends_what_the_sample_says(step: str) -> None:
    """The template's input is the sample."""
    schedule = functions()[step]["Events"]["EveryMinute"]["Properties"]

    assert json.loads(schedule["Input"]) == SAMPLES[f"{step}_schedule"]


def test_notify_reads_the_events_of_the_stream() -> None:
    """In DynamoDB's own notation."""
    ((sequence_number, event),) = inserted_events(SAMPLES["notify"])

    assert sequence_number == "111"
    assert (event.transaction_id, event.sequence, event.step) == (INTENT.transaction_id, 1, Step.ACCEPTED)
    assert event.name == PAYMENT.events[Step.ACCEPTED]
    assert event.status == Status.VALIDATED
    assert event.facts["assured"] is True


@pytest.mark.parametrize("change", ["MODIFY", "REMOVE"])
def test_notify_tells_only_what_is_new(change: str) -> None:
    """Events are immutable: anything else on their stream is somebody's repair."""
    records: Any = json.loads(json.dumps(SAMPLES["notify"]))
    records["Records"][0]["eventName"] = change

    assert list(inserted_events(records)) == []


def test_query_reads_the_id_of_a_record() -> None:
    """From the path."""
    for name in ("query_record", "query_events"):
        text = SAMPLES[name]["pathParameters"]["transaction_id"]
        assert parsed_transaction_id(text) == INTENT.transaction_id
    assert after_sequence(query_parameters(SAMPLES["query_events"])) == 1


def test_query_reads_the_parameters_of_a_list() -> None:
    """From the query string."""
    asked = list_request(query_parameters(SAMPLES["query_list"]))

    assert (asked.sender, asked.status, asked.limit) == (INTENT.sender, Status.PENDING, 20)


def test_signin_gives_a_token_for_the_sample_and_takes_it_back() -> None:
    """The message is really signed, for a challenge that was given a minute before."""
    access, clock = DynamoAccess(MemoryTables()), FakeClock(WHEN)
    signing = SignIn(
        access=access,
        messages=SiweMessages(),
        clock=clock,
        chain_ids={CHAIN_ID},
        session_seconds=Seconds(3_600),
    )
    origins = ("https://example.execute-api.us-east-1.amazonaws.com",)
    caller = caller_of(SAMPLES["signin_sign_out"])
    assert caller.address == INTENT.sender
    access.put_challenge(
        Challenge(
            nonce="SampleNonceOfASample01",
            address=INTENT.sender,
            chain_id=CHAIN_ID,
            expires_at=Instant(WHEN + 60_000),
        )
    )

    challenge = signing.challenge(json_body(SAMPLES["signin_challenge"]), origins=origins)
    given = signing.sign_in(json_body(SAMPLES["signin_sign_in"]), origins=origins)
    taken = signing.sign_out(caller, bearer_token(SAMPLES["signin_sign_out"]))

    assert challenge["address"] == given["address"] == taken["address"] == INTENT.sender
    assert caller_of(SAMPLES["signin_ticket"]) == caller


def test_the_authorizer_reads_what_a_request_carries() -> None:
    """A token or a key; the route is another function's."""
    token, key = SAMPLES["authorizer_token"], SAMPLES["authorizer_api_key"]

    assert is_secret(bearer_token(token) or "")
    assert api_key(token) is None
    assert ApiKeyText.parsed(api_key(key) or "")
    assert bearer_token(key) is None
    assert not is_connection(token)


def test_the_authorizer_reads_the_ticket_of_a_connection() -> None:
    """Out of the query string, since browsers can send no header."""
    assert is_connection(SAMPLES["authorizer_ticket"])
    assert is_secret(ticket(SAMPLES["authorizer_ticket"]) or "")


def answered(name: str) -> tuple[dict[str, Any], DynamoConnections, str]:
    """Send a sample message to the socket, and give its answer, the subscriptions and the connection."""
    tables, push = MemoryTables(), FakePush()
    connections = DynamoConnections(tables)
    socket = Socket(
        reading=Reading(
            kinds=KINDS,
            store=DynamoTransactions(tables),
            wallets=DynamoWallets(tables),
            leases=DynamoLeases(tables),
        ),
        connections=connections,
        push=push,
        clock=FakeClock(),
        log=FakeLog(),
    )
    connection = SAMPLES[name]["requestContext"]["connectionId"]
    socket.message(connection, SAMPLES[name]["body"])
    ((to, message),) = push.posted
    assert to == connection
    return json.loads(message), connections, connection


@pytest.mark.parametrize(
    ("name", "event", "is_subscribed"),
    [
        ("socket_subscribe", "subscribed", True),
        ("socket_unsubscribe", "unsubscribed", False),
        ("socket_ping", "pong", False),
    ],
)
def test_socket_answers_each_message(name: str, event: str, *, is_subscribed: bool) -> None:
    """And does what was asked."""
    answer, connections, connection = answered(name)

    topic = f"transaction:{INTENT.transaction_id}"
    assert answer["event"] == event
    assert connections.topics(connection) == ((topic,) if is_subscribed else ())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("socket_connect", "CONNECT"), ("socket_disconnect", "DISCONNECT"), ("socket_ping", "MESSAGE")],
)
def test_socket_tells_its_routes_apart_by_the_event_type(name: str, kind: str) -> None:
    """That is what the handler looks at."""
    assert SAMPLES[name]["requestContext"]["eventType"] == kind


def test_the_samples_are_of_one_transaction() -> None:
    """So that they can be sent one after the other; those of another kind are bodies of its own sample."""
    others = {name for name in SAMPLES if "settlement" in name or "x402" in name}
    of_payment = {name: sample for name, sample in SAMPLES.items() if name not in others}
    ids = {TransactionId(name) for name in _ids(json.dumps(of_payment))}

    assert ids == {INTENT.transaction_id}


def _ids(text: str) -> set[str]:
    signed = SAMPLES["payment"]["signature"].removeprefix("0x")
    words = text.replace(signed, "").replace("\\", "").replace(":0x", '"0x').split('"')
    return {word for word in words if word.startswith("0x") and len(word) == 66}
