"""What of a balance is free for one transfer more."""

import pytest

from ferryman.domain.units import TokenUnits
from ferryman.intents.transfers import room_beside


@pytest.mark.parametrize(
    ("deep", "newest", "room"),
    [
        (100, 100, 70),
        (100, 40, 70),  # what is mined and not let go yet has left the head's already
        (100, 20, -10),
        (20, 100, -10),
        (0, 0, -30),
    ],
)
def test_what_is_missing_is_told_as_it_is(deep: int, newest: int, room: int) -> None:
    """30 units more: of an empty account all of them are missing, and not one."""
    assert room_beside(TokenUnits(30), deep=TokenUnits(deep), newest=TokenUnits(newest)) == room
