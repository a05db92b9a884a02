"""A client of the API: posts payments over HTTPS and hears of them over one WebSocket."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from local.description import StackDescription
from local.errors import LocalStackError
from local.payments import SignedPayment

ENDED = frozenset({"CONFIRMED", "FAILED"})
_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class HeardEvent:
    """An event and when it reached us."""

    name: str
    transaction_id: str
    sequence: int
    status: str
    data: dict[str, Any]
    heard_at: float
    """Monotonic seconds."""

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> "HeardEvent":
        """Read a pushed event, or one out of a subscription's answer."""
        return cls(
            name=message["event"],
            transaction_id=message["transaction_id"],
            sequence=message["sequence"],
            status=message["status"],
            data=message.get("data") or {},
            heard_at=time.monotonic(),
        )


@dataclass(frozen=True)
class ApiClient:
    """A connection to both APIs of a running stack."""

    http: httpx.AsyncClient
    socket: ClientConnection
    early: list[dict[str, Any]] = field(default_factory=list)
    """Messages that came before somebody listened."""

    @classmethod
    @asynccontextmanager
    async def open(cls, stack: StackDescription) -> AsyncIterator["ApiClient"]:
        """Connect to both APIs, as one that may read what every sender does."""
        key = {"X-Api-Key": stack.reader_key}
        async with httpx.AsyncClient(base_url=stack.api_url, timeout=_TIMEOUT_SECONDS) as http:
            answer = await http.post("/socket-tickets", headers=key)
            if answer.is_error:
                raise LocalStackError(f"POST /socket-tickets: {answer.status_code} {answer.text}")
            url = f"{stack.websocket_url}?ticket={answer.json()['ticket']}"
            async with connect(url, open_timeout=_TIMEOUT_SECONDS) as socket:
                yield cls(http, socket)

    async def post(self, payment: SignedPayment) -> dict[str, Any]:
        """Post a payment and return its record.

        Raises:
            LocalStackError: it was refused; the message has the problem's code and reason.

        """
        try:
            answer = await self.http.post("/payments", json=payment.body)
        except httpx.TransportError as error:
            raise LocalStackError(f"POST /payments: {type(error).__name__}") from error
        if answer.is_error:
            raise LocalStackError(f"POST /payments: {answer.status_code} {answer.text}")
        record: dict[str, Any] = answer.json()
        return record

    async def record(self, transaction_id: str) -> dict[str, Any]:
        """Read a transaction's record."""
        answer = await self.http.get(f"/transactions/{transaction_id}")
        if answer.is_error:
            raise LocalStackError(f"GET /transactions/{transaction_id}: {answer.status_code} {answer.text}")
        record: dict[str, Any] = answer.json()
        return record

    async def subscribe(self, topic: str) -> None:
        """Ask for a topic's events and wait for the answer: from then on nothing is missed.

        Raises:
            LocalStackError: the server answered with an error.

        """
        await self.socket.send(json.dumps({"action": "subscribe", "topic": topic}))
        while True:
            message = _checked(await self.socket.recv())
            self.early.append(message)
            if message["event"] == "subscribed":
                return

    async def events(self) -> AsyncIterator[HeardEvent]:
        """Hear events as they arrive, those of a subscription's answer included; some may come twice.

        Raises:
            LocalStackError: the server answered with an error.

        """
        while self.early:
            for event in _events_in(self.early.pop(0)):
                yield event
        async for frame in self.socket:
            for event in _events_in(_checked(frame)):
                yield event


def _checked(frame: str | bytes) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(frame)
    if message.get("event", "error") == "error":
        raise LocalStackError(f"the WebSocket answered {message}")
    return message


def _events_in(message: dict[str, Any]) -> list[HeardEvent]:
    if message["event"] == "subscribed":
        return [HeardEvent.from_message(each) for each in message.get("events") or ()]
    return [HeardEvent.from_message(message)] if "transaction_id" in message else []
