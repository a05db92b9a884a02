"""What the client wants of the world, as values: the logic is written once, and run by two drivers.

A flow is a generator that yields effects and is sent their results; it imports no network library.
"""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ferryman_client.models import Event

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Send a request. Gives an Answer, or Lost."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait. Gives None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Open the WebSocket, closing one that is open. Gives None, or Lost."""

    url: str


@dataclass(frozen=True, slots=True)
class Send:
    """Send a text frame. Gives None, or Lost."""

    text: str


@dataclass(frozen=True, slots=True)
class Receive:
    """Wait for a frame. Gives its text, None if none came in time, or Lost."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:  # noqa: ANN401 (any JSON)
        """Read the body; None if it is not JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer, or the connection is gone."""

    cause: Exception


Effect = Request | Pause | Open | Send | Receive
Outcome = Answer | Lost | str | None
Flow = Generator[Effect, Outcome, Result]
"""Ends with a result."""
Stream = Generator[Effect | Event, Outcome, None]
"""Gives events on its way; sent None after each."""
