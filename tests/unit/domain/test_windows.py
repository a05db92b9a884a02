"""The window of a wallet feels its way to what nodes take."""

from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.windows import grown, shrunk

WINDOWS = st.integers(1, 256)


def test_it_grows_by_one_while_all_of_it_is_in_use() -> None:
    """Standard payments' part counts as all: what they leave free says nothing."""
    assert grown(16, used=12, usual=12, most=64) == 17
    assert grown(16, used=11, usual=12, most=64) == 16


def test_a_window_above_the_operators_limit_comes_down_to_it() -> None:
    """The setting may have been lowered since."""
    assert grown(64, used=0, usual=48, most=32) == 32


def test_it_is_halved_and_never_closed() -> None:
    """A wallet that may have nothing open would never learn that nodes take more again."""
    assert [shrunk(window) for window in (64, 5, 2, 1)] == [32, 2, 1, 1]


@given(start=WINDOWS, most=WINDOWS, answers=st.lists(st.booleans(), max_size=200))
def test_it_stays_within_its_bounds_whatever_nodes_answer(start: int, most: int, answers: list[bool]) -> None:
    """At least 1, and at most the operator's limit once it has been looked at."""
    window = start
    for is_taken in answers:
        before = window
        window = grown(window, used=window, usual=window, most=most) if is_taken else shrunk(window)
        assert 1 <= window <= max(most, before)
        assert window <= most or not is_taken


@given(limit=WINDOWS, start=WINDOWS)
def test_a_node_that_takes_so_many_is_used_for_at_least_half_of_them(limit: int, start: int) -> None:
    """Whatever the start: growth meets the limit, one refusal halves it, and so it goes on."""
    window, seen = start, list[int]()
    for _ in range(600):
        window = grown(window, used=window, usual=window, most=256) if window <= limit else shrunk(window)
        seen.append(window)

    assert all(limit // 2 <= one <= limit + 1 for one in seen[300:])
