"""Metrics kept in memory."""

from collections import Counter
from dataclasses import dataclass, field

from ferryman.domain.metrics import Metric


@dataclass(slots=True)
class FakeMetrics:
    """The Metrics port: what was added, in order."""

    added: list[tuple[Metric, float, dict[str, str | int]]] = field(default_factory=list)

    def add(self, metric: Metric, value: float = 1, **dimensions: str | int) -> None:
        """Keep one value; refuse dimensions the metric does not have, as production would."""
        assert dimensions.keys() == set(metric.dimensions), (metric, dimensions)
        self.added.append((metric, value, dimensions))

    def total(self, metric: Metric) -> float:
        """Sum of what was added to a metric."""
        return sum(value for one, value, _ in self.added if one is metric)

    def counts(self) -> Counter[Metric]:
        """How often each metric was added to."""
        return Counter(metric for metric, _, _ in self.added)
