"""Archived transactions: one line of JSON each, from which row and events can be built again."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ferryman.domain.events import Event, Step
from ferryman.domain.fees import Tier
from ferryman.domain.transaction import Status, Transaction


def archived(row: Transaction, events: Sequence[Event]) -> str:
    """Write a row and all its events as a line, without the line's end."""
    line = {"row": _plain(row), "events": [_plain(event) for event in events]}
    return json.dumps(line, separators=(",", ":"), sort_keys=True)


def unarchived(line: str) -> tuple[Transaction, tuple[Event, ...]]:
    """Read a line that `archived` wrote."""
    read: Any = json.loads(line)
    row, events = read["row"], read["events"]
    status, priority = Status(row["status"]), Tier(row["priority"])
    return (
        Transaction(**row | {"status": status, "priority": priority}),
        tuple(Event(**event | {"step": Step(event["step"])}) for event in events),
    )


def _plain(value: Any) -> dict[str, Any]:  # noqa: ANN401 (a row or an event)
    """Give the fields; JSON writes members of a StrEnum as the strings they are."""
    return asdict(value)
