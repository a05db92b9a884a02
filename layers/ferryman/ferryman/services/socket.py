"""The WebSocket API: what a client says, and what it is answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.access import ANONYMOUS, Caller
from ferryman.domain.errors import (
    FieldProblem,
    InvalidFieldsError,
    MalformedRequestError,
    NotFoundError,
    RequestError,
    RequestTooLargeError,
    StoreUnavailableError,
    SubscriberGoneError,
)
from ferryman.ports import Clock, Connections, Log, Push
from ferryman.services.reading import Reading, require_reader
from ferryman.services.topics import SenderTopic, Topic, TransactionTopic, parsed_topic

MOST_TOPICS: Final = 100
"""Topics one connection may listen to."""
LARGEST_MESSAGE: Final = 4096
"""Characters. A subscription has about 150; what is longer is not parsed, so cannot be nested deep either."""
_ACTIONS: Final = "subscribe, unsubscribe, ping"
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "subscribe": frozenset({"action", "topic", "after"}),
    "unsubscribe": frozenset({"action", "topic"}),
    "ping": frozenset({"action"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """Answers messages of one connection at a time."""

    reading: Reading
    connections: Connections
    push: Push
    clock: Clock
    log: Log

    def message(self, connection_id: str, text: str) -> None:
        """Answer a message; whatever is wrong with it, the client is told."""
        try:
            answer = self._answer(connection_id, text)
        except RequestError as error:
            answer = _error(error.code, error.detail, error.problems)
        except StoreUnavailableError as error:
            self.log.warning("message not served", connection_id=connection_id, cause=str(error))
            answer = _error("unavailable", "The tables cannot be reached now; send the message again.", ())
        try:
            self.push.post(connection_id, json.dumps(answer))
        except SubscriberGoneError:
            self.connections.forget(connection_id)
        except StoreUnavailableError as error:
            self.log.warning("answer not taken", connection_id=connection_id, cause=str(error))

    def connected(self, connection_id: str, caller: Caller) -> None:
        """Keep who opened a connection, if it is somebody.

        Raises:
            StoreUnavailableError: it could not be kept; the connection would be taken for anybody's.

        """
        if caller != ANONYMOUS:
            self.connections.open_as(connection_id, caller, now=self.clock.now())

    def disconnected(self, connection_id: str) -> None:
        """Forget a connection; if this is never called, its subscriptions expire."""
        self.connections.forget(connection_id)

    def _answer(self, connection_id: str, text: str) -> dict[str, Any]:
        message = _parsed(text)
        match message["action"]:
            case "ping":
                return {"event": "pong"}
            case "unsubscribe":
                topic = parsed_topic(message.get("topic"))
                self.connections.unsubscribe(connection_id, str(topic))
                return {"event": "unsubscribed", "topic": str(topic)}
            case _:
                topic = parsed_topic(message.get("topic"))
                return self._subscribe(connection_id, topic, _sequence(message.get("after", 0)))

    def _subscribe(self, connection_id: str, topic: Topic, after: int) -> dict[str, Any]:
        """Put the subscription, then read: so nothing falls between the two."""
        if isinstance(topic, SenderTopic):
            require_reader(self.connections.caller(connection_id), topic.sender, field="topic")
        topics = self.connections.topics(connection_id)
        if len(topics) >= MOST_TOPICS and str(topic) not in topics:
            problem = FieldProblem("topic", f"a connection may listen to {MOST_TOPICS} topics")
            raise InvalidFieldsError("This connection listens to too many topics.", problem)
        self.connections.subscribe(connection_id, str(topic), now=self.clock.now())
        answer: dict[str, Any] = {"event": "subscribed", "topic": str(topic)}
        if isinstance(topic, SenderTopic):
            return answer | {"records": self.reading.open_records(topic.sender)}
        return answer | self._present(topic, after)

    def _present(self, topic: TransactionTopic, after: int) -> dict[str, Any]:
        """The record and its events; none of either for a transaction that is still to come."""
        try:
            record = self.reading.record(topic.transaction_id)
        except NotFoundError:
            return {"record": None, "events": []}
        return {"record": record, "events": self.reading.events(topic.transaction_id, after=after)}


def _parsed(text: str) -> dict[str, Any]:
    """Read a message; one of another form is named as such."""
    if len(text) > LARGEST_MESSAGE:
        problem = FieldProblem("body", f"has {len(text)} characters, at most {LARGEST_MESSAGE} are taken")
        raise RequestTooLargeError("The message is too large.", problem)
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = "A message is a JSON object."
        raise MalformedRequestError(msg) from error
    if not isinstance(message, dict):
        msg = "A message is a JSON object."
        raise MalformedRequestError(msg)
    known = _FIELDS.get(str(message.get("action")))
    if known is None:
        raise UnknownActionError(FieldProblem("action", f"must be one of {_ACTIONS}"))
    if extra := sorted(message.keys() - known):
        problems = [FieldProblem(name[:60], "is not a field of this action") for name in extra]
        raise InvalidFieldsError("Some fields are not as they should be.", *problems)
    return message


class UnknownActionError(RequestError):
    """An action that the WebSocket API does not have."""

    code = "unknown_action"

    def __init__(self, problem: FieldProblem) -> None:
        super().__init__(f"There is no such action; there are {_ACTIONS}.", problem)


def _sequence(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**31:
        problem = FieldProblem("after", "must be the sequence number of an event, or 0")
        raise InvalidFieldsError("That is not a sequence number.", problem)
    return value


def _error(code: str, detail: str, problems: tuple[FieldProblem, ...]) -> dict[str, Any]:
    errors = [{"field": problem.field, "reason": problem.reason} for problem in problems]
    return {"event": "error", "code": code, "detail": detail, "errors": errors}
