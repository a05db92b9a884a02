"""Posting webhooks to real servers that answer, hang, redirect, drip and lie."""

import datetime as dt
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ferryman.adapters.receivers import HttpReceivers
from local.ports import LOOPBACK
from tests.support.http_server import Answer, serving

HEADERS = {"Content-Type": "application/json", "Ferryman-Delivery": "dlv_1"}
BODY = b'{"event": "payment_confirmed"}'
OPEN = HttpReceivers(any_target=True, total_seconds=1.0)
Serve = Callable[[socket.socket], None]


@contextmanager
def listening(serve: Serve) -> Iterator[str]:
    """Serve each connection by a function of its own on a free port; give `host:port`."""
    with socket.create_server((LOOPBACK, 0)) as server:

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=safely, args=(connection,), daemon=True).start()

        def safely(connection: socket.socket) -> None:
            with connection:
                try:
                    serve(connection)
                except OSError:
                    return  # the client has gone: that is what the tests are about

        threading.Thread(target=accept, daemon=True).start()
        yield f"{LOOPBACK}:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_receiver_gets_the_request_as_it_was_meant() -> None:
    """Path, headers and body; its status comes back."""
    with serving(lambda _body: Answer(204)) as server:
        posted = OPEN.post(f"{server.url}/hooks?tenant=1", headers=HEADERS, body=BODY)

    assert (posted.status, posted.text, posted.is_taken) == (204, "status 204", True)
    assert (server.paths, server.bodies) == (["/hooks?tenant=1"], [BODY])


@pytest.mark.parametrize("status", [200, 201, 299])
def test_any_2xx_is_taken(status: int) -> None:
    """Whatever the receiver's framework likes to say."""
    with serving(lambda _body: Answer(status)) as server:
        assert OPEN.post(server.url, headers=HEADERS, body=BODY).is_taken


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    """It could lead back into our own network."""
    with serving(lambda _body: Answer(204)) as inside:
        moved = Answer(status, headers={"Location": f"{inside.url}/metadata"})
        with serving(lambda _body: moved) as server:
            posted = OPEN.post(server.url, headers=HEADERS, body=BODY)

    assert (posted.status, posted.is_taken) == (status, False)
    assert inside.connections == 0


def answers_with(head: bytes, *, then: Serve | None = None) -> Serve:
    """Read a request and answer it with some bytes."""

    def serve(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(head)
        if then:
            then(connection)

    return serve


def pours(connection: socket.socket) -> None:
    """Send a gigabyte."""
    for _ in range(1_024):
        connection.sendall(b"x" * 1_048_576)


def drips(connection: socket.socket) -> None:
    """Send a header for ever, a byte at a time."""
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(300):
        connection.sendall(b"x")
        time.sleep(0.05)


def hangs(connection: socket.socket) -> None:
    """Take the request and say nothing."""
    connection.recv(65_536)
    time.sleep(10)


def refuses_to_read(connection: socket.socket) -> None:
    """Take nothing of a request."""
    time.sleep(10)
    connection.recv(1)


def test_a_body_of_a_gigabyte_is_not_read() -> None:
    """The status is all that counts."""
    began = time.monotonic()
    with listening(answers_with(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", then=pours)) as at:
        posted = OPEN.post(f"http://{at}/", headers=HEADERS, body=BODY)

    assert posted.is_taken
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("serve", [hangs, drips])
def test_a_receiver_that_is_slow_costs_its_time_and_no_more(serve: Serve) -> None:
    """Also one that sends a byte now and then, so that no single read is slow."""
    with listening(serve) as at:
        posted = OPEN.post(f"http://{at}/", headers=HEADERS, body=BODY)

    assert (posted.status, posted.text) == (None, "timed out")
    assert 900 <= posted.took < 3_000


def test_a_receiver_that_does_not_read_costs_its_time_and_no_more() -> None:
    """A body larger than the system's buffers."""
    with listening(refuses_to_read) as at:
        posted = OPEN.post(f"http://{at}/", headers=HEADERS, body=b"x" * 50_000_000)

    assert (posted.status, posted.text) == (None, "timed out")


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"", "no HTTP answer"),
        (b"HTTP/1.1 20", "no HTTP answer"),
        (b"SSH-2.0-OpenSSH_9.0\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 abc Strange\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n", "no HTTP answer"),
    ],
)
def test_what_does_not_speak_http_has_taken_nothing(head: bytes, text: str) -> None:
    """Neither silence nor half an answer, nor one that never ends."""
    with listening(answers_with(head)) as at:
        posted = OPEN.post(f"http://{at}/", headers=HEADERS, body=BODY)

    assert (posted.status, posted.text) == (None, text)


def test_a_closed_port_is_refused_and_an_unknown_host_does_not_resolve() -> None:
    """In words that the owner of a webhook can act on."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]

    refused = OPEN.post(f"http://{LOOPBACK}:{port}/", headers=HEADERS, body=BODY)
    unknown = OPEN.post("http://does-not-exist.invalid/", headers=HEADERS, body=BODY)

    assert (refused.text, unknown.text) == ("connection refused", "host does not resolve")


# -- names and addresses ------------------------------------------------------------------------


class FakeDns:
    """A resolver that gives one answer after the other, and repeats the last."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer."""
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["::1"],
        ["::ffff:10.0.0.1"],
    ],
)
def test_a_name_with_any_private_address_is_refused(addresses: list[str]) -> None:
    """At registration, and at every post."""
    receivers = HttpReceivers(resolve=FakeDns(addresses))

    with pytest.raises(ValueError, match="public addresses"):
        receivers.check("https://rebind.example/")
    posted = receivers.post("https://rebind.example/", headers=HEADERS, body=BODY)

    assert (posted.status, posted.text) == (None, "URL must name a host with none but public addresses")


def test_a_name_that_turns_private_after_registration_is_never_connected_to() -> None:
    """DNS rebinding, the slow form: checked when it was registered, another address at the delivery."""
    with serving(lambda _body: Answer(204)) as inside:
        dns = FakeDns(["8.8.8.8"], [LOOPBACK])
        receivers = HttpReceivers(resolve=dns)
        receivers.check("https://rebind.example/")
        posted = receivers.post("https://rebind.example:8443/", headers=HEADERS, body=BODY)

    assert posted.status is None
    assert inside.connections == 0


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding, the quick form: a second look-up would give another address, so there is none."""
    dns = FakeDns(["93.184.216.34"], [LOOPBACK])
    connected: list[tuple[str, int]] = []

    def connect(place: tuple[str, int], timeout: float) -> socket.socket:
        connected.append(place)
        raise TimeoutError(timeout)

    monkeypatch.setattr(socket, "create_connection", connect)
    HttpReceivers(resolve=dns).post("https://rebind.example/", headers=HEADERS, body=BODY)

    assert dns.asked == [("rebind.example", 443)]
    assert connected == [("93.184.216.34", 443)]


def test_a_name_without_addresses_or_with_a_slow_resolver_is_refused_in_time() -> None:
    """The resolver knows no time limit of its own."""

    def sleeps(_host: str, _port: int) -> Sequence[str]:
        time.sleep(5)
        return ["8.8.8.8"]

    began = time.monotonic()
    for resolve in (FakeDns([]), sleeps):
        with pytest.raises(ValueError, match="resolves"):
            HttpReceivers(resolve=resolve, total_seconds=0.3).check("https://slow.example/")

    assert time.monotonic() - began < 2.0


def test_a_name_that_no_resolver_can_read_is_refused() -> None:
    """Python's own codec refuses some names that look well."""
    with pytest.raises(ValueError, match="resolves"):
        HttpReceivers(any_target=True).check("http://" + "a" * 70 + ".example/")


# -- TLS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a key and a certificate for `hooks.example` that nobody vouches for, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path_factory.mktemp("tls") / "hooks.pem"
    pem.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem


@contextmanager
def tls_server(pem: Path) -> Iterator[int]:
    """Answer 204 over TLS; give the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            answers_with(b"HTTP/1.1 204 No Content\r\n\r\n")(secure)

    with listening(serve) as at:
        yield int(at.rpartition(":")[2])


def trusting(pem: Path) -> HttpReceivers:
    """Give receivers that trust the test's authority, and find every name on loopback."""
    context = ssl.create_default_context(cafile=str(pem))
    return HttpReceivers(any_target=True, resolve=FakeDns([LOOPBACK]), tls=context)


def test_a_receiver_with_the_right_certificate_is_posted_to_over_tls(certificate: Path) -> None:
    """Connected to by address, verified by name."""
    with tls_server(certificate) as port:
        posted = trusting(certificate).post(f"https://hooks.example:{port}/", headers=HEADERS, body=BODY)

    assert posted.is_taken, posted


def test_a_certificate_for_another_name_is_not_accepted(certificate: Path) -> None:
    """Whoever holds the address is not yet whom we mean."""
    with tls_server(certificate) as port:
        posted = trusting(certificate).post(f"https://other.example:{port}/", headers=HEADERS, body=BODY)

    assert posted.status is None
    assert posted.text.startswith("certificate not accepted: Hostname mismatch")


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(certificate: Path) -> None:
    """By the system's authorities, as on AWS."""
    receivers = HttpReceivers(any_target=True, resolve=FakeDns([LOOPBACK]))
    with tls_server(certificate) as port:
        posted = receivers.post(f"https://hooks.example:{port}/", headers=HEADERS, body=BODY)

    assert posted.status is None
    assert posted.text.startswith("certificate not accepted: self")


def test_a_server_without_tls_is_told_apart() -> None:
    """Https to a port that speaks http."""
    with listening(answers_with(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as at:
        posted = OPEN.post(f"https://{at}/", headers=HEADERS, body=BODY)

    assert (posted.status, posted.text) == (None, "no TLS connection")


def test_a_handshake_that_never_ends_costs_its_time_and_no_more() -> None:
    """The time limit holds for TLS too."""
    with listening(refuses_to_read) as at:
        posted = OPEN.post(f"https://{at}/", headers=HEADERS, body=BODY)

    assert (posted.status, posted.text) == (None, "timed out")
