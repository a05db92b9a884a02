"""Schedule -> facts: follow the chains while anything is open. It observes, and never signs."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.clock import SystemClock
from ferryman.bootstrap.confirm import confirm_transactions
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.units import Instant

telemetry = Telemetry()
logger = telemetry.logger
confirm, gauge = confirm_transactions(telemetry)
RESERVE_MS = 10_000
"""Kept of the function's time for the last look and for handing over."""


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Follow the chain that the event names, or all."""
    until = SystemClock().now() + context.get_remaining_time_in_millis() - RESERVE_MS
    if "chain_id" not in event:
        # The schedule's own run, which comes every minute, also while another run holds a chain's lease.
        gauge()
    named = [chain_id for chain_id in confirm.chains if event.get("chain_id", chain_id) == chain_id]
    confirm(named, until=Instant(until))
    logger.info("followed", extra={"chains": named})
