"""The targets of the payment path, and whether they are met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.bench.report import ResultTable, number
from local.summary import Summary, percentile


@dataclass(frozen=True)
class Target:
    """A latency that one client must see on the local stack, warm, with blocks of one second."""

    name: str
    percent: int
    most_ms: float
    milliseconds: Callable[[Summary], list[float]]

    def row(self, values: Sequence[float]) -> tuple[str, str, str, str]:
        """Compare with what was measured."""
        measured = percentile(values, self.percent)
        verdict = "met" if measured <= self.most_ms else "**missed**"
        target = f"p{self.percent} ≤ {self.most_ms:,.0f}"
        return (self.name, target, f"p{self.percent} = {number(measured)}", verdict)


TARGETS = (
    Target("POST → 202", 50, 120, Summary.milliseconds_to_answer),
    Target("202 → `payment_pending`", 50, 300, lambda paid: paid.milliseconds_to("payment_pending")),
    Target("202 → `payment_confirmed`", 95, 3_000, lambda paid: paid.milliseconds_to("payment_confirmed")),
)


def target_table(rows: Sequence[Sequence[str]]) -> ResultTable:
    """Tell each verdict."""
    return ResultTable("Targets (milliseconds, one client)", ("", "target", "measured", "verdict"), rows)
