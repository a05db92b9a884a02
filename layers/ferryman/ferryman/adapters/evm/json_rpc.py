"""JSON-RPC 2.0 in batches over one kept connection per endpoint."""

import copy
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import urllib3

from ferryman.adapters.evm.endpoints import Endpoints, OneEndpoint
from ferryman.adapters.evm.rpc_errors import is_endpoint_trouble
from ferryman.adapters.tracing import NoTracing
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import ChainId
from ferryman.ports import Metrics, Tracing

_OK: Final = 200
_REFUSED: Final = frozenset({401, 403})
"""The endpoint does not take our key."""


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """A method and its parameters."""

    method: str
    params: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class RpcError:
    """An endpoint's answer that it did not do what was asked."""

    code: int
    text: str
    data: str = ""


class _NoAnswerError(Exception):
    """One endpoint gave no usable answer; the next one may."""


class JsonRpc:
    """The endpoints of one chain, tried in order.

    Args:
        chain_id: the chain they serve.
        endpoints: their addresses.
        metrics: gets the time and the errors of each endpoint, by its number.
        tracing: gets a span for each batch.
        timeout_seconds: how long one endpoint may be silent.

    """

    def __init__(
        self,
        chain_id: ChainId,
        endpoints: Endpoints,
        *,
        metrics: Metrics,
        tracing: Tracing | None = None,
        timeout_seconds: float = 4.0,
    ) -> None:
        self._chain_id = chain_id
        self._endpoints = endpoints
        self._metrics = metrics
        self._tracing = tracing or NoTracing()
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=timeout_seconds / 2, read=timeout_seconds),
            headers={"Content-Type": "application/json"},
        )

    def singly(self) -> tuple["JsonRpc", ...]:
        """Give each endpoint by itself, over the same connections, the preferred first.

        Raises:
            ChainUnreachableError: the addresses are not known now.

        """
        return tuple(self._pinned(number) for number, _ in enumerate(self._endpoints.urls(), start=1))

    def batch(self, requests: Sequence[RpcRequest]) -> list[Any]:
        """Send requests in one batch.

        Returns:
            A result or an RpcError for each request, in the order asked.

        Raises:
            ChainUnreachableError: no endpoint answered all of them.

        """
        if not requests:
            return []
        body = json.dumps(
            [
                {"jsonrpc": "2.0", "id": number, "method": request.method, "params": request.params}
                for number, request in enumerate(requests)
            ]
        )
        causes = []
        for number, url in self._candidates():
            began = time.monotonic()
            try:
                with self._tracing.span(f"chain-{self._chain_id}", endpoint=number, calls=len(requests)):
                    return self._answers(self._posted(url, body), len(requests))
            except _NoAnswerError as error:
                self._metrics.add(Metric.RPC_ERRORS, chain_id=self._chain_id, endpoint=number)
                causes.append(str(error))
            finally:
                took = (time.monotonic() - began) * 1000
                self._metrics.add(Metric.RPC_TIME, round(took, 1), chain_id=self._chain_id, endpoint=number)
        raise ChainUnreachableError(self._chain_id, causes[-1])

    def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 (a JSON value)
        """Send one request.

        Raises:
            ChainUnreachableError: no endpoint gave a result.

        """
        (answer,) = self.batch([RpcRequest(method, params)])
        return self.result(answer)

    def result(self, answer: Any) -> Any:  # noqa: ANN401 (a JSON value)
        """Give a result, or raise ChainUnreachableError: this was a question every node can answer."""
        if isinstance(answer, RpcError):
            raise ChainUnreachableError(self._chain_id, f"error {answer.code}: {answer.text}")
        return answer

    def _pinned(self, number: int) -> "JsonRpc":
        pinned = copy.copy(self)
        pinned._endpoints = OneEndpoint(self._endpoints, number)  # noqa: SLF001 (its own class)
        return pinned

    def _candidates(self) -> Iterator[tuple[int, str]]:
        """Give numbers and addresses, in the end those that have replaced refused ones meanwhile."""
        tried = tuple(self._endpoints.urls())
        yield from enumerate(tried, start=1)
        again = enumerate(self._endpoints.urls(), start=1)
        yield from ((number, url) for number, url in again if url not in tried)

    def _posted(self, url: str, body: str) -> Any:  # noqa: ANN401 (a JSON value)
        # The cause never holds the URL: it may hold the key of a provider.
        try:
            response = self._requested(url, body)
        except urllib3.exceptions.HTTPError as error:
            raise _NoAnswerError(type(error).__name__) from error
        if response.status in _REFUSED:
            self._endpoints.refused()
        if response.status != _OK:
            msg = f"HTTP status {response.status}"
            raise _NoAnswerError(msg)
        try:
            return json.loads(response.data)
        except (ValueError, RecursionError) as error:
            msg = "the answer is not JSON"
            raise _NoAnswerError(msg) from error

    def _requested(self, url: str, body: str) -> urllib3.BaseHTTPResponse:
        """Ask once more if the connection was closed: a kept one often is, while a function sleeps.

        All that we ask may be asked twice; a transaction that is sent again is already known.
        """
        try:
            return self._pool.request("POST", url, body=body)
        except urllib3.exceptions.ProtocolError:
            return self._pool.request("POST", url, body=body)

    def _answers(self, answer: Any, count: int) -> list[Any]:  # noqa: ANN401 (a JSON value)
        """Put the answers into the order of their requests: a batch may come back in any."""
        if not isinstance(answer, list):
            msg = "the answer to a batch is not a batch"
            raise _NoAnswerError(msg)
        by_id = {part.get("id"): part for part in answer if isinstance(part, dict)}
        if not all(number in by_id for number in range(count)):
            msg = "the answer lacks some of the results"
            raise _NoAnswerError(msg)
        return [_outcome(by_id[number]) for number in range(count)]


def _outcome(part: dict[str, Any]) -> Any:  # noqa: ANN401 (a JSON value)
    if "error" not in part:
        return part.get("result")
    error = part["error"] or {}
    code, text, data = error.get("code", 0), str(error.get("message", "")), error.get("data")
    if is_endpoint_trouble(code, text):
        msg = f"error {code}: {text}"
        raise _NoAnswerError(msg)
    return RpcError(code, text, data if isinstance(data, str) else "")
