"""What a function says of its own work: log lines and metrics."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.correlation import HEADER, correlation_id
from ferryman.adapters.log import StructuredLog
from ferryman.adapters.metrics import EmfMetrics
from ferryman.config import StepConfig
from ferryman.domain.metrics import Metric
from ferryman.services.journal import Journal

Handler = Callable[[dict[str, Any], LambdaContext], Any]


class Telemetry:
    """One a process; every service of a function speaks through it."""

    def __init__(self) -> None:
        self.logger = Logger()
        self.log = StructuredLog(self.logger)
        self.metrics = EmfMetrics(StepConfig.read().deployment)
        self.journal = Journal(log=self.log, metrics=self.metrics)

    def observed(self, handler: Handler) -> Handler:
        """Wrap a handler: lines name its invocation, and metrics are written at its end, however it ends."""

        @functools.wraps(handler)
        def run(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 (whatever it answers)
            try:
                return handler(event, context)
            finally:
                self.metrics.write()

        return self.logger.inject_lambda_context(run, clear_state=True)

    def answering(self, handler: Handler) -> Handler:
        """Wrap a handler of HTTP requests: lines and the answer name the request."""

        @functools.wraps(handler)
        def run(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 (an answer of the proxy integration)
            name = correlation_id(event)
            self.logger.set_correlation_id(name)
            answer = handler(event, context)
            answer["headers"][HEADER] = name
            return answer

        return self.observed(run)

    @contextmanager
    def timed(self, metric: Metric, **dimensions: str | int) -> Iterator[None]:
        """Add the time that the block takes, also if it raises."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.metrics.add(metric, round((time.monotonic() - began) * 1000, 1), **dimensions)
