"""The Events table's stream: each new item is an event to tell."""

from collections.abc import Iterator, Mapping
from typing import Any

from ferryman.adapters.dynamodb.client import unpacked
from ferryman.adapters.dynamodb.items import event_of
from ferryman.domain.events import Event


def inserted_events(batch: Mapping[str, Any]) -> Iterator[tuple[str, Event]]:
    """Give the stream's own sequence number and the event of each inserted item, in order."""
    for record in batch["Records"]:
        if record["eventName"] == "INSERT":
            yield record["dynamodb"]["SequenceNumber"], event_of(unpacked(record["dynamodb"]["NewImage"]))
