"""Where a webhook may go: public hosts over HTTPS, and never back into somebody's network."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

LONGEST_URL: Final = 2_000
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LONGEST_HOST: Final = 253
_PUBLIC_PORTS: Final = frozenset({443, 8443})
_PORT_OF: Final = {"https": 443, "http": 80}

_CLOSED_4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this host on this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared by carriers (CGNAT)
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local, the metadata services
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/3",  # multicast, reserved, broadcast
        ),
    )
)
"""IANA's special-purpose registry (RFC 6890 and its successors), and multicast."""
_OPEN_6: Final = IPv6Network("2000::/3")
"""The only global unicast space there is (RFC 4291, IANA)."""
_CLOSED_6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address in disguise
            "3fff::/20",  # documentation
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that a webhook may be posted to, once its host resolves to nothing but public addresses."""

    scheme: str
    host: str
    """A name in lower case, never an address."""
    port: int
    path: str
    """With the query, as it goes into the request line."""

    @property
    def authority(self) -> str:
        """The `Host` header."""
        return self.host if self.port == _PORT_OF[self.scheme] else f"{self.host}:{self.port}"


def parsed_target(url: str, *, any_target: bool = False) -> Target:
    """Read a webhook's URL.

    Args:
        url: what the client registered.
        any_target: also take http, addresses, single names and every port: the local stack, for tests.

    Raises:
        ValueError: it may not be used; the text says why.

    """
    _check_text(url)
    parts = urlsplit(url)
    if parts.scheme not in ({"https", "http"} if any_target else {"https"}):
        raise ValueError("must begin with https://")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or a password")
    if "#" in url:
        raise ValueError("must not have a fragment")
    host, port = parts.hostname or "", _port(url)
    if port is None:
        port = _PORT_OF[parts.scheme]
    if not any_target:
        _check_name(host)
        if port not in _PUBLIC_PORTS:
            raise ValueError("must use port 443 or 8443")
    if not host:
        raise ValueError("must name a host")
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet: a webhook may connect to no other."""
    try:
        found = ip_address(address)
    except ValueError:
        return False  # with a zone (fe80::1%eth0), or no address at all
    match found:
        case IPv4Address():
            return not any(found in network for network in _CLOSED_4)
        case IPv6Address():
            # IPv4-mapped, IPv4-compatible and NAT64 addresses are all outside 2000::/3.
            return found in _OPEN_6 and not any(found in network for network in _CLOSED_6)


def _check_text(url: str) -> None:
    if len(url) > LONGEST_URL:
        raise ValueError(f"must have at most {LONGEST_URL} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("must be plain ASCII without spaces or backslashes; write the host in punycode")


def _check_name(host: str) -> None:
    """Take names with a dot only: every way to write an address as a number is none."""
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("must name a host by letters, digits, hyphens and dots")
    if len(labels) == 1 or not labels[-1][0].isalpha():
        raise ValueError("must name a public host, not an address or a name of one word")
    if labels[-1] in {"localhost", "local", "internal", "arpa", "test", "invalid", "onion"}:
        raise ValueError("must name a host of the public internet")


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError as error:
        raise ValueError("must have a port between 1 and 65535") from error
