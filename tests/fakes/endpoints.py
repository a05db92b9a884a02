"""RPC addresses that a test chooses."""

from collections.abc import Sequence


class FakeEndpoints:
    """The Endpoints of a chain.

    Args:
        urls: the addresses.
        renewed: what replaces them once one of them has refused us.

    """

    def __init__(self, *urls: str, renewed: Sequence[str] | None = None) -> None:
        self._urls: Sequence[str] = urls
        self._renewed = urls if renewed is None else renewed
        self.refusals = 0

    def urls(self) -> Sequence[str]:
        """Give them."""
        return self._renewed if self.refusals else self._urls

    def refused(self) -> None:
        """Count a refusal."""
        self.refusals += 1
