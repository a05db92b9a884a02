"""The bounds of a deadline: those that are told are those that are taken."""

import re

import pytest

from ferryman.domain.errors import DeadlinePassedError, InvalidFieldsError
from ferryman.domain.units import Instant, Seconds
from ferryman.intents.deadlines import check_begun, check_deadline

NOW = 1_800_000_000


def check(deadline: int) -> None:
    """Check a deadline that a request calls `valid_before`."""
    check_deadline(
        Seconds(deadline),
        Instant(NOW * 1000 + 999),
        field="valid_before",
        inclusion=Seconds(36),
        longest=Seconds(600),
    )


@pytest.mark.parametrize("deadline", [NOW - 10, NOW, NOW + 1, NOW + 35, NOW + 601, NOW + 10**8])
def test_a_refusal_names_the_field_and_the_nearest_that_is_taken(deadline: int) -> None:
    """Whoever takes the number it gives is not refused again, and one second further on is."""
    with pytest.raises((DeadlinePassedError, InvalidFieldsError)) as refused:
        check(deadline)

    (problem,) = refused.value.problems
    found = re.search(r"must be at (least|most) (\d+)", problem.reason)
    assert found is not None
    assert problem.field == "valid_before"
    check(int(found[2]))
    with pytest.raises(InvalidFieldsError):
        check(int(found[2]) + (-1 if found[1] == "least" else 1))


def test_only_what_has_passed_is_called_so() -> None:
    """What is too near may be signed again; what has passed was good once."""
    with pytest.raises(DeadlinePassedError):
        check(NOW)
    with pytest.raises(InvalidFieldsError, match="too near"):
        check(NOW + 1)


def test_a_message_begins_in_the_second_after_the_one_it_names() -> None:
    """As EIP-3009 says: the time has to be later."""
    check_begun(Seconds(NOW - 1), Instant(NOW * 1000), field="valid_after")

    with pytest.raises(InvalidFieldsError) as refused:
        check_begun(Seconds(NOW), Instant(NOW * 1000 + 999), field="valid_after")

    (problem,) = refused.value.problems
    assert problem.field == "valid_after"
    assert str(NOW) in problem.reason
