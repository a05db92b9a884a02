"""A real HTTP server that answers what a test tells it to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from local.ports import LOOPBACK

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server gives."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    closes: bool = False
    """Whether the connection ends without any answer."""


Answers = Callable[[bytes], Answer]
"""From a request's body to its answer."""


@dataclass(slots=True)
class Served:
    """A running server."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    """Bodies of the requests so far."""
    paths: list[str] = field(default_factory=list)
    connections: int = 0


@contextmanager
def serving(answers: Answers) -> Iterator[Served]:
    """Serve on a free port for as long as the context lasts."""
    served = Served(url="")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            served.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            served.bodies.append(body)
            served.paths.append(self.path)
            answer = answers(body)
            if answer.closes:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {"Content-Type": JSON, **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            # A client whose time limit has passed is gone: that is what its test is about.
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(answer.body)

        def do_GET(self) -> None:
            self.do_POST()

        def do_DELETE(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    served.url = f"http://{LOOPBACK}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
