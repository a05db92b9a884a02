"""Both drivers of the client behind one face, so that every test runs with and without an event loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ferryman_client import AsyncClient, Client, Event, Signer
from ferryman_client import following as following_module
from ferryman_client import retrying as retrying_module
from ferryman_client import watching as watching_module
from tests.support.payments import PAYER

Call = Callable[..., Any]


class Driving:
    """Calls a client's methods by name."""

    def __init__(self, kind: str, url: str, signer: Signer | None = PAYER, **options: Any) -> None:  # noqa: ANN401
        self._kind, self._url = kind, url
        self._options: dict[str, Any] = {"signer": signer, "timeout": 2.0, "patience": 3.0} | options

    def call(self, name: str, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 (any method)
        """Call a method; give what it gives."""
        if self._kind == "sync":
            with Client(self._url, **self._options) as client:
                return getattr(client, name)(*arguments, **named)

        async def awaited() -> Any:  # noqa: ANN401 (any method)
            async with AsyncClient(self._url, **self._options) as client:
                return await getattr(client, name)(*arguments, **named)

        return asyncio.run(awaited())

    def calls(self, *names: str) -> list[Any]:
        """Call methods of one client, one after the other."""
        if self._kind == "sync":
            with Client(self._url, **self._options) as client:
                return [getattr(client, name)() for name in names]

        async def awaited() -> list[Any]:
            async with AsyncClient(self._url, **self._options) as client:
                return [await getattr(client, name)() for name in names]

        return asyncio.run(awaited())

    def sender_followed(self, *, most: int) -> list[Event]:
        """Follow the signer's transactions for so many events."""
        found: list[Event] = []
        if self._kind == "sync":
            with Client(self._url, **self._options) as client:
                for event in client.follow_sender():
                    found.append(event)
                    if len(found) == most:
                        break
            return found

        async def awaited() -> None:
            async with AsyncClient(self._url, **self._options) as client:
                async for event in client.follow_sender():
                    found.append(event)
                    if len(found) == most:
                        break

        asyncio.run(awaited())
        return found

    def followed(self, transaction_id: str, *, after: int = 0, most: int = 100) -> list[Event]:
        """Follow a transaction to its end, or for so many events."""
        found: list[Event] = []
        if self._kind == "sync":
            with Client(self._url, **self._options) as client:
                for event in client.follow(transaction_id, after=after):
                    found.append(event)
                    if len(found) == most:
                        break
            return found

        async def awaited() -> None:
            async with AsyncClient(self._url, **self._options) as client:
                async for event in client.follow(transaction_id, after=after):
                    found.append(event)
                    if len(found) == most:
                        break

        asyncio.run(awaited())
        return found


@pytest.fixture(params=["sync", "async"])
def driving(request: pytest.FixtureRequest) -> Callable[..., Driving]:
    """Give a maker of clients, of either kind."""
    kind: str = request.param
    return lambda url, **options: Driving(kind, url, **options)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the client's waits: what it does is tested, not how long it takes."""
    monkeypatch.setattr(retrying_module, "_FIRST_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(watching_module, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(watching_module, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(following_module, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(following_module, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(following_module, "SOCKET_PAUSE_SECONDS", 0.2)
