"""Whose word counts: two endpoints, and two others once these have contradicted each other."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.units import Instant
from ferryman.domain.witnesses import Witnesses

NOW = Instant(1_000)
LATER = Instant(NOW + 600_000)


@pytest.mark.parametrize("numbers", [(), (4,), (4, 2)])
def test_where_there_are_not_more_than_two_all_are_heard(numbers: tuple[int, ...]) -> None:
    """Also when they contradict each other: there is nobody else."""
    witnesses = Witnesses()

    first = witnesses.choose(numbers, now=NOW)
    witnesses.doubt(now=NOW)

    assert first == witnesses.choose(numbers, now=NOW) == numbers


def test_the_preferred_are_heard_until_they_contradict_each_other() -> None:
    """And again when that is long ago: the doubt may have been about a moment."""
    witnesses = Witnesses()
    assert witnesses.choose((3, 1, 2), now=NOW) == witnesses.choose((3, 1, 2), now=NOW) == (3, 1)

    witnesses.doubt(now=NOW)
    witnesses.doubt(now=NOW)

    assert witnesses.choose((3, 1, 2), now=NOW) == (3, 2)
    assert witnesses.choose((1, 3, 2), now=NOW) == (1, 2)
    assert witnesses.choose((3, 1, 2), now=LATER) == (3, 1)


@given(count=st.integers(3, 6), data=st.data())
def test_while_most_are_honest_two_honest_ones_are_heard_soon(count: int, data: st.DataObject) -> None:
    """At the latest when every other pair was: liars delay an end, and never prevent it."""
    numbers = tuple(range(1, count + 1))
    liars = data.draw(st.sets(st.sampled_from(numbers), max_size=count - 2))
    witnesses = Witnesses()

    for now in range(len(tuple(combinations(numbers, 2)))):
        pair = witnesses.choose(numbers, now=Instant(now))
        if not liars & set(pair):
            return
        witnesses.doubt(now=Instant(now))

    pytest.fail("no two honest ones were heard")
