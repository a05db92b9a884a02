"""Where a chain answers."""

from collections.abc import Sequence
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
