"""Changing records: as dataclasses.replace does it, faster."""

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from ferryman.domain.changing import changed
from tests.support.rows import received_row


@dataclass(frozen=True, slots=True)
class Computed:
    """A record that computes one of its values."""

    width: int
    area: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "area", self.width**2)


def test_a_changed_record_is_what_replace_gives() -> None:
    """Equal, of the same class, and frozen; the record itself stays as it was."""
    row = received_row()
    before = replace(row)

    after = changed(row, version=7, last_error="away")

    assert after == replace(row, version=7, last_error="away")
    assert row == before
    with pytest.raises(FrozenInstanceError):
        setattr(after, "version", 8)  # noqa: B010 (mypy knows that it is refused)


def test_a_field_that_is_not_there_is_refused() -> None:
    """A slip of the pen is no change."""
    with pytest.raises(TypeError, match="Transaction has no field 'verson'"):
        changed(received_row(), verson=2)


def test_a_record_that_computes_values_is_refused() -> None:
    """Its computed values would stay those of the old ones."""
    with pytest.raises(TypeError, match="replace"):
        changed(Computed(2), width=3)
