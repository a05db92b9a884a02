"""Who calls, and what callers of each role may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ferryman.domain.errors import FieldProblem, NotAllowedError
from ferryman.domain.units import Address, ChainId, Instant


class Role(StrEnum):
    """What an API key may do; each role may do what the one before it may."""

    READER = "reader"
    """Read every sender's records, lists and metrics."""
    SERVICE = "service"
    """Act for a product: post under its own limits, register webhooks."""
    ADMIN = "admin"
    """Manage keys and limits over the API."""

    def includes(self, other: "Role") -> bool:
        """Whether this role may do what `other` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, as far as it was proved."""

    name: str
    """For logs, limits and ownership: `anonymous`, `address:<0x…>` or `key:<key id>`; never a secret."""
    address: Address | None = None
    """The account that signed in (EIP-4361)."""
    role: Role | None = None
    """The role of the API key."""

    @property
    def key_id(self) -> str | None:
        """Id of the API key, if it was one."""
        kind, _, key_id = self.name.partition(":")
        return key_id if kind == "key" else None

    def may_read(self, sender: Address) -> bool:
        """Whether the caller may list this sender's transactions and listen to all of them."""
        return self.address == sender or self.has(Role.READER)

    def has(self, role: Role) -> bool:
        """Whether the caller's API key has at least this role."""
        return self.role is not None and self.role.includes(role)

    def require(self, role: Role) -> None:
        """Refuse a caller whose API key has not at least this role.

        Raises:
            NotAllowedError: the caller may not do this.

        """
        if not self.has(role):
            problem = FieldProblem("X-Api-Key", f"must be an API key with role {role}")
            raise NotAllowedError(f"This needs an API key with role {role}.", problem)


ANONYMOUS: Final = Caller(name="anonymous")
"""Somebody who proved nothing; may post signed messages and read public records by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A nonce that we gave an account to sign in with, once."""

    nonce: str
    address: Address
    chain_id: ChainId
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a sign-in gave: whoever carries its token is the account."""

    digest: str
    """SHA-256 of the token, which is nowhere kept."""
    address: Address
    expires_at: Instant

    @property
    def caller(self) -> Caller:
        """Who carries the token."""
        return Caller(name=f"address:{self.address}", address=self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The right to open one WebSocket connection as somebody."""

    digest: str
    """SHA-256 of the ticket, which is nowhere kept."""
    caller: Caller
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key that an operator gave to a program."""

    key_id: str
    name: str
    """For people: whose it is."""
    role: Role
    digest: str
    """SHA-256 of its secret part, which is nowhere kept."""
    created_at: Instant
    revoked_at: Instant | None = None

    @property
    def caller(self) -> Caller:
        """Who carries the key."""
        return Caller(name=f"key:{self.key_id}", role=self.role)
