"""A deployment over real HTTP and WebSockets that answers, and misbehaves, as a test tells it to."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from ferryman.intents import KINDS
from ferryman.services.offer import Offer
from local.ports import LOOPBACK, any_free_port
from tests.support.http_server import Answer
from tests.support.payments import CHAIN_ID, chain_settings

NAME: Final = "0x" + "6f" * 32
MESSAGE: Final = "app.example.com wants you to sign in with your Ethereum account: …"
STEPS: Final = (
    ("payment_accepted", "VALIDATED"),
    ("payment_pending", "PENDING"),
    ("payment_included", "PENDING"),
    ("payment_confirmed", "CONFIRMED"),
)
Talk = Callable[["Deployed", ServerConnection], None]
"""What the server does with one WebSocket connection."""


def event(sequence: int, *, name: str = NAME, steps: tuple[tuple[str, str], ...] = STEPS) -> dict[str, Any]:
    """Give an event of a payment."""
    step, status = steps[sequence - 1]
    return {
        "event": step,
        "transaction_id": name,
        "sequence": sequence,
        "status": status,
        "at": "2026-11-21T12:00:00.000Z",
        "data": {},
    }


def record(status: str = "VALIDATED", **changes: Any) -> dict[str, Any]:  # noqa: ANN401 (any field)
    """Give a record."""
    return {
        "transaction_id": NAME,
        "kind": "payment",
        "chain_id": CHAIN_ID,
        "sender": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "status": status,
        "assured": True,
        "intent": {"amount": "1000"},
        "received_at": "2026-11-21T12:00:00.000Z",
        "sequence": 1,
        "hash": None,
        "block_number": None,
        "confirmations": 0,
        "gas_used": None,
        "reason": "deadline_passed" if status == "FAILED" else None,
        "waiting_for": None,
    } | changes


def json_answer(status: int, body: object, **headers: str) -> Answer:
    """Answer with JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(body).encode(), named)


@dataclass
class Deployed:
    """The deployment, as a test sees it."""

    url: str = ""
    websocket_url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    """What has happened so far: what events are read and replayed from."""
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    """(method, path) -> answers in order; then what is usual."""
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    """What to do with each connection in turn; then what is usual."""
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=lambda: [record()])
    """The sender's list, newest first."""
    others: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Events of other transactions than NAME."""
    tickets: list[str] = field(default_factory=list)
    """Query strings of the WebSockets that were opened."""

    def answer(self, method: str, path: str, params: dict[str, str]) -> Answer:
        """Answer as told, or as usual."""
        if told := self.answers.get((method, path)):
            return told.pop(0)
        offer = Offer(kinds=KINDS, chains={CHAIN_ID: chain_settings()}, websocket_url=self.websocket_url)
        last = self.events[-1]["status"] if self.events else "VALIDATED"
        after = int(params.get("after", 0))
        usual: dict[tuple[str, str], object] = {
            ("GET", "/chains"): offer.public(),
            ("POST", "/payments"): record(),
            ("POST", "/quote"): {"fee": "25", "expires_at": "2026-11-21T12:00:00.000Z"},
            ("GET", f"/transactions/{NAME}"): record(last),
            ("GET", f"/transactions/{NAME}/events"): {
                "events": [one for one in self.events if one["sequence"] > after]
            },
            ("GET", "/transactions"): {"transactions": self.listed, "next_cursor": None},
            ("POST", "/sign-in/challenge"): {"message": MESSAGE},
            ("POST", "/sign-in"): {"token": f"token-{len(self.asked('POST', '/sign-in'))}"},
            ("POST", "/sign-out"): {"status": "signed_out"},
            ("POST", "/socket-tickets"): {"ticket": f"ticket/{len(self.asked('POST', '/socket-tickets'))}"},
        }
        for name, events in self.others.items():
            usual["GET", f"/transactions/{name}/events"] = {
                "events": [one for one in events if one["sequence"] > after]
            }
        if (method, path) in usual:
            return json_answer(200, usual[method, path])
        return json_answer(404, {"code": "not_found", "detail": "Nothing.", "errors": []})

    def asked(self, method: str, path: str) -> list[Any]:
        """Bodies (of posts) or parameters (of gets) of the requests so far."""
        return [
            body if method == "POST" else params
            for one, at, params, body in self.requests
            if (one, at) == (method, path)
        ]

    def subscribed(self, connection: ServerConnection) -> dict[str, Any]:
        """Take a subscription; give it."""
        message: dict[str, Any] = json.loads(connection.recv())
        self.subscriptions.append(message)
        return message

    def replay(self, connection: ServerConnection, after: int) -> None:
        """Answer a subscription."""
        known = [one for one in self.events if one["sequence"] > after]
        topic = {"event": "subscribed", "topic": f"transaction:{NAME}", "record": None}
        connection.send(json.dumps(topic | {"events": known}))


def well(deployed: Deployed, connection: ServerConnection) -> None:
    """Serve a connection as it should be."""
    while True:
        deployed.replay(connection, deployed.subscribed(connection)["after"])


@contextmanager
def deployment(*talks: Talk, has_socket: bool = True) -> Iterator[Deployed]:
    """Run one on free ports."""
    deployed = Deployed(talks=list(talks))
    with _http(deployed):
        if not has_socket:
            deployed.websocket_url = f"ws://{LOOPBACK}:{any_free_port()}"
            yield deployed
            return
        with _sockets(deployed):
            yield deployed


@contextmanager
def _http(deployed: Deployed) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query))
            path = parts.path.removeprefix("/v1")
            deployed.requests.append((self.command, path, params, json.loads(body) if body else None))
            deployed.headers.append(dict(self.headers.items()))
            answer = deployed.answer(self.command, path, params)
            if answer.closes:
                self.close_connection = True
                # Half an answer, if there is one: a length that is never reached.
                if answer.body:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + answer.body)
                return
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = _serve  # noqa: N815 (the base class's names)
        do_POST = _serve  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    # As on AWS, below a stage.
    deployed.url = f"http://{LOOPBACK}:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _sockets(deployed: Deployed) -> Iterator[None]:
    def talk(connection: ServerConnection) -> None:
        deployed.tickets.append(urlsplit(connection.request.path if connection.request else "").query)
        told = deployed.talks.pop(0) if deployed.talks else well
        try:
            told(deployed, connection)
        except ConnectionClosed:
            return

    with serve(talk, LOOPBACK, 0) as server:
        deployed.websocket_url = f"ws://{LOOPBACK}:{server.socket.getsockname()[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
