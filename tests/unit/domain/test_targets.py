"""Where a webhook may go: every known way back into somebody's network is closed."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.targets import is_public, parsed_target


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://example.com", "example.com", 443, "/", "example.com"),
        ("https://Example.COM/a/b?c=d&e", "example.com", 443, "/a/b?c=d&e", "example.com"),
        ("https://hooks.example.co.uk:8443/x", "hooks.example.co.uk", 8443, "/x", "hooks.example.co.uk:8443"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://example.com:443/x", "example.com", 443, "/x", "example.com"),
    ],
)
def test_a_public_url_is_taken_apart(url: str, host: str, port: int, path: str, authority: str) -> None:
    """As it goes into the request."""
    target = parsed_target(url)

    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)
    assert target.authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "//example.com/",
        "example.com",
        "",
        "https://",
        "https:///path",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://8.8.8.8/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://localhost/",
        "https://localhost./",
        "https://api.localhost/",
        "https://example.com./",
        "https://metadata.google.internal/",
        "https://printer.local/",
        "https://intranet/",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com:80/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://example.com/#fragment",
        "https://exa mple.com/",
        "https://example.com/\r\nX-Injected: 1",
        "https://example.com\\@127.0.0.1/",
        "https://bücher.example/",
        "https://ⓔxample.com/",
        "https://example。com/",
        "https://-example.com/",
        "https://example..com/",
        "https://" + "a" * 64 + ".com/",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_what_is_no_public_https_url_is_refused_with_a_reason(url: str) -> None:
    """Before anything is resolved."""
    with pytest.raises(ValueError, match=r"^must "):
        parsed_target(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/x", "http://localhost:1/", "https://[::1]:8443/"])
def test_a_local_stack_may_post_to_loopback(url: str) -> None:
    """Only by its template parameter."""
    assert parsed_target(url, any_target=True).port

    with pytest.raises(ValueError, match="must"):
        parsed_target(url)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1/#x", "http:///x"]
)
def test_even_a_local_stack_takes_no_broken_url(url: str) -> None:
    """The parameter opens hosts, not forms."""
    with pytest.raises(ValueError, match="must"):
        parsed_target(url, any_target=True)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450::1"]
)
def test_an_address_of_the_public_internet_is_public(address: str) -> None:
    """Else nothing could be delivered."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 (an address like any other here)
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "no address",
        "",
    ],
)
def test_every_other_address_is_not(address: str) -> None:
    """Private, loopback, link-local, shared, reserved, multicast, and IPv4 in IPv6's clothes."""
    assert not is_public(address)


@given(number=st.integers(0, 2**32 - 1))
def test_no_address_that_python_calls_private_is_public(number: int) -> None:
    """Another list of the same registry agrees, as far as it goes."""
    address = ipaddress.IPv4Address(number)

    assert not (
        is_public(str(address)) and (address.is_private or address.is_multicast or address.is_reserved)
    )


@given(number=st.integers(0, 2**128 - 1))
def test_no_ipv6_address_that_python_calls_private_is_public(number: int) -> None:
    """The same for the longer ones."""
    address = ipaddress.IPv6Address(number)

    assert not (is_public(str(address)) and (address.is_private or address.is_multicast))


@pytest.mark.parametrize("text", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_an_address_written_as_a_number_resolves_to_one_that_is_refused(text: str) -> None:
    """If a form should ever pass the parser, the address it stands for does not."""
    ((*_, place),) = socket.getaddrinfo(text, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    assert not is_public(str(place[0]))
