"""WebSocket subscriptions: by topic for telling, by connection for forgetting."""

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
        """Add a subscription, or renew it; its two items need not be written together."""
        expires_at = now // 1000 + LIFETIME_SECONDS
        for partition, member in ((_connection(connection_id), topic), (topic, connection_id)):
            item = {"topic": partition, "member": member, "expires_at": expires_at}
            self._tables.write(Put(table=Table.CONNECTIONS, item=item))

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove a subscription."""
        for partition, member in ((topic, connection_id), (_connection(connection_id), topic)):
            key = {"topic": partition, "member": member}
            self._tables.write(Delete(table=Table.CONNECTIONS, key=key))

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


def _caller(connection_id: str) -> dict[str, str]:
    """Apart from the connection's topics, which are read as a list."""
    return {"topic": f"caller#{connection_id}", "member": "caller"}
