"""Lanes: what is urgent has a queue and a part of every wallet's window of its own."""

from enum import StrEnum
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.fees import Tier
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Instant, Seconds

_ALWAYS: Final = Instant(0)


class Lane(StrEnum):
    """A way to submit; a flood in one does not slow the other."""

    EXPRESS = "express"
    STANDARD = "standard"


def express_from(priority: Tier, deadline_seconds: Seconds, chain: ChainSettings) -> Instant:
    """Say from when on a message is urgent: always if it pays for speed, else shortly before its deadline."""
    if priority is Tier.FAST:
        return _ALWAYS
    return Instant(max(deadline_seconds - chain.express_deadline_seconds, 0) * 1000)


def lane_at(urgent_from: Instant, now: Instant) -> Lane:
    """Give the lane of something that is urgent from a moment on."""
    return Lane.EXPRESS if now >= urgent_from else Lane.STANDARD


def lane_of(row: Transaction, chain: ChainSettings, now: Instant) -> Lane:
    """Give a transaction's lane at this moment: it may become urgent while it waits."""
    return lane_at(express_from(row.priority, row.deadline_seconds, chain), now)


def window_of(lane: Lane, window: int, chain: ChainSettings) -> int:
    """Give how much of a wallet's window a lane may fill: standard leaves some of it free."""
    return window if lane is Lane.EXPRESS else window - chain.reserved_for_express(window)
