"""Where a chain answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RpcAddress:
    """One RPC address of a chain."""

    url: str
    """It may hold a provider's key: never logged, never shown."""
    number: int
    """Its place in the list, from 1: its name everywhere else."""
    weight: int = 1
    """Of healthy endpoints the heaviest is read from; the list's order decides between equals."""


class Endpoints(Protocol):
    """The RPC addresses of one chain; they may change while a process lives."""

    def addresses(self) -> Sequence[RpcAddress]:
        """Give the addresses, as they are listed.

        Raises:
            ChainUnreachableError: they are not known now.

        """
        ...

    def refused(self) -> None:
        """Note that one of them did not take our key (HTTP 401 or 403): ours may be an old one."""
        ...


@dataclass(frozen=True, slots=True)
class OneEndpoint:
    """The Endpoints that are only one of others."""

    endpoints: Endpoints
    number: int

    def addresses(self) -> Sequence[RpcAddress]:
        """Give it, or nothing if it is gone."""
        return [one for one in self.endpoints.addresses() if one.number == self.number]

    def refused(self) -> None:
        """Tell the others' source."""
        self.endpoints.refused()
