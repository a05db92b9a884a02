"""An endpoint that lies: it hands every question on to a real node, and changes what it is told to."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tests.support.http_server import Answer, serving

_SECONDS: Final = 10
_TOO_MANY: Final = 5


class Lie(StrEnum):
    """What an endpoint gets wrong."""

    STALE_HEAD = "it stands still"
    EMPTY_RECEIPTS = "it knows no receipt"
    HIGH_NONCES = "it counts transactions that nobody sent"
    LOW_NONCES = "it has forgotten a wallet's transactions"


@dataclass
class Liar:
    """A lying endpoint."""

    node_url: str
    url: str = ""
    lie: Lie | None = None
    head: str = "latest"
    """Of one that stands still: its newest block."""
    lies: int = 0
    """How often it lied."""

    def stand_still(self) -> None:
        """Take the node's head of this moment for the newest that will ever be."""
        self.lie, self.head = Lie.STALE_HEAD, str(self._asked([_request("eth_blockNumber")])[0]["result"])

    def answer(self, body: bytes) -> Answer:
        """Answer a request or a batch of them."""
        asked = json.loads(body)
        requests = asked if isinstance(asked, list) else [asked]
        told = self._asked([self._changed(request) for request in requests])
        answers = [self._told(request, one) for request, one in zip(requests, told, strict=True)]
        return Answer(200, json.dumps(answers if isinstance(asked, list) else answers[0]).encode())

    def _changed(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.lie is not Lie.STALE_HEAD:
            return request
        params = [self.head if one in ("latest", "pending") else one for one in request.get("params", [])]
        return request | {"params": params}

    def _told(self, request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        change = _CHANGES.get((self.lie, request["method"])) if self.lie else None
        if change is None or "result" not in answer:
            return answer
        self.lies += 1
        return answer | {"result": change(self, answer["result"])}

    def is_unknown(self, block_number: str) -> bool:
        """Whether a block is newer than its head."""
        return int(block_number, 16) > int(self.head, 16)

    def _asked(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        sent = json.dumps(requests).encode()
        question = urllib.request.Request(self.node_url, sent, {"Content-Type": "application/json"})  # noqa: S310 (http)
        with urllib.request.urlopen(question, timeout=_SECONDS) as answer:  # noqa: S310 (http)
            told = {one["id"]: one for one in json.load(answer)}
        return [told[request["id"]] for request in requests]


_CHANGES: Final[dict[tuple[Lie, str], Callable[[Liar, Any], Any]]] = {
    (Lie.STALE_HEAD, "eth_blockNumber"): lambda liar, _number: liar.head,
    (Lie.STALE_HEAD, "eth_getTransactionReceipt"): lambda liar, receipt: (
        None if receipt and liar.is_unknown(receipt["blockNumber"]) else receipt
    ),
    (Lie.STALE_HEAD, "eth_getBlockReceipts"): lambda liar, receipts: (
        None if receipts and liar.is_unknown(receipts[0]["blockNumber"]) else receipts
    ),
    (Lie.EMPTY_RECEIPTS, "eth_getTransactionReceipt"): lambda _liar, _receipt: None,
    (Lie.EMPTY_RECEIPTS, "eth_getBlockReceipts"): lambda _liar, _receipts: [],
    (Lie.HIGH_NONCES, "eth_getTransactionCount"): lambda _liar, count: hex(int(count, 16) + _TOO_MANY),
    (Lie.LOW_NONCES, "eth_getTransactionCount"): lambda _liar, _count: "0x0",
}


def _request(method: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": []}


@contextmanager
def lying(node_url: str) -> Iterator[Liar]:
    """Run an endpoint that lies when it is told to."""
    liar = Liar(node_url)
    with serving(liar.answer) as served:
        liar.url = served.url
        yield liar
