"""New events as they are written, from the stream of the Events table."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from ferryman_cli.target import Target, aws_errors

_PAUSE_SECONDS: Final = 1.0
_deserialize = TypeDeserializer().deserialize


def new_events(target: Target, *, ready: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """Give events in the form of the API, from now on, for ever.

    Each shard's are in order. The stream is read once a second: a third reader beside notify, for
    as long as somebody looks.

    Raises:
        NoAccessError, UnreachableError, CommandError: the stream cannot be read.

    """
    with aws_errors("the stream of the Events table"):
        table = target.aws("dynamodb").describe_table(TableName=target.output("EventsTableName"))["Table"]
        streams, stream = target.aws("dynamodbstreams"), table["LatestStreamArn"]
        iterators = {name: _iterator(streams, stream, name, "LATEST") for name in _shards(streams, stream)}
        ready()
        while True:
            for name in _shards(streams, stream) - iterators.keys():
                # A shard that opened meanwhile holds only what is new.
                iterators[name] = _iterator(streams, stream, name, "TRIM_HORIZON")
            for name, iterator in iterators.items():
                if iterator is not None:
                    answer = streams.get_records(ShardIterator=iterator)
                    iterators[name] = answer.get("NextShardIterator")
                    yield from _inserted(answer["Records"])
            time.sleep(_PAUSE_SECONDS)


def _shards(streams: Any, stream: str) -> set[str]:  # noqa: ANN401 (a boto3 client)
    answer = streams.describe_stream(StreamArn=stream)["StreamDescription"]
    return {shard["ShardId"] for shard in answer["Shards"]}


def _iterator(streams: Any, stream: str, shard: str, kind: str) -> str | None:  # noqa: ANN401 (a boto3 client)
    answer = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType=kind)
    iterator: str | None = answer["ShardIterator"]
    return iterator


def _inserted(records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for record in records:
        if record["eventName"] == "INSERT":
            image = record["dynamodb"]["NewImage"]
            yield _told({name: _plain(_deserialize(value)) for name, value in image.items()})


def _told(item: dict[str, Any]) -> dict[str, Any]:
    """Shape an item as the API does an event."""
    seconds, milliseconds = divmod(item["at"], 1000)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return {
        "event": item["name"],
        "transaction_id": item["transaction_id"],
        "sequence": item["sequence"],
        "status": item["status"],
        "sender": item["sender"],
        "at": f"{moment}.{milliseconds:03d}Z",
        "data": item["facts"],
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 (whatever the item holds)
    match value:
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case str() | bool() | None:
            return value
        case _:
            return int(value)
