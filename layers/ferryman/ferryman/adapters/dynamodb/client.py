"""DynamoDB itself: says `operations` to it through boto3."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtLeast,
    AtMost,
    Condition,
    ConditionFailedError,
    Equals,
    Item,
    Key,
    Present,
    Put,
    Query,
    SortRange,
    Update,
    Write,
    WriteConflictError,
)
from ferryman.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_TRIES: Final = 8
_FIRST_PAUSE_SECONDS: Final = 0.01
_CONFLICTS: Final = frozenset({"TransactionConflict", "TransactionInProgressException", "ThrottlingError"})
_BATCH: Final = 100
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize
_Answer = TypeVar("_Answer")


class DynamoDbTables:
    """The deployed tables.

    Args:
        client: a boto3 client; its own retries cover throttling and lost connections.
        names: logical table name -> deployed table name.

    """

    def __init__(self, client: "DynamoDBClient", names: Mapping[str, str]) -> None:
        self._client = client
        self._names = names

    def get(self, table: str, key: Key) -> Item | None:
        """Read an item, consistently."""
        answer = _asked(
            lambda: self._client.get_item(TableName=self._names[table], Key=_packed(key), ConsistentRead=True)
        )
        return unpacked(answer["Item"]) if "Item" in answer else None

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Read items, consistently, in any order."""
        name, items = self._names[table], list[Item]()
        wanted: list[Any] = [_packed(key) for key in keys]
        while wanted:
            request: Any = {name: {"Keys": wanted[:_BATCH], "ConsistentRead": True}}
            answer = self._got_batch(request)
            items += [unpacked(item) for item in answer["Responses"].get(name, ())]
            wanted = answer.get("UnprocessedKeys", {}).get(name, {}).get("Keys", []) + wanted[_BATCH:]
        return tuple(items)

    def _got_batch(self, request: Any) -> Any:  # noqa: ANN401 (boto3's own nested maps)
        return _asked(lambda: self._client.batch_get_item(RequestItems=request))

    def query(self, query: Query) -> tuple[Item, ...]:
        """Read items of a partition, page by page, up to the limit."""
        request, items = self._query_request(query), list[Item]()
        while True:
            if query.limit is not None:
                request["Limit"] = query.limit - len(items)
            answer: Any = _asked(lambda: self._client.query(**request))
            items += [unpacked(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer or (query.limit is not None and len(items) >= query.limit):
                return tuple(items)
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write(self, write: Write) -> Item | None:
        """Carry out one write."""
        action, request = self._write_request(write)
        actions: dict[str, Callable[..., Any]] = {
            "Put": self._client.put_item,
            "Update": self._client.update_item,
            "Delete": self._client.delete_item,
        }
        send = actions[action]
        if action == "Update":
            request["ReturnValues"] = "ALL_NEW"
        answer = _insisted(lambda: send(**request))
        return unpacked(answer["Attributes"]) if "Attributes" in answer else None

    def transact(self, writes: Sequence[Write]) -> None:
        """Carry out writes, all or nothing."""
        requests: Any = [dict([self._write_request(write)]) for write in writes]
        _insisted(lambda: self._client.transact_write_items(TransactItems=requests))

    def _query_request(self, query: Query) -> dict[str, Any]:
        sort_expression, bounds = _sort_condition(query.sort)
        names = {"#p": query.partition[0]}
        if query.sort and bounds:
            names["#s"] = query.sort.attribute
        values = {":p": query.partition[1], **bounds}
        request: dict[str, Any] = {
            "TableName": self._names[query.table],
            "KeyConditionExpression": f"#p = :p{sort_expression}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": _packed(values),
            "ScanIndexForward": not query.descending,
        }
        if query.index:
            request["IndexName"] = query.index
        else:
            request["ConsistentRead"] = True
        if query.start_after:
            request["ExclusiveStartKey"] = _packed(query.start_after)
        return request

    def _write_request(self, write: Write) -> tuple[str, dict[str, Any]]:
        expressions = _Expressions()
        request: dict[str, Any] = {
            "TableName": self._names[write.table],
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if isinstance(write, Put):
            request["Item"] = _packed(write.item)
        else:
            request["Key"] = _packed(write.key)
        if isinstance(write, Update):
            request["UpdateExpression"] = expressions.update(write)
        if write.where:
            request["ConditionExpression"] = " AND ".join(map(expressions.condition, write.where))
        return type(write).__name__, request | expressions.attributes()


class _Expressions:
    """Collects the names and values of one request's expressions."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def attributes(self) -> dict[str, Any]:
        """The request's attribute maps, left out where empty, as DynamoDB demands."""
        maps = {"ExpressionAttributeNames": self._names, "ExpressionAttributeValues": self._values}
        return {name: values for name, values in maps.items() if values}

    def update(self, write: Update) -> str:
        """Write an UpdateExpression."""
        sets = [f"{self._name(name)} = {self._value(value)}" for name, value in write.set_to.items()]
        for name, amount in write.add.items():
            attribute, zero = self._name(name), self._value(0)
            sets.append(f"{attribute} = if_not_exists({attribute}, {zero}) + {self._value(amount)}")
        parts = [f"SET {', '.join(sets)}"] if sets else []
        if write.remove:
            parts.append(f"REMOVE {', '.join(map(self._name, write.remove))}")
        return " ".join(parts)

    def condition(self, condition: Condition) -> str:
        """Write a ConditionExpression."""
        match condition:
            case Absent(attribute):
                return f"attribute_not_exists({self._name(attribute)})"
            case Present(attribute):
                return f"attribute_exists({self._name(attribute)})"
            case Equals(attribute, value):
                return f"{self._name(attribute)} = {self._value(value)}"
            case AtMost(attribute, value):
                return f"{self._name(attribute)} <= {self._value(value)}"
            case AtLeast(attribute, value):
                return f"{self._name(attribute)} >= {self._value(value)}"
            case AnyOf(conditions):
                return f"({' OR '.join(map(self.condition, conditions))})"

    def _name(self, attribute: str) -> str:
        """Give an attribute's placeholder: a number, because it may have letters, digits and _ only."""
        placeholder = self._placeholders.setdefault(attribute, f"#n{len(self._placeholders)}")
        self._names[placeholder] = attribute
        return placeholder

    def _value(self, value: object) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = _serialize(value)
        return placeholder


def _sort_condition(sort: SortRange | None) -> tuple[str, dict[str, str | int]]:
    """Write the condition on a sort key, of which DynamoDB allows only one."""
    match sort:
        case SortRange(_, str() | int() as low, str() | int() as high):
            return " AND #s BETWEEN :low AND :high", {":low": low, ":high": high}
        case SortRange(_, str() | int() as low, None):
            return " AND #s >= :low", {":low": low}
        case SortRange(_, None, str() | int() as high):
            return " AND #s <= :high", {":high": high}
        case _:
            return "", {}


def _insisted(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 (boto3's answers are untyped maps)
    """Carry out a write; conflicts with other writers are retried with growing jitter."""
    for attempt in range(_TRIES):
        try:
            return _asked(ask)
        except WriteConflictError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311 (jitter, no secret)
    raise AssertionError  # unreachable: the last attempt returns or raises


def _asked(ask: Callable[[], _Answer]) -> _Answer:
    """Turn boto3's errors into ours."""
    try:
        return ask()
    except ClientError as error:
        raise _translated(error) from error
    except BotoCoreError as error:
        msg = f"DynamoDB gave no answer: {type(error).__name__}"
        raise StoreUnavailableError(msg) from error


def _translated(error: ClientError) -> Exception:
    response: Any = error.response
    code = response.get("Error", {}).get("Code", "")
    if code == "ConditionalCheckFailedException":
        return ConditionFailedError({0: unpacked(response["Item"]) if response.get("Item") else None})
    if code == "TransactionCanceledException":
        reasons = list(enumerate(response.get("CancellationReasons", ())))
        failed = {
            i: reason.get("Item") for i, reason in reasons if reason.get("Code") == "ConditionalCheckFailed"
        }
        if failed:
            return ConditionFailedError({i: unpacked(item) if item else None for i, item in failed.items()})
        codes = {reason.get("Code", "None") for _, reason in reasons} - {"None"}
        if codes & _CONFLICTS:
            return WriteConflictError("another write held one of the items")
    if code in _CONFLICTS or code == "TransactionConflictException":
        return WriteConflictError("another write held the item")
    return StoreUnavailableError(f"DynamoDB refused {error.operation_name}: {code}")


def _packed(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def unpacked(item: Mapping[str, Any]) -> Item:
    """Read an item in DynamoDB's own notation."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 (DynamoDB's types, whatever the item holds)
    """Give DynamoDB's Decimals back as the integers they were, and its Binary as bytes."""
    match value:
        case Binary():
            return bytes(value)  # type: ignore[call-overload]  # the stubs miss its __bytes__
        case list():
            return [_plain(member) for member in value]
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case bool() | str() | None:
            return value
        case _:
            return int(value)
