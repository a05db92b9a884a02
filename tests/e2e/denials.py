"""What AWS has denied to functions of the stack: nothing, unless a test takes a permission away."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

_PHRASE: Final = "denied by AWS"
_TOLD_WITHIN_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Denial:
    """A call of a function's that was denied, as the function tells it."""

    step: str
    aws_service: str
    at: float
    """Unix seconds."""
    cause: str
    """AWS's own words: they name role and action."""

    @classmethod
    def read(cls, line: str) -> "Denial | None":
        """Read a line of a function's log; None if it tells of something else."""
        if _PHRASE not in line:
            return None
        told = json.loads(line)
        if told["message"] != _PHRASE:
            return None
        at = datetime.strptime(told["timestamp"], "%Y-%m-%d %H:%M:%S,%f%z").timestamp()
        return cls(told["service"], told["aws_service"], at, told["cause"])


@dataclass(frozen=True)
class Purpose:
    """A permission that a test has taken away for a while."""

    step: str
    aws_service: str
    since: float
    until: float
    """Unix seconds."""

    def explains(self, denial: Denial) -> bool:
        """Whether a denial is what the test wanted."""
        within = self.since <= denial.at <= self.until + _TOLD_WITHIN_SECONDS
        return within and (self.step, self.aws_service) == (denial.step, denial.aws_service)


def denials_told(logs: Any) -> Iterator[Denial]:  # noqa: ANN401 (a boto3 client)
    """Read all that the functions have told so far; a run's lines are there when it is over."""
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"], filterPattern=f'"{_PHRASE}"'
        )
        for page in pages:
            yield from filter(None, (Denial.read(event["message"]) for event in page["events"]))


def unexplained(denials: Iterable[Denial], purposes: Sequence[Purpose]) -> list[Denial]:
    """Give those that no test wanted: a role lacks what its function needs."""
    return [denial for denial in denials if not any(purpose.explains(denial) for purpose in purposes)]
