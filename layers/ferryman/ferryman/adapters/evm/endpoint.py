"""One RPC endpoint: batches over a kept connection, and how well it does."""

import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

import urllib3

from ferryman.adapters.evm.breaker import Breaker
from ferryman.adapters.evm.endpoints import RpcAddress
from ferryman.adapters.evm.rpc_batch import NoAnswerError, RpcRequest, answers_of, body_of

_OK: Final = 200
_REFUSED: Final = frozenset({401, 403})
"""The endpoint does not take our key."""
_ABOUT_THE_REQUEST: Final = frozenset({400, 405, 411, 413, 414, 415, 422, 501, 505})
"""The endpoint works and does not want this: it would not another time, but another may have other limits."""
_SERVER_ERRORS: Final = 500
_BEHIND_SECONDS: Final = 30.0
"""How long an endpoint that was behind comes last."""


class Endpoint:
    """One address of a chain.

    Args:
        address: where it is.
        http: connections, shared with other endpoints.
        most_in_batch: requests that it takes at once.
        refused: told when it does not take our key.
        now: seconds that never go back.

    """

    def __init__(
        self,
        address: RpcAddress,
        *,
        http: urllib3.PoolManager,
        most_in_batch: int,
        refused: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self.address = address
        self.breaker = Breaker(now)
        self.trouble: str | None = None
        """Why it gave no answer when it was asked last; None if it gave one."""
        self._http = http
        self._most_in_batch = most_in_batch
        self._refused = refused
        self._now = now
        self._behind_until = float("-inf")

    @property
    def is_behind(self) -> bool:
        """Whether it lagged or stood still when it was last looked at."""
        return self._now() < self._behind_until

    def fell_behind(self) -> None:
        """Ask others first for a while."""
        self._behind_until = self._now() + _BEHIND_SECONDS

    def ask(self, requests: Sequence[RpcRequest], *, patience: float, until: float) -> list[Any]:
        """Send requests in as few batches as it takes.

        Args:
            requests: at least one.
            patience: seconds it may be silent.
            until: when all has to be over, by `now`.

        Returns:
            A result or an RpcError for each, in the order asked.

        Raises:
            NoAnswerError: it did not answer all of them.

        """
        answers: list[Any] = []
        for start in range(0, len(requests), self._most_in_batch):
            part = requests[start : start + self._most_in_batch]
            answers += answers_of(self._posted(body_of(part), patience, until), len(part))
        return answers

    def _posted(self, body: str, patience: float, until: float) -> bytes:
        # The cause never holds the URL: it may hold the key of a provider.
        try:
            response = self._requested(body, patience, until)
        except urllib3.exceptions.HTTPError as error:
            raise NoAnswerError(type(error).__name__, was_sent=not _is_unconnected(error)) from error
        if response.status in _REFUSED:
            self._refused()
        if response.status != _OK:
            raise NoAnswerError(
                f"HTTP status {response.status}",
                was_sent=response.status >= _SERVER_ERRORS,
                is_unwell=response.status not in _ABOUT_THE_REQUEST,
                rest_seconds=_retry_after(response.headers.get("Retry-After")),
            )
        return response.data

    def _requested(self, body: str, patience: float, until: float) -> urllib3.BaseHTTPResponse:
        """Ask once more if the connection was closed: a kept one often is, while a function sleeps.

        All that we ask may be asked twice; a transaction that is sent again is already known.
        """
        try:
            return self._post(body, patience, until)
        except urllib3.exceptions.ProtocolError:
            return self._post(body, patience, until)

    def _post(self, body: str, patience: float, until: float) -> urllib3.BaseHTTPResponse:
        left = min(patience, until - self._now())
        if left <= 0:
            msg = "no time is left"
            raise NoAnswerError(msg, was_sent=False, is_unwell=False)
        timeout = urllib3.Timeout(connect=left / 2, read=left)
        return self._http.request("POST", self.address.url, body=body, timeout=timeout)


def _is_unconnected(error: urllib3.exceptions.HTTPError) -> bool:
    """Whether nothing was sent, because there was nobody to send it to."""
    return isinstance(error, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError))


def _retry_after(header: str | None) -> float | None:
    """Read RFC 9110's Retry-After: seconds, or a date."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(parsedate_to_datetime(header).timestamp() - time.time(), 0.0)
    except ValueError:
        return None
