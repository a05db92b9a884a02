"""Following a transaction to its end: gapless, in order, each event once, whatever the network does.

A push is a hint and may be lost, doubled or late; the events have numbers without gaps. So what is
known is dropped, a gap is asked for, and silence is asked through, because the push that was lost may
have been the last. Where WebSockets are blocked, the events are read over HTTPS instead.
"""

import json
import time
from typing import Any, Final

from ferryman_client.effects import Effect, Flow, Lost, Open, Outcome, Pause, Receive, Request, Send, Stream
from ferryman_client.errors import NotFoundError, ProtocolError, WaitTimeoutError, api_error
from ferryman_client.models import Event, Status
from ferryman_client.retrying import answered

SILENCE_SECONDS: Final = 20.0
"""After so long without a frame the events are asked for again."""
POLL_SECONDS: Final = 1.0
"""Between two reads while there is no WebSocket."""
SOCKET_TRIES: Final = 3
"""Connections that fail in a row before they are tried more rarely."""
SOCKET_PAUSE_SECONDS: Final = 30.0
"""How rarely then."""


_PASSING: Final = frozenset({"unavailable", "internal_error"})
"""Codes of errors over the WebSocket that ask to be asked again."""


class Known:
    """What is known of a transaction: the newest of its events without a gap before it."""

    def __init__(self, transaction_id: str, after: int = 0) -> None:
        self.transaction_id = transaction_id
        self.sequence = after
        self.is_over = False

    def subscription(self) -> str:
        """Ask for everything from here on."""
        topic = f"transaction:{self.transaction_id}"
        return json.dumps({"action": "subscribe", "topic": topic, "after": self.sequence})

    def news(self, events: list[Event]) -> tuple[list[Event], bool]:
        """Give those events that come next, and whether some are missing before the others."""
        fresh: list[Event] = []
        ours = [one for one in events if one.transaction_id.lower() == self.transaction_id.lower()]
        for event in sorted(ours, key=lambda one: one.sequence):
            if event.sequence > self.sequence + 1:
                return fresh, True
            if event.sequence == self.sequence + 1:
                self.sequence = event.sequence
                self.is_over = event.status.is_over
                fresh.append(event)
        return fresh, False


class Timer:
    """How long a stream may still take."""

    def __init__(self, seconds: float | None, known: Known, status: str) -> None:
        self._seconds = seconds
        self._until = None if seconds is None else time.monotonic() + seconds
        self._known, self._status = known, status

    def at_most(self, seconds: float) -> float:
        """Cut a wait to what is left.

        Raises:
            WaitTimeoutError: nothing is left.

        """
        if self._until is None:
            return seconds
        left = self._until - time.monotonic()
        if left <= 0:
            raise WaitTimeoutError(self._known.transaction_id, self._status, self._seconds or 0)
        return min(seconds, left)


def followed(known: Known, websocket_url: str, *, timer: Timer, patience_seconds: float) -> Stream:
    """Give the events of a transaction from the first unknown to the last.

    Raises:
        ApiError: the deployment refuses to tell.
        ConnectionFailedError: it answers neither over the WebSocket nor over HTTPS.
        WaitTimeoutError: the timer ran out.

    """
    failures = 0
    while not known.is_over:
        before = known.sequence
        if not isinstance((yield Open(websocket_url)), Lost):
            yield from _listened(known, timer)
        failures = 0 if known.sequence > before else failures + 1
        if not known.is_over:
            # Every connection that is lost or refused costs one read: so a blocked WebSocket is only slower.
            yield from _polled(known, timer, failures, patience_seconds)


def _listened(known: Known, timer: Timer) -> Stream:
    """Take what the WebSocket gives, until it is lost or everything is told."""
    if isinstance((yield Send(known.subscription())), Lost):
        return
    silences = 0
    while not known.is_over:
        frame = yield Receive(timer.at_most(SILENCE_SECONDS))
        if isinstance(frame, Lost):
            return
        if isinstance(frame, str):
            silences = 0
            events = messages_in(frame)
            if events is None:
                yield Pause(timer.at_most(POLL_SECONDS))
            fresh, is_missing = known.news(events or [])
            yield from fresh
            is_missing = is_missing or events is None
        else:
            silences, is_missing = silences + 1, True
        if silences > 1:
            return  # no answer even to a subscription: the connection is dead
        if is_missing and isinstance((yield Send(known.subscription())), Lost):
            return


def _polled(known: Known, timer: Timer, failures: int, patience_seconds: float) -> Stream:
    """Read the events once, or for a while if the WebSocket seems to be blocked."""
    pause = SOCKET_PAUSE_SECONDS if failures >= SOCKET_TRIES else POLL_SECONDS
    until = time.monotonic() + pause
    while True:
        fresh, _ = known.news((yield from read_events(known, patience_seconds=patience_seconds)))
        yield from fresh
        if known.is_over or time.monotonic() >= until:
            return
        yield Pause(timer.at_most(POLL_SECONDS))


def read_events(known: Known, *, patience_seconds: float) -> Flow[list[Event]]:
    """Read the events that are not known; none of a transaction that is still to be sent."""
    path = f"/transactions/{known.transaction_id}/events"
    request = Request(method="GET", path=path, params={"after": str(known.sequence)})
    try:
        answer = yield from answered(request, patience_seconds=patience_seconds)
    except NotFoundError:
        return []
    return _listed(answer)


def until_status(stream: Stream, wanted: Status) -> Flow[None]:
    """Run a stream until an event has the wanted status, or the last."""
    outcome: Outcome = None
    try:
        while True:
            step: Effect | Event = stream.send(outcome)
            outcome = None
            if not isinstance(step, Event):
                outcome = yield step
            elif step.status.has_reached(wanted) or step.status.is_over:
                return
    except StopIteration:
        return
    finally:
        stream.close()


def messages_in(frame: str) -> list[Event] | None:
    """Read a frame: a pushed event, the answer to a subscription, or an error; None if that will pass.

    Raises:
        ApiError: the server refused what was asked; a passing trouble is no refusal.
        ProtocolError: the frame is none of Ferryman's.

    """
    try:
        message: Any = json.loads(frame)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a frame that is not JSON") from error
    if not isinstance(message, dict):
        raise ProtocolError("a frame that is no object")
    if message.get("event") == "error":
        if message.get("code") in _PASSING:
            return None
        raise api_error(0, message)
    if message.get("event") == "subscribed":
        return [] if "records" in message else _listed(message)
    return [Event.of(message)] if "transaction_id" in message else []


def _listed(answer: object) -> list[Event]:
    events = answer.get("events") if isinstance(answer, dict) else None
    if not isinstance(events, list):
        raise ProtocolError("a list of events without events")
    return [Event.of(one) for one in events]
