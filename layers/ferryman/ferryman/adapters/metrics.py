"""Metrics as CloudWatch's embedded metric format: a log line each, no call and no waiting."""

import json
import time
from typing import Any, Final

from ferryman.domain.metrics import Metric

NAMESPACE: Final = "Ferryman"


class EmfMetrics:
    """The Metrics port.

    Args:
        deployment: the stack's name: the first dimension of every metric.

    """

    def __init__(self, deployment: str) -> None:
        self._deployment = deployment

    def add(self, metric: Metric, value: float = 1, **dimensions: str | int) -> None:
        """Write one line that CloudWatch turns into a metric."""
        names = ["deployment", *metric.dimensions]
        values = {
            "deployment": self._deployment,
            **{name: str(dimensions[name]) for name in metric.dimensions},
        }
        line: dict[str, Any] = {
            "_aws": {
                "Timestamp": time.time_ns() // 1_000_000,
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        # All together, and the whole deployment's sum.
                        "Dimensions": [["deployment"]] if len(names) == 1 else [["deployment"], names],
                        "Metrics": [{"Name": metric.metric_name, "Unit": metric.unit.value}],
                    }
                ],
            },
            **values,
            metric.metric_name: value,
        }
        print(json.dumps(line), flush=True)  # noqa: T201 (Lambda's standard output is the way to CloudWatch)
