"""Who calls, and what callers of each role may do."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ferryman.domain.units import Address


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

    def may_read(self, sender: Address) -> bool:
        """Whether the caller may list this sender's transactions and listen to all of them."""
        return self.address == sender or self.has(Role.READER)

    def has(self, role: Role) -> bool:
        """Whether the caller's API key has at least this role."""
        return self.role is not None and self.role.includes(role)


ANONYMOUS: Final = Caller(name="anonymous")
"""Somebody who proved nothing; may post signed messages and read public records by id."""
