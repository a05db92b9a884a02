"""What a node's words mean: the one place that reads the texts of RPC errors.

Texts are those of geth, Erigon, Nethermind, Besu, reth and anvil, compared in lower case. The order
of the classes matters: a text may hold words of several.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ferryman.ports import Refusal, SendOutcome, SendResult

_ALREADY_KNOWN: Final = (
    "already known",
    "alreadyknown",
    "known transaction",
    "same hash was already imported",
    "already imported",
    "existing txn with same hash",
)
_NONCE_TOO_LOW: Final = (
    "nonce too low",
    "nonce is too low",
    "oldnonce",
    "nonce has already been used",
    "invalid nonce",
    "incorrect account sequence",
)
_NONCE_TOO_HIGH: Final = (
    "nonce too high",
    "nonce is too high",
    "nonce too far in",
    "nonce is too distant",
    "exceeds next nonce",
    "nonce out of range",
    "tx-nonce-too-high",
    "gapped nonce",
)
_REPLACEMENT: Final = (
    "replacement transaction underpriced",
    "replacement fee too low",
    "could not replace existing tx",
    "an existing transaction had higher priority",
    "future transaction tries to replace pending",
    "insufficient gas price to replace",
)
_UNDERPRICED: Final = (
    "underpriced",
    "feetoolow",
    "fee too low",
    "gas price below",
    "priority fee below minimum",
    "txpool is full",
    "sub-pool is full",
    "pool limit",
    "fee cap less than block base fee",
    "max fee per gas less than block base fee",
)
_DELEGATED: Final = (
    "in-flight transaction limit reached for delegated accounts",
    "gapped-nonce tx from delegated accounts",
    "delegation nonce gap",
    "delegation authority has pending transaction",
)
_FUNDS: Final = (
    "insufficient funds",
    "insufficientfunds",
    "overshot",
    "gas required exceeds allowance",
    "doesn't have enough funds",
    "upfront cost exceeds account balance",
)
_PERMANENT: Final = (
    "execution reverted",
    "invalid opcode",
    "intrinsic gas too",
    "intrinsic gas exceeds gas limit",
    "intrinsicgas",
    "insufficient gas for floor data gas cost",
    "exceeds block gas limit",
    "exceeds max transaction gas limit",
    "gas limit too high",
    "gas limit is too high",
    "gas limit reached",
    "greater than the block gas limit",
    "oversized data",
    "rlptoolong",
    "transaction too large",
    "max initcode size exceeded",
    "initcode too large",
    "invalid signature",
    "invalid transaction signature",
    "invalid sender",
    "failed to recover sender",
    "transaction type not supported",
    "unsupported transaction type",
)
_EXECUTION: Final = (
    "revert",
    "out of gas",
    "outofgas",
    "opcode",
    "invalid jump",
    "invalidjump",
    "stack underflow",
    "stackunderflow",
    "stack limit",
    "stackoverflow",
    "write protection",
    "evm error",
)
"""The called code's own failures, some of which nodes tell with an endpoint's code."""

_TOO_MANY_LOGS: Final = (
    "query returned more than",
    "too many results",
    "too many logs",
    "more than 10000 results",
    "block range",
    "range is too large",
    "range too large",
    "range limit",
    "max range",
    "maximum range",
    "exceeds the range",
    "query exceeds limit",
    "response size exceed",
    "response is too big",
    "query timeout",
)
"""Refusals of `eth_getLogs`, of nodes and of the usual providers."""

_ENDPOINT_CODES: Final = frozenset({-32002, -32005, -32603, 429})
"""Resource unavailable, limit exceeded, internal error, and what some providers repeat of HTTP."""
_ENDPOINT_TEXTS: Final = (
    "node is syncing",
    "initial sync is still in progress",
    "header not found",
    "missing trie node",
    "world state unavailable",
    "rate limit",
    "too many requests",
)
"""An endpoint that is behind or busy, whatever the code."""
_REFUSALS: Final[Mapping[Refusal, tuple[str, ...]]] = MappingProxyType(
    {
        Refusal.DELEGATED: _DELEGATED,
        Refusal.NONCE_TOO_LOW: _NONCE_TOO_LOW,
        Refusal.REPLACEMENT: _REPLACEMENT,
        Refusal.NONCE_TOO_HIGH: _NONCE_TOO_HIGH,
        Refusal.UNDERPRICED: _UNDERPRICED,
        Refusal.FUNDS: _FUNDS,
        Refusal.PERMANENT: _PERMANENT,
    }
)
"""In the order they are looked for: whatever hints at another transaction with the nonce comes first."""
_OUTCOMES: Final[Mapping[Refusal, SendOutcome]] = MappingProxyType(
    {Refusal.NONCE_TOO_LOW: SendOutcome.POSSIBLY_SENT, Refusal.PERMANENT: SendOutcome.PERMANENT}
)
"""Where a refusal is not simply REJECTED. With a nonce too low these very bytes may be the mined ones."""
_TRANSACTION_TEXTS: Final = (*_ALREADY_KNOWN, *(word for words in _REFUSALS.values() for word in words))
_OWN_TEXTS: Final = (*_TRANSACTION_TEXTS, *_EXECUTION, *_TOO_MANY_LOGS)
"""About what was asked, whatever the code: another endpoint would say the same."""


def send_result(text: str) -> SendResult:
    """Class an error that a broadcast met. A text that nobody knows is possibly sent."""
    lowered = text.lower()
    if "unknown transaction" not in lowered and _has(lowered, _ALREADY_KNOWN):
        return SendResult(SendOutcome.SENT, text)
    refusal = next((one for one, words in _REFUSALS.items() if _has(lowered, words)), None)
    if refusal is None:
        return SendResult(SendOutcome.POSSIBLY_SENT, text)
    return SendResult(_OUTCOMES.get(refusal, SendOutcome.REJECTED), text, refusal)


def is_endpoint_trouble(code: int, text: str) -> bool:
    """Whether an error is about the endpoint's state, so that another endpoint may do better."""
    lowered = text.lower()
    is_behind = code in _ENDPOINT_CODES or _has(lowered, _ENDPOINT_TEXTS)
    return is_behind and not _has(lowered, _OWN_TEXTS)


def is_too_many_logs(text: str) -> bool:
    """Whether an endpoint refuses the logs of so many blocks at once."""
    return _has(text.lower(), _TOO_MANY_LOGS)


def is_revert(code: int, text: str) -> bool:
    """Whether an error of a call is the contract's own refusal, or the end of its gas."""
    return code == 3 or _has(text.lower(), _EXECUTION)  # noqa: PLR2004 (geth's code)


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
