"""Where a chain answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Endpoints(Protocol):
    """The RPC addresses of one chain; they may change while a process lives."""

    def urls(self) -> Sequence[str]:
        """Give the addresses, the preferred first.

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
    """Its place among them, from 1."""

    def urls(self) -> Sequence[str]:
        """Give it, or nothing if it is gone."""
        return self.endpoints.urls()[self.number - 1 : self.number]

    def refused(self) -> None:
        """Tell the others' source."""
        self.endpoints.refused()
