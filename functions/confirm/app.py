"""Schedule -> facts: follow the chains while anything is open. It observes, and never signs."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.clock import SystemClock
from ferryman.bootstrap.confirm import confirm_transactions
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.units import Instant

telemetry = Telemetry()
logger = telemetry.logger
confirm, gauge, spread = confirm_transactions(telemetry)
RESERVE_MS = 10_000
"""Kept of the function's time for the last look and for handing over."""


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Follow the chain that the event names; the schedule names none: each chain gets a run of its own."""
    until = SystemClock().now() + context.get_remaining_time_in_millis() - RESERVE_MS
    named = spread(tuple(confirm.chains), only=event.get("chain_id"))
    if event.get("scheduled") or "chain_id" not in event:
        # It comes every minute, also while another run holds a chain's lease.
        gauge(named)
    confirm(named, until=Instant(until))
    logger.info("followed", extra={"chains": named})
