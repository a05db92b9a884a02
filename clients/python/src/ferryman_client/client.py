"""The client for programs without an event loop."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from ferryman_client.calls import Calls
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
from ferryman_client.version import VERSION

TIMEOUT_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 30.0
_Result = TypeVar("_Result")


def headers_of(api_key: str | None) -> dict[str, str]:
    """Give what every request carries."""
    return {"User-Agent": f"ferryman-client/{VERSION}"} | ({"X-Api-Key": api_key} if api_key else {})


class Client:
    """A Ferryman deployment, as its users see it.

    Args:
        url: of the REST API: the stack's output `ApiUrl`.
        signer: who pays; an account of eth-account, or anything that signs like one.
        api_key: of the deployment, where the caller has one.
        chain_id: the chain that calls are about which name none; it may be left out where there is only one.
        timeout: seconds for one answer.
        patience: seconds that a call goes on asking when there is no answer, or "not now".

    """

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
        self._http = httpx.Client(base_url=url, timeout=timeout, headers=headers_of(api_key))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def deployment(self) -> Deployment:
        """Read what the deployment offers: its chains, tokens and limits."""
        return self._run(self._calls.deployment())

    def quote(self, **options: Unpack[PaymentOptions]) -> Quote:
        """Ask what fee a payment would have to carry now; `sign` and `pay` ask by themselves."""
        return self._run(self._calls.quote(options))

    def pay(self, to: str, amount: int, **options: Unpack[PaymentOptions]) -> Record:
        """Sign a payment and send it: the record says at once whether the funds are reserved.

        Args:
            to: who is paid.
            amount: token units.
            options: see `PaymentOptions`.

        Raises:
            InsufficientFundsError, InvalidRequestError, …: it was refused, and nothing has happened.
            ConnectionFailedError: nobody knows. Keep what `sign` gives, to send the same again.

        """
        return self.send(self.sign(to, amount, **options))

    def sign(self, to: str, amount: int, **options: Unpack[PaymentOptions]) -> SignedPayment:
        """Sign a payment, and send nothing.

        Args:
            to: who is paid.
            amount: token units.
            options: see `PaymentOptions`.

        """
        return self._run(self._calls.signed(to, amount, options))

    def send(self, payment: SignedPayment) -> Record:
        """Send a signed payment; sending it again gives the same record, and never pays twice."""
        return self._run(self._calls.sent(payment))

    def get(self, transaction_id: str) -> Record:
        """Read a transaction's record."""
        return self._run(self._calls.record(transaction_id))

    def events(self, transaction_id: str, *, after: int = 0) -> tuple[Event, ...]:
        """Read a transaction's events with a sequence above `after`."""
        return self._run(self._calls.events(transaction_id, after))

    def list(
        self,
        sender: str | None = None,
        *,
        status: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page:
        """Read a page of a sender's transactions, newest first; the signer's own if none is named."""
        return self._run(self._calls.page(sender, status, limit, cursor))

    def wait_for(self, transaction_id: str, status: str = "CONFIRMED", *, timeout: float = 120.0) -> Record:
        """Wait until a transaction has a status, or a later one.

        Raises:
            TransactionFailedError: it is FAILED.
            WaitTimeoutError: it took longer than `timeout` seconds; it goes on all the same.

        """
        return self._run(self._calls.waited(transaction_id, Status(status), timeout))

    def follow(self, transaction_id: str, *, after: int = 0) -> Iterator[Event]:
        """Give a transaction's events as they happen, each once and in order, until it is over.

        Lost connections are made again and what was missed is replayed; where WebSockets are blocked,
        the events are read over HTTPS.
        """
        return self._stream(self._calls.followed(transaction_id, after))

    def follow_sender(self, sender: str | None = None) -> Iterator[Event]:
        """Give the events of all of a sender's transactions as they happen, from now on, until you stop.

        Each once, those of one transaction in order; after a lost connection what was missed is read. It
        needs `sign_in`, or an API key; without a sender it is the signer's own.
        """
        return self._stream(self._calls.sender_followed(sender))

    def sign_in(self) -> None:
        """Prove to be the signer's account (EIP-4361): lists and `follow_sender` of its own are then open.

        A session that has run out is begun again by itself.
        """
        self._run(self._calls.signed_in())

    def sign_out(self) -> None:
        """End the session."""
        self._run(self._calls.signed_out())

    # -- the driver ---------------------------------------------------------------------------

    def _run(self, flow: Flow[_Result]) -> _Result:
        """Carry out a flow's effects until it ends."""
        outcome: Outcome = None
        with _Wire(self._http, self._timeout) as wire:
            while True:
                try:
                    effect = flow.send(outcome)
                except StopIteration as end:
                    result: _Result = end.value
                    return result
                outcome = wire.perform(effect)

    def _stream(self, stream: Stream) -> Iterator[Event]:
        """Carry out a stream's effects, and give its events."""
        outcome: Outcome = None
        with _Wire(self._http, self._timeout) as wire:
            while True:
                try:
                    step = stream.send(outcome)
                except StopIteration:
                    return
                outcome = None
                if isinstance(step, Event):
                    yield step
                else:
                    outcome = wire.perform(step)


class _Wire:
    """One call's connections."""

    def __init__(self, http: httpx.Client, timeout: float) -> None:
        self._http = http
        self._timeout = timeout
        self._socket: ClientConnection | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._hang_up()

    def perform(self, effect: Effect) -> Outcome:
        """Carry out one effect; what goes wrong is its outcome."""
        try:
            return self._performed(effect)
        except (httpx.TransportError, WebSocketException, OSError) as error:
            return Lost(error)

    def _performed(self, effect: Effect) -> Outcome:
        match effect:
            case Request():
                return self._answer(effect)
            case Pause(seconds):
                time.sleep(seconds)
            case Open(url):
                self._hang_up()
                opening = connect(
                    url, open_timeout=self._timeout, close_timeout=1, ping_interval=None, proxy=None
                )
                self._socket = self._open.enter_context(opening)
            case Send(text):
                self._open_socket().send(text)
            case Receive(seconds):
                return self._frame(seconds)
        return None

    def _answer(self, request: Request) -> Answer:
        # Not `json=None`: httpx would send no body, and no Content-Type, as is right for GET.
        body: Mapping[str, Any] = {} if request.body is None else {"json": dict(request.body)}
        response = self._http.request(
            request.method,
            request.path,
            params=dict(request.params),
            headers=dict(request.headers),
            **body,
        )
        return Answer(status=response.status_code, headers=response.headers, content=response.content)

    def _frame(self, seconds: float) -> str | None:
        try:
            frame = self._open_socket().recv(timeout=seconds)
        except TimeoutError:
            return None
        return frame if isinstance(frame, str) else frame.decode(errors="replace")

    def _open_socket(self) -> ClientConnection:
        if self._socket is None:
            raise ConnectionError("no WebSocket is open")
        return self._socket

    def _hang_up(self) -> None:
        self._socket = None
        self._open.close()
