"""The circuit breaker: who keeps failing rests, for longer each time, and is tried by one caller."""

import pytest

from ferryman.adapters.evm.breaker import (
    FAILURES,
    FIRST_REST_SECONDS,
    LONGEST_ALONE_SECONDS,
    LONGEST_REST_SECONDS,
    MOST_ASKED_SECONDS,
    Breaker,
)


class Hand:
    """The hand of a clock, in seconds."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.seconds


def broken(hand: Hand, *, rests: int = 1) -> Breaker:
    """Give a breaker that has opened, and was tried in vain again and again."""
    breaker = Breaker(hand)
    for _ in range(FAILURES):
        breaker.failed()
    for _ in range(rests - 1):
        breaker.failed()
    return breaker


def test_single_failures_do_not_open_it() -> None:
    """Two in a row, and an answer between: an endpoint may stumble."""
    breaker = Breaker(Hand())

    for _ in range(5):
        assert not any(breaker.failed() for _ in range(FAILURES - 1))
        breaker.succeeded()

    assert breaker.admits()
    assert not breaker.is_open


def test_it_opens_once_after_failures_in_a_row() -> None:
    """And says so once, so that openings can be counted."""
    breaker = Breaker(Hand())

    assert [breaker.failed() for _ in range(FAILURES + 2)] == [False] * (FAILURES - 1) + [True, False, False]
    assert breaker.is_open
    assert not breaker.admits()


def test_after_its_rest_one_caller_may_try() -> None:
    """The others go on passing it over until that one knows."""
    hand = Hand()
    breaker = broken(hand)

    hand.seconds += FIRST_REST_SECONDS

    assert [breaker.admits() for _ in range(3)] == [True, False, False]


def test_an_answer_closes_it() -> None:
    """At once, and the next trouble starts from the beginning."""
    hand = Hand()
    breaker = broken(hand, rests=4)

    breaker.succeeded()

    assert breaker.admits()
    assert not breaker.failed()


def test_each_failed_try_doubles_the_rest_up_to_the_longest() -> None:
    """1, 2, 4, … seconds."""
    hand = Hand()
    breaker, waited = broken(hand), []
    for _ in range(7):
        began = hand.seconds
        while not breaker.admits():
            hand.seconds += 0.5
        waited.append(hand.seconds - began)
        breaker.failed()

    assert waited == [1, 2, 4, 8, 16, LONGEST_REST_SECONDS, LONGEST_REST_SECONDS]


def test_an_endpoint_without_another_is_tried_sooner() -> None:
    """Or the return of a chain with one endpoint would be noticed half a minute late."""
    hand = Hand()
    breaker = broken(hand, rests=10)

    hand.seconds += LONGEST_ALONE_SECONDS

    assert not breaker.admits()
    assert breaker.admits(alone=True)


@pytest.mark.parametrize(("asked", "rests"), [(7.0, 7.0), (86_400.0, MOST_ASKED_SECONDS)])
def test_an_endpoint_that_asks_for_a_rest_gets_it(asked: float, rests: float) -> None:
    """At its first word (HTTP 429 with Retry-After), without another too, and within reason."""
    hand = Hand()
    breaker = Breaker(hand)

    assert breaker.failed(asked_seconds=asked)
    hand.seconds += rests - 0.1
    assert not breaker.admits(alone=True)
    hand.seconds += 0.1

    assert breaker.admits()
