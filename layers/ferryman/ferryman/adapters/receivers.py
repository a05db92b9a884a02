"""Posting to servers we do not know: to the very address that was checked, within bounds, and no further.

Neither urllib3 nor http.client lets a caller resolve a name once, check every address and connect to
that one; and their time limits are for each read, so that a server which sends a byte now and then
holds a function for ever. What is needed of HTTP here is one request and the head of one answer.
"""

import contextlib
import http.client
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from ferryman.domain.targets import Target, is_public, parsed_target
from ferryman.domain.units import Milliseconds
from ferryman.ports import Posted

Resolve = Callable[[str, int], Sequence[str]]
"""(host, port) -> its addresses. Raises OSError."""

CONNECT_SECONDS: Final = 3.0
TOTAL_SECONDS: Final = 8.0
_LARGEST_HEAD: Final = 16 * 1024
"""Bytes read of an answer: its head. The body is nothing to us."""
_CHUNK: Final = 4096


class HttpReceivers:
    """The Receivers port.

    Args:
        any_target: also post over http and to private addresses: the local stack, for tests.
        resolve: the resolver, so that a test can answer for DNS.
        total_seconds: the most that one post may take, name resolution and TLS included.
        tls: whom to trust; the system's authorities unless a test has its own.

    """

    def __init__(
        self,
        *,
        any_target: bool = False,
        resolve: Resolve | None = None,
        total_seconds: float = TOTAL_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._any_target = any_target
        self._resolve = resolve or _addresses
        self._total_seconds = total_seconds
        self._tls = tls or ssl.create_default_context()

    def check(self, url: str) -> None:
        """Look at the URL, and at what its host resolves to now; each post looks again."""
        target = parsed_target(url, any_target=self._any_target)
        try:
            self._checked_addresses(target, _Time(self._total_seconds))
        except OSError as error:
            msg = "must name a host that resolves"
            raise ValueError(msg) from error

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Posted:
        """Post, and read the status of the answer."""
        began = time.monotonic()
        status, text = None, ""
        try:
            status = self._status(parsed_target(url, any_target=self._any_target), headers, body)
            text = f"status {status}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            text = _cause(error)
        return Posted(status=status, text=text, took=Milliseconds(int((time.monotonic() - began) * 1000)))

    def _status(self, target: Target, headers: Mapping[str, str], body: bytes) -> int:
        left = _Time(self._total_seconds)
        with self._connected(target, left) as connection:
            connection.settimeout(left.seconds())
            connection.sendall(_request(target, headers, body))
            return _status_of(_head(connection, left))

    def _connected(self, target: Target, left: "_Time") -> socket.socket:
        """Connect to an address that was checked, by the name the certificate must be for."""
        plain = self._plain_connection(target, left)
        if target.scheme == "http":
            return plain
        plain.settimeout(left.seconds())
        try:
            return self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise

    def _plain_connection(self, target: Target, left: "_Time") -> socket.socket:
        failure: OSError = OSError("no address")
        for address in self._checked_addresses(target, left):
            try:
                return socket.create_connection(
                    (address, target.port), timeout=min(left.seconds(), CONNECT_SECONDS)
                )
            except OSError as error:
                failure = error
        raise failure

    def _checked_addresses(self, target: Target, left: "_Time") -> Sequence[str]:
        """Resolve once; one private address among public ones condemns them all.

        Raises:
            ValueError: an address may not be connected to.
            OSError: the host does not resolve.

        """
        addresses = _in_time(lambda: self._resolve(target.host, target.port), left)
        if not addresses:
            msg = "no address"
            raise OSError(msg)
        if not self._any_target and not all(map(is_public, addresses)):
            msg = "must name a host with none but public addresses"
            raise ValueError(msg)
        return addresses


class _Time:
    """What is left of a post's time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def seconds(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            msg = "timed out"
            raise TimeoutError(msg)
        return left


def _addresses(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def _in_time(ask: Callable[[], Sequence[str]], left: _Time) -> Sequence[str]:
    """Ask the resolver, which knows no time limit, in a thread that may be left behind."""
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def asking() -> None:
        try:
            answers.put(ask())
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=asking, daemon=True).start()
    try:
        answer = answers.get(timeout=left.seconds())
    except queue.Empty as error:
        msg = "timed out"
        raise TimeoutError(msg) from error
    if isinstance(answer, OSError):
        raise answer
    if isinstance(answer, Exception):
        msg = "no host"
        raise OSError(msg) from answer
    return answer


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _head(connection: socket.socket, left: _Time) -> bytes:
    """Read an answer up to the blank line after its headers."""
    head = b""
    while b"\r\n\r\n" not in head:
        connection.settimeout(left.seconds())
        chunk = connection.recv(_CHUNK)
        if not chunk:
            raise http.client.RemoteDisconnected("closed without an answer")
        head += chunk
        if len(head) > _LARGEST_HEAD:
            raise http.client.LineTooLong("answer's head")
    return head


class _Read:
    """What was read, as the socket that http.client parses from."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._head)


def _status_of(head: bytes) -> int:
    with contextlib.closing(http.client.HTTPResponse(cast("Any", _Read(head)))) as response:
        response.begin()
        return response.status


def _cause(error: Exception) -> str:
    """Say what went wrong, in a few fixed words: they are shown to whoever registered the URL."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    known = (words for kind, words in _CAUSES.items() if isinstance(error, kind))
    return next(known, f"URL {error}")


_CAUSES: Final[Mapping[type[Exception], str]] = {
    TimeoutError: "timed out",
    ssl.SSLError: "no TLS connection",
    socket.gaierror: "host does not resolve",
    ConnectionRefusedError: "connection refused",
    # Before OSError: a server that closes without an answer is both.
    http.client.HTTPException: "no HTTP answer",
    OSError: "connection lost",
}
"""The first that fits; what is left says of the URL why it may not be used."""
