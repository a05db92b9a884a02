"""What several endpoints said of one transaction, put together."""

from collections.abc import Sequence
from typing import Final

from ferryman.ports import Refusal, SendOutcome, SendResult

_ENOUGH: Final = 2
"""Endpoints that have to say that bytes never will be taken, where so many are configured."""
_TELLING: Final = tuple(Refusal)
"""Of several refusals the first of these is told: it says most about what to do."""


def together(results: Sequence[SendResult], *, configured: int) -> SendResult:
    """Put the results of one broadcast together.

    One endpoint's yes is enough, and so is one that may have it without saying so. It is rejected only if
    all that answered say so, and for good only if two do, or the only one: on the word of one endpoint a
    nonce must not be given up.

    Args:
        results: of the endpoints that may have got it, at least one.
        configured: how many endpoints the chain has.

    """
    for outcome in (SendOutcome.SENT, SendOutcome.POSSIBLY_SENT, SendOutcome.REJECTED):
        if said := [result for result in results if result.outcome is outcome]:
            return min(said, key=_rank)
    told = results[0]
    if len(results) >= min(configured, _ENOUGH):
        return told
    return SendResult(SendOutcome.REJECTED, told.text, told.refusal)


def _rank(result: SendResult) -> int:
    return len(_TELLING) if result.refusal is None else _TELLING.index(result.refusal)
