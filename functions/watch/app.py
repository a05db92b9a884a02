"""Schedule -> cached account state: follow the contracts' events. It never signs."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.clock import SystemClock
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.bootstrap.watch import watch_contracts
from ferryman.domain.units import Instant

telemetry = Telemetry()
logger = telemetry.logger
watch, spread = watch_contracts(telemetry)
RESERVE_MS = 20_000
"""Kept of the time: for the last look and handing over, and so that a run can be awaited by hand."""


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Follow the chain that the event names; the schedule names none: each chain gets a run of its own."""
    until = SystemClock().now() + context.get_remaining_time_in_millis() - RESERVE_MS
    named = spread(tuple(watch.chains), only=event.get("chain_id"))
    watch(named, until=Instant(until))
    logger.info("followed", extra={"chains": named})
