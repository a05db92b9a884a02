"""RPC addresses that a test chooses."""

from collections.abc import Sequence

from ferryman.adapters.evm.endpoints import RpcAddress


class FakeEndpoints:
    """The Endpoints of a chain.

    Args:
        urls: the addresses.
        weights: theirs; 1 each if not said.
        renewed: what replaces them once one of them has refused us.

    """

    def __init__(
        self, *urls: str, weights: Sequence[int] | None = None, renewed: Sequence[str] | None = None
    ) -> None:
        self._urls: Sequence[str] = urls
        self._weights = weights or [1] * max(len(urls), len(renewed or ()))
        self._renewed = urls if renewed is None else renewed
        self.refusals = 0

    def addresses(self) -> Sequence[RpcAddress]:
        """Give them."""
        urls = self._renewed if self.refusals else self._urls
        listed = zip(urls, self._weights, strict=False)
        return [RpcAddress(url, number, weight) for number, (url, weight) in enumerate(listed, start=1)]

    def refused(self) -> None:
        """Count a refusal."""
        self.refusals += 1
