"""The metrics Ferryman emits: name, unit and dimensions of each, in one place.

Alarms, the dashboard and `/metrics` name members of this list; a test compares them. Dimensions are
never chosen by a user: chain ids, reasons, lanes, endpoints by number, wallets.
"""

from enum import Enum, StrEnum


class Unit(StrEnum):
    """CloudWatch's own words."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    NONE = "None"


class Metric(Enum):
    """One metric: its name, its unit, and the names of its dimensions."""

    ACCEPTED = ("Accepted", Unit.COUNT, ("chain_id", "kind"))
    REFUSED = ("Refused", Unit.COUNT, ("kind", "code"))
    CONFIRMED = ("Confirmed", Unit.COUNT, ("chain_id", "kind"))
    FAILED = ("Failed", Unit.COUNT, ("chain_id", "kind", "reason"))

    def __init__(self, metric_name: str, unit: Unit, dimensions: tuple[str, ...]) -> None:
        self.metric_name = metric_name
        self.unit = unit
        self.dimensions = dimensions
