"""Somebody who listens to everything: the stream of events, through notify, to one connection."""

import json
from collections import defaultdict

from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.items import event_of
from ferryman.adapters.dynamodb.operations import Table
from ferryman.domain.events import Event
from ferryman.domain.units import Address
from ferryman.services.notify import Notify
from tests.fakes.talk import FakePush
from tests.fakes.webhooks import memory_fanout
from tests.fakes.workers import OneByOne
from tests.fakes.world import World
from tests.faults.model.ports import RoughTables

_NAME = "listener"
_BATCH = 10


class Listener:
    """A stream that is read in order, and hands out again what nobody said was told."""

    def __init__(self, tables: RoughTables, senders: list[Address]) -> None:
        self._tables = tables
        self._push = FakePush()
        self._told = 0
        self._senders = senders

    def listen(self, world: World) -> None:
        """Subscribe to all senders."""
        for sender in self._senders:
            world.connections.subscribe(_NAME, f"sender:{sender}", now=world.clock.now())

    def next_batch(self) -> list[Event]:
        """Give the oldest events that were not told."""
        items = list(self._tables.items[Table.EVENTS].values())
        return [event_of(item) for item in items[self._told : self._told + _BATCH]]

    def tell(self, world: World) -> bool:
        """Have notify tell a batch of events; give whether there was one."""
        notify = Notify(
            connections=DynamoConnections(self._tables),
            push=self._push,
            fanout=memory_fanout(self._tables, world.clock),
            workers=OneByOne(),
            clock=world.clock,
            log=world.log,
            metrics=world.metrics,
        )
        batch = self.next_batch()
        if not batch:
            return False  # a stream hands out no empty batches
        self._told += notify(batch)
        return True

    def heard(self) -> dict[str, list[int]]:
        """Give the sequence numbers that were heard of each transaction, each when it was first heard."""
        heard: defaultdict[str, list[int]] = defaultdict(list)
        for _, message in self._push.posted:
            event = json.loads(message)
            if event["sequence"] not in heard[event["transaction_id"]]:
                heard[event["transaction_id"]].append(event["sequence"])
        return heard
