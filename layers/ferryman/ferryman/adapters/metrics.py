"""Metrics as CloudWatch's embedded metric format: log lines, no call and no waiting."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

from ferryman.domain.metrics import Metric, Unit

NAMESPACE: Final = "Ferryman"
MOST_VALUES: Final = 100
"""Values of one metric that a line may hold."""

_Dimensions = tuple[tuple[str, str], ...]


class EmfMetrics:
    """The Metrics port: gathers an invocation's values, and writes few lines at its end.

    Args:
        deployment: the stack's name: the first dimension of every metric.

    """

    def __init__(self, deployment: str) -> None:
        self._deployment = deployment
        self._added = _nothing()
        self._one_at_a_time = threading.Lock()

    def add(self, metric: Metric, value: float = 1, **dimensions: str | int) -> None:
        """Keep one value until `write`; threads may add at the same time."""
        named = tuple((name, str(dimensions.pop(name))) for name in metric.dimensions)
        if dimensions:
            msg = f"{metric.metric_name} has no dimension {sorted(dimensions)}"
            raise KeyError(msg)
        with self._one_at_a_time:
            self._added[named][metric].append(value)

    def write(self) -> None:
        """Write what was added, one line for all metrics of the same dimensions."""
        added, self._added = self._added, _nothing()
        for dimensions, values in added.items():
            for line in _lines(values):
                print(json.dumps(self._line(dimensions, line)), flush=True)  # noqa: T201 (Lambda's standard output is the way to CloudWatch)

    def _line(self, dimensions: _Dimensions, values: Mapping[Metric, object]) -> dict[str, Any]:
        whole, names = ["deployment"], ["deployment", *(name for name, _ in dimensions)]
        directive = {
            "Namespace": NAMESPACE,
            # All together, and the whole deployment's: alarms watch that one.
            "Dimensions": [whole, names] if dimensions else [whole],
            "Metrics": [{"Name": metric.metric_name, "Unit": metric.unit.value} for metric in values],
        }
        return {
            "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
            "deployment": self._deployment,
            **dict(dimensions),
            **{metric.metric_name: value for metric, value in values.items()},
        }


def _nothing() -> defaultdict[_Dimensions, defaultdict[Metric, list[float]]]:
    return defaultdict(lambda: defaultdict(list))


def _lines(values: Mapping[Metric, list[float]]) -> Iterator[dict[Metric, object]]:
    """Spread values over as few lines as may hold them."""
    parts = [[(metric, part) for part in _parts(metric, added)] for metric, added in values.items()]
    for line in zip_longest(*parts):
        yield dict(part for part in line if part)


def _parts(metric: Metric, added: list[float]) -> Iterator[object]:
    """Counts add up; of measurements every one is kept, since percentiles need them."""
    if metric.unit is Unit.COUNT:
        yield sum(added)
        return
    for start in range(0, len(added), MOST_VALUES):
        part = added[start : start + MOST_VALUES]
        yield part if len(part) > 1 else part[0]
