"""What a node's words mean: the one place that reads the texts of RPC errors.

Texts are those of geth, Erigon, Nethermind, Besu and anvil, compared in lower case. The order of
the classes matters: a text may hold words of several.
"""

from typing import Final

from ferryman.ports import SendOutcome

_ALREADY_KNOWN: Final = (
    "already known",
    "alreadyknown",
    "known transaction",
    "same hash was already imported",
    "already imported",
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
    "nonce too far in the future",
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
)
_POOL: Final = (
    "transaction underpriced",
    "underpriced",
    "feetoolow",
    "txpool is full",
    "pool limit",
    "fee cap less than block base fee",
    "max fee per gas less than block base fee",
    "in-flight transaction limit reached for delegated accounts",
)
_FUNDS: Final = (
    "insufficient funds",
    "insufficientfunds",
    "overshot",
    "gas required exceeds allowance",
    "doesn't have enough funds",
)
_PERMANENT: Final = (
    "execution reverted",
    "invalid opcode",
    "intrinsic gas too low",
    "exceeds block gas limit",
    "oversized data",
    "max initcode size exceeded",
    "invalid signature",
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

_ENDPOINT_CODES: Final = frozenset({-32002, -32005, -32603})
_TRANSACTION_TEXTS: Final = (
    *_ALREADY_KNOWN,
    *_NONCE_TOO_LOW,
    *_NONCE_TOO_HIGH,
    *_REPLACEMENT,
    *_POOL,
    *_FUNDS,
    *_PERMANENT,
)
_OWN_TEXTS: Final = (*_TRANSACTION_TEXTS, *_EXECUTION, *_TOO_MANY_LOGS)
"""About what was asked, whatever the code: another endpoint would say the same."""


def send_outcome(text: str) -> SendOutcome:
    """Class an error that a broadcast met.

    `nonce too low` means that something was mined with the nonce, perhaps these very bytes: that
    is for confirm to find out, so it counts as possibly sent. So does every text we do not know.
    """
    lowered = text.lower()
    if "unknown transaction" not in lowered and _has(lowered, _ALREADY_KNOWN):
        return SendOutcome.SENT
    if _has(lowered, _NONCE_TOO_LOW) or _has(lowered, _REPLACEMENT):
        return SendOutcome.POSSIBLY_SENT
    if _has(lowered, (*_NONCE_TOO_HIGH, *_POOL, *_FUNDS)):
        return SendOutcome.REJECTED
    if _has(lowered, _PERMANENT):
        return SendOutcome.PERMANENT
    return SendOutcome.POSSIBLY_SENT


def is_endpoint_trouble(code: int, text: str) -> bool:
    """Whether an error is about the endpoint's state, so that another endpoint may do better."""
    return code in _ENDPOINT_CODES and not _has(text.lower(), _OWN_TEXTS)


def is_too_many_logs(text: str) -> bool:
    """Whether an endpoint refuses the logs of so many blocks at once."""
    return _has(text.lower(), _TOO_MANY_LOGS)


def is_revert(code: int, text: str) -> bool:
    """Whether an error of a call is the contract's own refusal, or the end of its gas."""
    return code == 3 or _has(text.lower(), _EXECUTION)  # noqa: PLR2004 (geth's code)


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)
