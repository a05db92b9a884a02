"""Structured log lines for CloudWatch."""

from aws_lambda_powertools import Logger


class StructuredLog:
    """The Log port over Powertools' logger: one JSON object a line."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger

    def info(self, message: str, **values: object) -> None:
        """Write what happened."""
        self._logger.info(message, extra=values)

    def warning(self, message: str, **values: object) -> None:
        """Write what somebody may want to look at."""
        self._logger.warning(message, extra=values)

    def error(self, message: str, **values: object) -> None:
        """Write what somebody has to look at."""
        self._logger.error(message, extra=values)
