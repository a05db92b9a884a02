"""Telling: each event goes to everybody who subscribed to its transaction or its sender."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ferryman.domain.errors import StoreUnavailableError, SubscriberGoneError
from ferryman.domain.events import Event
from ferryman.domain.metrics import Metric
from ferryman.ports import Clock, Connections, Log, Metrics, Push, Workers
from ferryman.services.about import about
from ferryman.services.fanout import Fanout
from ferryman.services.records import event_of
from ferryman.services.topics import topics_of

_Listeners = Mapping[str, Sequence[str]]
"""Topic -> connections; nobody listens to the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Pushes events; a push is a hint, the record is the truth."""

    connections: Connections
    push: Push
    fanout: Fanout
    workers: Workers
    """Who listens is asked for all topics at the same time."""
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(self, events: Sequence[Event]) -> int:
        """Tell events in order, up to the first whose listeners or webhooks cannot be reached now.

        Who begins to listen while they are told reads them in the record: they are there already.

        Returns:
            How many were told, from the first on; the rest is to be told again.

        """
        told, gone = 0, set[str]()
        try:
            listeners = self._listeners(events)
            for event in events:
                self._tell(event, listeners, gone)
                told += 1
        except StoreUnavailableError as error:
            self.log.error("not told", **about(events[told]), cause=str(error), told=told)  # noqa: TRY400 (our Log port)
        return told

    def _listeners(self, events: Iterable[Event]) -> _Listeners:
        """Ask who listens to what is told of, each topic once: to most of it nobody does."""
        now, found = self.clock.now(), dict[str, Sequence[str]]()

        def asked(topic: str) -> Callable[[], None]:
            def ask() -> None:
                found[topic] = self.connections.subscribers(topic, now=now)

            return ask

        topics = dict.fromkeys(topic for event in events for topic in topics_of(event))
        listened = self.connections.listened(topics, now=now)
        self.workers.work_off([[asked(topic)] for topic in topics if topic in listened])
        return found

    def _tell(self, event: Event, listeners: _Listeners, gone: set[str]) -> None:
        message = json.dumps(event_of(event))
        names = dict.fromkeys(name for topic in topics_of(event) for name in listeners.get(topic, ()))
        for connection_id in (name for name in names if name not in gone):
            try:
                self.push.post(connection_id, message)
            except SubscriberGoneError:
                gone.add(connection_id)
                self.connections.forget(connection_id)
            except StoreUnavailableError as error:
                # Not told again: the others have it, and this client reads the gap in the sequence.
                self.log.warning(
                    "push not taken", **about(event), connection_id=connection_id, cause=str(error)
                )
        self.metrics.add(Metric.NOTIFY_LAG, self.clock.now() - event.at, chain_id=event.chain_id)

        # Last: a push that is repeated because the queue was away is one the client knows already.
        self.fanout(event)
