"""One broadcast to several endpoints: what is known of it altogether."""

from itertools import permutations

import pytest

from ferryman.adapters.evm.broadcasts import together
from ferryman.ports import Refusal, SendOutcome, SendResult

SENT = SendResult(SendOutcome.SENT)
UNKNOWN = SendResult(SendOutcome.POSSIBLY_SENT, "timeout")
TOO_LOW = SendResult(SendOutcome.POSSIBLY_SENT, "nonce too low", Refusal.NONCE_TOO_LOW)
CHEAP = SendResult(SendOutcome.REJECTED, "underpriced", Refusal.UNDERPRICED)
POOR = SendResult(SendOutcome.REJECTED, "insufficient funds", Refusal.FUNDS)
NEVER = SendResult(SendOutcome.PERMANENT, "intrinsic gas too low", Refusal.PERMANENT)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((SENT, NEVER), SENT),
        ((SENT, TOO_LOW, UNKNOWN), SENT),
        ((UNKNOWN, NEVER), UNKNOWN),
        ((TOO_LOW, UNKNOWN), TOO_LOW),
        ((TOO_LOW, CHEAP), TOO_LOW),
        ((CHEAP, NEVER), CHEAP),
        ((CHEAP, POOR), CHEAP),
        ((NEVER, NEVER), NEVER),
    ],
)
def test_the_most_hopeful_word_counts(results: tuple[SendResult, ...], expected: SendResult) -> None:
    """In whatever order they answer: rejected only if all say so, for good only if all say that."""
    for order in permutations(results):
        assert together(order, configured=len(results)) == expected


def test_the_only_endpoint_may_say_never() -> None:
    """There is nobody else to ask."""
    assert together([NEVER], configured=1) == NEVER


@pytest.mark.parametrize("configured", [2, 3])
def test_one_of_several_may_not_say_never(configured: int) -> None:
    """The others were away: the bytes are sent again, and the nonce is not given up."""
    result = together([NEVER], configured=configured)

    assert (result.outcome, result.refusal, result.text) == (
        SendOutcome.REJECTED,
        Refusal.PERMANENT,
        NEVER.text,
    )


def test_two_of_three_may_say_never() -> None:
    """Two are enough for every end."""
    assert together([NEVER, NEVER], configured=3) == NEVER
