"""What the tellers and wakers do while the tables, or the other side, do not answer."""

import json
from dataclasses import replace

import pytest

from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import ChainId, Instant
from ferryman.intents import KINDS
from ferryman.services.fanout import Fanout
from ferryman.services.notify import Notify
from ferryman.services.reading import Reading
from ferryman.services.socket import Socket
from ferryman.services.waking import wake
from tests.fakes.clock import FakeClock
from tests.fakes.metrics import FakeMetrics
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeConfirmer, FakeLog, FakePush
from tests.fakes.webhooks import FakeDeliveryQueue, memory_fanout
from tests.fakes.workers import OneByOne
from tests.support.away import AwayTables
from tests.support.payments import CHAIN_ID
from tests.support.rows import NOW, accepted, received_row
from tests.support.webhooks import webhook

ROW, EVENT = accepted(received_row())
TOPIC = f"transaction:{ROW.transaction_id}"


class BusyPush(FakePush):
    """A push that some connections do not take now."""

    def __init__(self, *busy: str) -> None:
        super().__init__()
        self.busy = busy

    def post(self, connection_id: str, message: str) -> None:
        """Take it, unless the connection is busy."""
        if connection_id in self.busy:
            raise StoreUnavailableError(connection_id)
        super().post(connection_id, message)


class DeadConfirmer(FakeConfirmer):
    """A confirm that cannot be started."""

    def start(self, chain_id: ChainId, *, scheduled: bool = False) -> None:  # noqa: ARG002 (as the port)
        """Fail."""
        raise StoreUnavailableError(str(chain_id))


def socket_over(tables: Tables, push: FakePush, log: FakeLog) -> Socket:
    """Build the WebSocket service."""
    return Socket(
        reading=Reading(
            kinds=KINDS,
            store=DynamoTransactions(tables),
            wallets=DynamoWallets(tables),
            leases=DynamoLeases(tables),
        ),
        connections=DynamoConnections(tables),
        push=push,
        clock=FakeClock(),
        log=log,
    )


def test_a_client_is_told_that_its_message_was_not_served() -> None:
    """Not silence: it sends the message again."""
    push, log = FakePush(), FakeLog()

    socket_over(AwayTables(), push, log).message("me", json.dumps({"action": "subscribe", "topic": TOPIC}))

    ((_, answer),) = push.posted
    assert (json.loads(answer)["event"], json.loads(answer)["code"]) == ("error", "unavailable")
    assert [level for level, _, _ in log.lines] == ["warning"]


def test_an_answer_that_is_not_taken_ends_quietly() -> None:
    """The client asks again; its subscription is kept."""
    tables, log = MemoryTables(), FakeLog()

    socket_over(tables, BusyPush("me"), log).message(
        "me", json.dumps({"action": "subscribe", "topic": TOPIC})
    )

    assert DynamoConnections(tables).topics("me") == (TOPIC,)
    assert [level for level, _, _ in log.lines] == ["warning"]


def test_one_busy_connection_does_not_keep_an_event_from_the_others() -> None:
    """It reads the gap in the sequence, and is not forgotten."""
    connections, push, log = DynamoConnections(MemoryTables()), BusyPush("busy"), FakeLog()
    for name in ("busy", "idle"):
        connections.subscribe(name, TOPIC, now=NOW)

    clock = FakeClock()
    fanout = memory_fanout(MemoryTables(), clock)
    notify = Notify(
        connections=connections,
        push=push,
        fanout=fanout,
        workers=OneByOne(),
        clock=clock,
        log=log,
        metrics=FakeMetrics(),
    )

    assert notify([EVENT]) == 1

    assert [name for name, _ in push.posted] == ["idle"]
    assert connections.subscribers(TOPIC, now=NOW) == ("busy", "idle")
    assert [level for level, _, _ in log.lines] == ["warning"]


class CountedConnections(DynamoConnections):
    """Connections that remember which topics they were asked for."""

    def __init__(self, tables: MemoryTables) -> None:
        super().__init__(tables)
        self.asked: list[str] = []

    def subscribers(self, topic: str, *, now: Instant) -> tuple[str, ...]:
        """Note the topic."""
        self.asked.append(topic)
        return super().subscribers(topic, now=now)


def notifier(connections: DynamoConnections, push: FakePush, fanout: Fanout) -> Notify:
    """Give the service."""
    return Notify(
        connections=connections,
        push=push,
        fanout=fanout,
        workers=OneByOne(),
        clock=FakeClock(),
        log=FakeLog(),
        metrics=FakeMetrics(),
    )


def test_an_event_whose_listeners_cannot_be_read_is_told_again() -> None:
    """The stream keeps it."""
    connections, clock = DynamoConnections(AwayTables()), FakeClock()
    fanout = memory_fanout(MemoryTables(), clock)
    notify = Notify(
        connections=connections,
        push=FakePush(),
        fanout=fanout,
        workers=OneByOne(),
        clock=clock,
        log=FakeLog(),
        metrics=FakeMetrics(),
    )

    assert notify([EVENT]) == 0


def test_an_event_whose_webhooks_cannot_be_queued_is_told_again_after_it_was_pushed() -> None:
    """Who listens need not wait for a queue, and knows a repeated push by its sequence."""
    tables, push, clock = MemoryTables(), FakePush(), FakeClock()
    connections = DynamoConnections(tables)
    connections.subscribe("me", TOPIC, now=NOW)
    DynamoWebhooks(tables).put(webhook())
    fanout = memory_fanout(tables, clock, FakeDeliveryQueue(is_away=True))
    notify = Notify(
        connections=connections,
        push=push,
        fanout=fanout,
        workers=OneByOne(),
        clock=clock,
        log=FakeLog(),
        metrics=FakeMetrics(),
    )

    assert notify([EVENT]) == 0

    assert [name for name, _ in push.posted] == ["me"]


def test_waking_starts_confirm_only_while_nobody_holds_the_lease() -> None:
    """A holder sees the counter by itself."""
    leases, confirmer, clock = DynamoLeases(MemoryTables()), FakeConfirmer(), FakeClock()

    wake(CHAIN_ID, leases, confirmer, clock, FakeLog())
    leases.take(CHAIN_ID, until=Instant(clock.now() + 1_000), now=clock.now())
    wake(CHAIN_ID, leases, confirmer, clock, FakeLog())

    assert confirmer.started == [CHAIN_ID]


@pytest.mark.parametrize(
    ("tables", "confirmer"),
    [(AwayTables(), FakeConfirmer()), (MemoryTables(), DeadConfirmer())],
    ids=["tables away", "confirm away"],
)
def test_a_wake_up_that_fails_is_left_to_the_schedule(tables: Tables, confirmer: FakeConfirmer) -> None:
    """The payment is stored; a minute later confirm runs anyway."""
    log = FakeLog()

    wake(CHAIN_ID, DynamoLeases(tables), confirmer, FakeClock(), log)

    assert [level for level, _, _ in log.lines] == ["warning"]


def test_who_listens_is_asked_once_for_each_topic_of_a_batch() -> None:
    """A payment's events share both topics, to one of which nobody listens: who is not even asked.

    A connection that is gone is not tried again.
    """
    tables, push, clock = MemoryTables(), FakePush(), FakeClock()
    connections = CountedConnections(tables)
    connections.subscribe("me", TOPIC, now=NOW)
    connections.subscribe("gone", TOPIC, now=NOW)
    push.gone.add("gone")
    notify = notifier(connections, push, memory_fanout(tables, clock))

    told = notify([EVENT, replace(EVENT, sequence=EVENT.sequence + 1)])

    assert (told, [name for name, _ in push.posted]) == (2, ["me", "me"])
    assert connections.asked == [TOPIC]
    assert connections.subscribers(TOPIC, now=NOW) == ("me",)


def test_what_comes_after_an_event_that_cannot_be_told_is_not_told_before_it() -> None:
    """The stream gives them again, in order, from the first that was not told."""
    tables, push, clock = MemoryTables(), FakePush(), FakeClock()
    connections, queue = DynamoConnections(tables), FakeDeliveryQueue()
    connections.subscribe("me", TOPIC, now=NOW)
    DynamoWebhooks(tables).put(webhook())
    notify = notifier(connections, push, memory_fanout(tables, clock, queue))
    assert notify([EVENT]) == 1
    queue.is_away = True

    assert notify([EVENT, EVENT]) == 0

    assert len(push.posted) == 2
