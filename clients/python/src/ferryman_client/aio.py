"""The client for programs with an event loop: the same calls, awaited."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from ferryman_client.calls import Calls
from ferryman_client.client import PATIENCE_SECONDS, TIMEOUT_SECONDS, headers_of
from ferryman_client.effects import (
    Answer,
    Effect,
    Flow,
    Lost,
    Open,
    Outcome,
    Pause,
    Receive,
    Request,
    Send,
    Stream,
)
from ferryman_client.models import Deployment, Event, Page, Quote, Record, SignedPayment, Status
from ferryman_client.signing import PaymentOptions, Signer

_Result = TypeVar("_Result")


class AsyncClient:
    """A Ferryman deployment, as its users see it; arguments and methods are those of `Client`."""

    def __init__(
        self,
        url: str,
        *,
        signer: Signer | None = None,
        api_key: str | None = None,
        chain_id: int | None = None,
        timeout: float = TIMEOUT_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._calls = Calls(signer=signer, patience_seconds=patience, chain_id=chain_id)
        self._timeout = timeout
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout, headers=headers_of(api_key))
        # A stream whose caller breaks off ends when its iterator is collected: that may be too late.
        self._wires: set[_Wire] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let the connections go, also those of streams that nobody reads any more."""
        for wire in tuple(self._wires):
            await wire.hang_up()
        await self._http.aclose()

    async def deployment(self) -> Deployment:
        """As `Client.deployment`."""
        return await self._run(self._calls.deployment())

    async def quote(self, **options: Unpack[PaymentOptions]) -> Quote:
        """As `Client.quote`."""
        return await self._run(self._calls.quote(options))

    async def pay(self, to: str, amount: int, **options: Unpack[PaymentOptions]) -> Record:
        """As `Client.pay`."""
        return await self.send(await self.sign(to, amount, **options))

    async def sign(self, to: str, amount: int, **options: Unpack[PaymentOptions]) -> SignedPayment:
        """As `Client.sign`."""
        return await self._run(self._calls.signed(to, amount, options))

    async def send(self, payment: SignedPayment) -> Record:
        """As `Client.send`."""
        return await self._run(self._calls.sent(payment))

    async def get(self, transaction_id: str) -> Record:
        """As `Client.get`."""
        return await self._run(self._calls.record(transaction_id))

    async def events(self, transaction_id: str, *, after: int = 0) -> tuple[Event, ...]:
        """As `Client.events`."""
        return await self._run(self._calls.events(transaction_id, after))

    async def list(
        self,
        sender: str | None = None,
        *,
        status: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """As `Client.list`."""
        return await self._run(self._calls.page(sender, status, limit, cursor))

    async def wait_for(
        self,
        transaction_id: str,
        status: str = "CONFIRMED",
        *,
        timeout: float = 120.0,  # noqa: ASYNC109 (of the transaction, not of the coroutine)
    ) -> Record:
        """As `Client.wait_for`."""
        return await self._run(self._calls.waited(transaction_id, Status(status), timeout))

    def follow(self, transaction_id: str, *, after: int = 0) -> AsyncIterator[Event]:
        """As `Client.follow`."""
        return self._stream(self._calls.followed(transaction_id, after))

    def follow_sender(self, sender: str | None = None) -> AsyncIterator[Event]:
        """As `Client.follow_sender`."""
        return self._stream(self._calls.sender_followed(sender))

    async def sign_in(self) -> None:
        """As `Client.sign_in`."""
        await self._run(self._calls.signed_in())

    async def sign_out(self) -> None:
        """As `Client.sign_out`."""
        await self._run(self._calls.signed_out())

    # -- the driver ---------------------------------------------------------------------------

    async def _run(self, flow: Flow[_Result]) -> _Result:
        """Carry out a flow's effects until it ends."""
        outcome: Outcome = None
        async with _Wire(self._http, self._timeout, self._wires) as wire:
            while True:
                try:
                    effect = flow.send(outcome)
                except StopIteration as end:
                    result: _Result = end.value
                    return result
                outcome = await wire.perform(effect)

    async def _stream(self, stream: Stream) -> AsyncIterator[Event]:
        """Carry out a stream's effects, and give its events."""
        outcome: Outcome = None
        async with _Wire(self._http, self._timeout, self._wires) as wire:
            while True:
                try:
                    step = stream.send(outcome)
                except StopIteration:
                    return
                outcome = None
                if isinstance(step, Event):
                    yield step
                else:
                    outcome = await wire.perform(step)


class _Wire:
    """One call's connections; `wires` has it while the call lasts."""

    def __init__(self, http: httpx.AsyncClient, timeout: float, wires: "set[_Wire]") -> None:
        self._http = http
        self._timeout = timeout
        self._wires = wires
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        self._wires.add(self)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.hang_up()
        self._wires.discard(self)

    async def perform(self, effect: Effect) -> Outcome:
        """Carry out one effect; what goes wrong is its outcome."""
        try:
            return await self._performed(effect)
        except (httpx.TransportError, WebSocketException, OSError) as error:
            return Lost(error)

    async def _performed(self, effect: Effect) -> Outcome:
        match effect:
            case Request():
                return await self._answer(effect)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Open(url):
                await self.hang_up()
                self._socket = await connect(
                    url, open_timeout=self._timeout, close_timeout=1, ping_interval=None, proxy=None
                )
            case Send(text):
                await self._open_socket().send(text)
            case Receive(seconds):
                return await self._frame(seconds)
        return None

    async def _answer(self, request: Request) -> Answer:
        body: Mapping[str, Any] = {} if request.body is None else {"json": dict(request.body)}
        response = await self._http.request(
            request.method,
            request.path,
            params=dict(request.params),
            headers=dict(request.headers),
            **body,
        )
        return Answer(status=response.status_code, headers=response.headers, content=response.content)

    async def _frame(self, seconds: float) -> str | None:
        try:
            frame = await asyncio.wait_for(self._open_socket().recv(), seconds)
        except TimeoutError:
            return None
        return frame if isinstance(frame, str) else frame.decode(errors="replace")

    def _open_socket(self) -> ClientConnection:
        if self._socket is None:
            raise ConnectionError("no WebSocket is open")
        return self._socket

    async def hang_up(self) -> None:
        """Close the WebSocket, if one is open."""
        if self._socket is not None:
            await self._socket.close()
            self._socket = None
