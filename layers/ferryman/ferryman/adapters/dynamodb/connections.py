"""WebSocket subscriptions: by topic for telling, by connection for forgetting."""

from collections.abc import Iterable
from typing import Final

from ferryman.adapters.dynamodb.access import caller_item, item_caller
from ferryman.adapters.dynamodb.operations import Delete, Put, Query, Table, Tables
from ferryman.domain.access import ANONYMOUS, Caller
from ferryman.domain.units import Instant

LIFETIME_SECONDS: Final = 2 * 60 * 60
"""API Gateway ends a WebSocket connection after two hours at the latest."""


class DynamoConnections:
    """The Connections port."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def subscribe(self, connection_id: str, topic: str, *, now: Instant) -> None:
        """Add a subscription, or renew it.

        Its items need not be written together, but in this order: whoever is found on a topic is there for
        `listened` too, and in the end for `forget`.
        """
        expires_at = now // 1000 + LIFETIME_SECONDS
        keys = (_listened(topic), _member(_connection(connection_id), topic), _member(topic, connection_id))
        for key in keys:
            item = {**key, "expires_at": expires_at}
            self._tables.write(Put(table=Table.CONNECTIONS, item=item))

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove a subscription; that its topic was listened to expires, for others may listen to it."""
        for key in (_member(topic, connection_id), _member(_connection(connection_id), topic)):
            self._tables.write(Delete(table=Table.CONNECTIONS, key=key))

    def listened(self, topics: Iterable[str], *, now: Instant) -> frozenset[str]:
        """Topics that were subscribed to within the lifetime of a connection, a hundred with one request."""
        topic_of = {_listened(topic)["topic"]: topic for topic in topics}
        items = self._tables.get_many(Table.CONNECTIONS, [_listened(topic) for topic in topic_of.values()])
        return frozenset(topic_of[item["topic"]] for item in items if item["expires_at"] > now // 1000)

    def subscribers(self, topic: str, *, now: Instant) -> tuple[str, ...]:
        """Connections on a topic; DynamoDB may leave an expired item for two days."""
        items = self._tables.query(Query(table=Table.CONNECTIONS, partition=("topic", topic)))
        return tuple(item["member"] for item in items if item["expires_at"] > now // 1000)

    def topics(self, connection_id: str) -> tuple[str, ...]:
        """Topics of a connection."""
        query = Query(table=Table.CONNECTIONS, partition=("topic", _connection(connection_id)))
        return tuple(item["member"] for item in self._tables.query(query))

    def forget(self, connection_id: str) -> None:
        """Remove all subscriptions of a connection, and who it is."""
        for topic in self.topics(connection_id):
            self.unsubscribe(connection_id, topic)
        self._tables.write(Delete(table=Table.CONNECTIONS, key=_caller(connection_id)))

    def open_as(self, connection_id: str, caller: Caller, *, now: Instant) -> None:
        """Keep who opened a connection, as long as it can last."""
        expires_at = now // 1000 + LIFETIME_SECONDS
        item = {**_caller(connection_id), "expires_at": expires_at, **caller_item(caller)}
        self._tables.write(Put(table=Table.CONNECTIONS, item=item))

    def caller(self, connection_id: str) -> Caller:
        """Who opened a connection."""
        item = self._tables.get(Table.CONNECTIONS, _caller(connection_id))
        return item_caller(item) if item else ANONYMOUS


def _connection(connection_id: str) -> str:
    return f"connection#{connection_id}"


def _member(partition: str, member: str) -> dict[str, str]:
    return {"topic": partition, "member": member}


def _listened(topic: str) -> dict[str, str]:
    """Apart from the topic's connections, so that it is read by its key, with those of other topics."""
    return _member(f"listened#{topic}", "listened")


def _caller(connection_id: str) -> dict[str, str]:
    """Apart from the connection's topics, which are read as a list."""
    return _member(f"caller#{connection_id}", "caller")
