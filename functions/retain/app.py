"""Schedule, or an operator -> archive: export what has long been over, then let it expire."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.clock import SystemClock
from ferryman.bootstrap.retain import retain_transactions
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.units import Instant

telemetry = Telemetry()
logger = telemetry.logger
retain = retain_transactions(telemetry)
RESERVE_MS = 30_000
"""Kept of the function's time for the object that is being written."""


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Archive as much as there is time for."""
    until = SystemClock().now() + context.get_remaining_time_in_millis() - RESERVE_MS
    exported = retain(until=Instant(until))
    logger.info("retained", extra={"exported": exported})
    return {"exported": exported, "retention_days": retain.retention_days}
