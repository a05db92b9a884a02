"""What is said of a field that is not as it should be."""

from typing import Annotated, Literal

import pytest
from pydantic import Field

from ferryman.domain.errors import InvalidFieldsError
from ferryman.intents.fields import RequestModel, validated


class Sample(RequestModel):
    """A field of each sort."""

    number: Annotated[int, Field(ge=1, lt=9)] = 1
    word: Annotated[str, Field(min_length=1, max_length=3)] = "x"
    words: Annotated[tuple[str, ...], Field(max_length=1, strict=False)] = ()
    choice: Literal["one", "two"] = "one"
    flag: bool = False


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("number", 0, "must be greater than or equal to 1"),
        ("number", 9, "must be less than 9"),
        ("number", 1.0, "must be a whole number"),
        ("word", "", "must have at least 1 character"),
        ("word", "long", "must have at most 3 characters"),
        ("word", None, "must be a string"),
        ("words", ["a", "b"], "must have at most 1 item after validation, not 2"),
        ("choice", "three", "must be 'one' or 'two'"),
        ("flag", 1, "must be true or false"),
        ("more", 1, "is not a field of this request"),
    ],
)
def test_it_is_named_and_what_it_must_be(field: str, value: object, reason: str) -> None:
    """A sentence that begins with the field."""
    with pytest.raises(InvalidFieldsError) as refused:
        validated(Sample, {field: value})

    (problem,) = refused.value.problems
    assert (problem.field, problem.reason) == (field, reason)
