"""What becomes of every message, in the words of its kind: the public names of its events."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ferryman.domain.events import Step

_PUBLIC: Final[Mapping[Step, str]] = MappingProxyType(
    {
        Step.RECEIVED: "accepted",
        Step.ACCEPTED: "accepted",
        Step.VALIDATED: "validated",
        Step.BOUND: "pending",
        Step.INCLUDED: "included",
        Step.REORGED: "reorged",
        Step.REOPENED: "reorged",
        Step.CONFIRMED: "confirmed",
        Step.FAILED: "failed",
        Step.RETURNED: "returned",
        Step.RECOVERED: "confirmed",
        Step.RETRIED: "retried",
    }
)


def public_events(noun: str) -> Mapping[Step, str]:
    """Name a kind's events: `payment` makes `payment_accepted` and so on."""
    return MappingProxyType({step: f"{noun}_{word}" for step, word in _PUBLIC.items()})
