"""JSON-RPC 2.0 batches: requests to bytes, and bytes to answers in the order asked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ferryman.adapters.evm.rpc_errors import is_endpoint_trouble


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


class NoAnswerError(Exception):
    """One endpoint gave no usable answer; another one may.

    Args:
        cause: why, without the endpoint's address.
        was_sent: whether it may have got what it was asked, and done it.
        is_unwell: whether that says something of its health.
        rest_seconds: how long it asks to be left alone.

    """

    def __init__(
        self,
        cause: str,
        *,
        was_sent: bool = True,
        is_unwell: bool = True,
        rest_seconds: float | None = None,
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.was_sent = was_sent
        self.is_unwell = is_unwell
        self.rest_seconds = rest_seconds


def body_of(requests: Sequence[RpcRequest]) -> str:
    """Write requests as one batch, each with its place as its id."""
    return json.dumps(
        [
            {"jsonrpc": "2.0", "id": number, "method": request.method, "params": request.params}
            for number, request in enumerate(requests)
        ]
    )


def answers_of(body: bytes, count: int) -> list[Any]:
    """Read the answers to a batch, which may come back in any order.

    Returns:
        A result or an RpcError for each request.

    Raises:
        NoAnswerError: some are missing, or are about the endpoint and not about what was asked.

    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        msg = "the answer is not JSON"
        raise NoAnswerError(msg) from error
    if not isinstance(answer, list):
        msg = "the answer to a batch is not a batch"
        raise NoAnswerError(msg)
    by_id = {part.get("id"): part for part in answer if isinstance(part, dict)}
    if not all(number in by_id for number in range(count)):
        msg = "the answer lacks some of the results"
        raise NoAnswerError(msg)
    return [_outcome(by_id[number]) for number in range(count)]


def _outcome(part: dict[str, Any]) -> Any:  # noqa: ANN401 (a JSON value)
    if "error" not in part:
        return part.get("result")
    error = part["error"] or {}
    code, text, data = error.get("code", 0), str(error.get("message", "")), error.get("data")
    if is_endpoint_trouble(code, text):
        msg = f"error {code}: {text}"
        raise NoAnswerError(msg)
    return RpcError(code, text, data if isinstance(data, str) else "")
