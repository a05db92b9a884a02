"""Telling: each event goes to everybody who subscribed to its transaction or its sender."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from ferryman.domain.errors import StoreUnavailableError, SubscriberGoneError
from ferryman.domain.events import Event
from ferryman.domain.metrics import Metric
from ferryman.ports import Clock, Connections, Log, Metrics, Push
from ferryman.services.about import about
from ferryman.services.fanout import Fanout
from ferryman.services.records import event_of
from ferryman.services.topics import topics_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Pushes events; a push is a hint, the record is the truth."""

    connections: Connections
    push: Push
    fanout: Fanout
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(self, event: Event) -> None:
        """Tell one event.

        Raises:
            StoreUnavailableError: the subscribers or the webhooks could not be read, or a webhook's
                delivery not be queued; tell it again.

        """
        message = json.dumps(event_of(event))
        for connection_id in self._listeners(topics_of(event)):
            try:
                self.push.post(connection_id, message)
            except SubscriberGoneError:
                self.connections.forget(connection_id)
            except StoreUnavailableError as error:
                # Not told again: the others have it, and this client reads the gap in the sequence.
                self.log.warning(
                    "push not taken", **about(event), connection_id=connection_id, cause=str(error)
                )
        self.metrics.add(Metric.NOTIFY_LAG, self.clock.now() - event.at, chain_id=event.chain_id)

        # Last: a push that is repeated because the queue was away is one the client knows already.
        self.fanout(event)

    def _listeners(self, topics: Iterable[str]) -> list[str]:
        """Connections on any of the topics, each once."""
        now = self.clock.now()
        found = (name for topic in topics for name in self.connections.subscribers(topic, now=now))
        return list(dict.fromkeys(found))
