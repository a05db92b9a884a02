"""Telling: pushes to subscribers, and the answers of the WebSocket API."""

import json
from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.access import ANONYMOUS, Caller, Role
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import Address, Milliseconds
from ferryman.intents import KINDS
from ferryman.services.notify import Notify
from ferryman.services.reading import Reading
from ferryman.services.socket import MOST_TOPICS, Socket
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.talk import FakeLog, FakePush
from tests.fakes.webhooks import memory_fanout
from tests.fakes.workers import OneByOne
from tests.support.away import AwayTables

ME = "connection-1"
READER = Caller(name="key:1", role=Role.READER)


class Client:
    """A WebSocket client with the services behind it."""

    def __init__(self, memory: MemoryWorld, *, caller: Caller = READER) -> None:
        self.memory = memory
        self.push = FakePush()
        world = memory.world
        reading = Reading(
            kinds=KINDS,
            store=world.store,
            wallets=DynamoWallets(world.tables),
            leases=DynamoLeases(world.tables),
        )
        shared: dict[str, Any] = {
            "connections": world.connections,
            "push": self.push,
            "clock": memory.clock,
            "log": FakeLog(),
        }
        self.socket = Socket(reading=reading, **shared)
        fanout = memory_fanout(world.tables, memory.clock)
        self.notify = Notify(fanout=fanout, workers=OneByOne(), **shared, metrics=world.metrics)
        self.socket.connected(ME, caller)

    def says(self, message: object) -> dict[str, Any]:
        """Send a message; give the answer."""
        self.socket.message(ME, message if isinstance(message, str) else json.dumps(message))
        connection, answer = self.push.posted.pop()
        assert connection == ME
        parsed: dict[str, Any] = json.loads(answer)
        return parsed

    def told(self, transaction_id: str, *, after: int = 0) -> list[str]:
        """Tell the transaction's events; give what arrives."""
        self.notify(self.memory.world.store.events(transaction_id, after=after))  # type: ignore[arg-type]
        arrived = [json.loads(message)["event"] for _, message in self.push.posted]
        self.push.posted.clear()
        return arrived


def posted(memory: MemoryWorld) -> str:
    """Post one payment; give its id."""
    body = memory.payers[0].pay(1_000, deadline=memory.deadline())
    return memory.world.post(body).transaction.transaction_id


def test_ping_is_answered_with_pong() -> None:
    """A client can see that somebody is there."""
    assert Client(memory_world()).says({"action": "ping"}) == {"event": "pong"}


def test_subscribing_answers_with_the_record_and_its_events() -> None:
    """Nothing falls between the subscription and the present."""
    memory = memory_world()
    client, name = Client(memory), posted(memory)

    answer = client.says({"action": "subscribe", "topic": f"transaction:{name}"})

    assert (answer["event"], answer["topic"]) == ("subscribed", f"transaction:{name}")
    assert (answer["record"]["transaction_id"], answer["record"]["status"]) == (name, "VALIDATED")
    assert [event["event"] for event in answer["events"]] == ["payment_accepted"]
    memory.world.settle()
    assert client.told(name, after=1) == ["payment_pending", "payment_confirmed"]


def test_a_client_that_comes_back_gets_what_it_missed() -> None:
    """`after` is the last sequence number it saw."""
    memory = memory_world()
    client, name = Client(memory), posted(memory)
    memory.world.settle()

    answer = client.says({"action": "subscribe", "topic": f"transaction:{name}", "after": 1})

    assert [event["sequence"] for event in answer["events"]] == [2, 3]
    assert answer["record"]["status"] == "CONFIRMED"


def test_a_client_may_subscribe_before_it_posts() -> None:
    """The id is the digest: known before anybody has seen the message."""
    memory = memory_world()
    client = Client(memory)
    body = memory.payers[0].pay(1_000, deadline=memory.deadline())
    name = KINDS["payment"].parse(body, {31337: memory.world.settings}).transaction_id  # type: ignore[dict-item]

    answer = client.says({"action": "subscribe", "topic": f"transaction:{name}"})
    memory.world.post(body)

    assert (answer["record"], answer["events"]) == (None, [])
    assert client.told(name) == ["payment_accepted"]


def test_a_sender_topic_tells_all_of_a_sender_and_nothing_of_others() -> None:
    """Each event once, also to a client on two topics of it."""
    memory = memory_world()
    client, name = Client(memory), posted(memory)
    other = memory.world.post(memory.payers[1].pay(1_000, deadline=memory.deadline())).transaction
    sender = memory.payers[0].address

    answer = client.says({"action": "subscribe", "topic": f"sender:{sender.lower()}"})
    client.says({"action": "subscribe", "topic": f"transaction:{name}"})

    assert answer["topic"] == f"sender:{sender}"
    assert [record["transaction_id"] for record in answer["records"]] == [name]
    assert client.told(name) == ["payment_accepted"]
    assert client.told(other.transaction_id) == []


def test_a_sender_topic_is_closed_to_others_than_its_sender() -> None:
    """To the anonymous, and to who signed in as another; single transactions stay open."""
    memory = memory_world()
    name, (payer, other) = posted(memory), memory.payers[:2]
    topic = {"action": "subscribe", "topic": f"sender:{payer.address}"}
    mine, theirs = (
        Caller(name=f"address:{one.address}", address=Address(one.address)) for one in (payer, other)
    )

    for caller in (ANONYMOUS, theirs):
        client = Client(memory, caller=caller)
        refused = client.says(topic)
        assert (refused["event"], refused["code"]) == ("error", "not_allowed")
        assert [error["field"] for error in refused["errors"]] == ["topic"]
        assert client.told(name) == []
        assert client.says({"action": "subscribe", "topic": f"transaction:{name}"})["event"] == "subscribed"
        client.socket.disconnected(ME)
    assert Client(memory, caller=mine).says(topic)["event"] == "subscribed"


def test_who_opened_a_connection_is_forgotten_with_it() -> None:
    """API Gateway may give its id again."""
    memory = memory_world()
    client = Client(memory)
    topic = {"action": "subscribe", "topic": f"sender:{memory.payers[0].address}"}

    client.socket.disconnected(ME)

    assert client.says(topic)["code"] == "not_allowed"


def test_a_connection_whose_owner_cannot_be_kept_is_not_opened() -> None:
    """Its owner would believe to be somebody."""
    client = Client(memory_world())
    object.__setattr__(client.socket, "connections", DynamoConnections(AwayTables()))

    with pytest.raises(StoreUnavailableError):
        client.socket.connected(ME, READER)
    client.socket.connected(ME, ANONYMOUS)


def test_after_unsubscribing_nothing_arrives() -> None:
    """And the answer says so."""
    memory = memory_world()
    client, name = Client(memory), posted(memory)
    client.says({"action": "subscribe", "topic": f"transaction:{name}"})

    answer = client.says({"action": "unsubscribe", "topic": f"transaction:{name}"})

    assert answer["event"] == "unsubscribed"
    assert client.told(name) == []


@pytest.mark.parametrize("leaves", ["properly", "without a word", "two hours ago"])
def test_a_connection_that_is_gone_is_forgotten(leaves: str) -> None:
    """$disconnect is best effort; the push or the time limit finds out otherwise."""
    memory = memory_world()
    client, name = Client(memory), posted(memory)
    client.says({"action": "subscribe", "topic": f"transaction:{name}"})

    match leaves:
        case "properly":
            client.socket.disconnected(ME)
        case "without a word":
            client.push.gone.add(ME)
        case _:
            memory.clock.sleep(Milliseconds(2 * 60 * 60 * 1_000 + 1_000))

    assert client.told(name) == []
    now = memory.clock.now()
    assert memory.world.connections.subscribers(f"transaction:{name}", now=now) == ()


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("not json", "malformed_request", None),
        ("[1]", "malformed_request", None),
        ("[" * 4_000, "malformed_request", None),
        ("[" * 100_000, "request_too_large", "body"),
        ({"action": "dance"}, "unknown_action", "action"),
        ({"topic": "transaction:0x"}, "unknown_action", "action"),
        ({"action": ["subscribe"]}, "unknown_action", "action"),
        ({"action": "subscribe"}, "invalid_fields", "topic"),
        ({"action": "subscribe", "topic": "transaction:0x12"}, "invalid_fields", "topic"),
        ({"action": "subscribe", "topic": "sender:0x12"}, "invalid_fields", "topic"),
        ({"action": "subscribe", "topic": "orders"}, "invalid_fields", "topic"),
        (
            {"action": "subscribe", "topic": "transaction:0x" + "0" * 64, "after": -1},
            "invalid_fields",
            "after",
        ),
        (
            {"action": "subscribe", "topic": "transaction:0x" + "0" * 64, "after": True},
            "invalid_fields",
            "after",
        ),
        ({"action": "ping", "loud": True}, "invalid_fields", "loud"),
    ],
)
def test_a_bad_message_gets_an_error_and_not_silence(message: object, code: str, field: str | None) -> None:
    """With the field and the reason."""
    answer = Client(memory_world()).says(message)

    assert (answer["event"], answer["code"]) == ("error", code)
    assert [error["field"] for error in answer["errors"]] == ([] if field is None else [field])


def test_a_connection_can_listen_to_many_topics_but_not_to_any_number() -> None:
    """One client cannot fill the table."""
    client = Client(memory_world())
    for number in range(MOST_TOPICS):
        topic = f"transaction:0x{number:064x}"
        assert client.says({"action": "subscribe", "topic": topic})["event"] == "subscribed"

    refused = client.says({"action": "subscribe", "topic": f"transaction:0x{MOST_TOPICS:064x}"})
    again = client.says({"action": "subscribe", "topic": f"transaction:0x{0:064x}"})

    assert refused["code"] == "invalid_fields"
    assert again["event"] == "subscribed"


def test_a_record_of_an_unknown_kind_is_not_shown_to_everybody() -> None:
    """Only payloads that become public calldata are open by their id."""
    memory = memory_world()
    client, name = Client(memory), posted(memory)
    private = {"payment": _Private()}
    object.__setattr__(client.socket, "reading", replace(client.socket.reading, kinds=private))  # type: ignore[arg-type]

    answer = client.says({"action": "subscribe", "topic": f"transaction:{name}"})

    assert answer["record"] is None


class _Private:
    is_public = False
