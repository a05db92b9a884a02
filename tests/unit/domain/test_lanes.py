"""Lanes: what is urgent, from when, and how much of a window it may use."""

import pytest

from ferryman.domain.fees import Tier
from ferryman.domain.lanes import Lane, express_from, lane_at, window_of
from ferryman.domain.units import Instant, Seconds
from tests.support.payments import DEADLINE, NOW_SECONDS, chain_settings

NOW = Instant(NOW_SECONDS * 1000)


@pytest.mark.parametrize(
    ("priority", "seconds_left", "lane"),
    [
        (Tier.FAST, 3_600, Lane.EXPRESS),
        (Tier.NORMAL, 3_600, Lane.STANDARD),
        (Tier.SLOW, 121, Lane.STANDARD),
        (Tier.SLOW, 120, Lane.EXPRESS),
        (Tier.NORMAL, -5, Lane.EXPRESS),
    ],
)
def test_what_pays_for_speed_or_is_near_its_deadline_is_urgent(
    priority: Tier, seconds_left: int, lane: Lane
) -> None:
    """The setting says how near; here its default, two minutes."""
    urgent_from = express_from(priority, Seconds(NOW_SECONDS + seconds_left), chain_settings())

    assert lane_at(urgent_from, NOW) is lane


def test_a_payment_becomes_urgent_while_it_waits() -> None:
    """To the millisecond at which its deadline is near enough."""
    urgent_from = express_from(
        Tier.NORMAL, Seconds(DEADLINE), chain_settings(express_deadline_seconds=Seconds(600))
    )

    assert urgent_from == (DEADLINE - 600) * 1000
    assert lane_at(urgent_from, Instant(urgent_from - 1)) is Lane.STANDARD
    assert lane_at(urgent_from, urgent_from) is Lane.EXPRESS


@pytest.mark.parametrize(
    ("settings", "standard"),
    [
        ({}, 12),
        ({"window": 1}, 1),
        ({"window": 5}, 4),
        ({"express_window": 0}, 16),
        ({"express_window": 9}, 7),
    ],
)
def test_standard_payments_leave_a_part_of_the_window_free(settings: dict[str, int], standard: int) -> None:
    """A quarter, unless the operator says how much; a window of one has nothing to leave."""
    chain = chain_settings(**settings)

    assert window_of(Lane.STANDARD, chain.window, chain) == standard
    assert window_of(Lane.EXPRESS, chain.window, chain) == chain.window


def test_a_window_that_has_shrunk_to_one_is_for_every_lane() -> None:
    """What urgent payments may keep is less than all of it, or nothing else would ever be bound."""
    chain = chain_settings(express_window=9)

    assert [window_of(Lane.STANDARD, window, chain) for window in (1, 2, 9, 12)] == [1, 1, 1, 3]
