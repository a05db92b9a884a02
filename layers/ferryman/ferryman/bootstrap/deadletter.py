"""Builds deadletter."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.bootstrap.parts import journalled_tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import DeadletterConfig
from ferryman.intents import KINDS
from ferryman.services.deadletter import Deadletter


def settle_deadletters(telemetry: Telemetry) -> Deadletter:
    """Give the service, from the environment."""
    config = DeadletterConfig.read()
    return Deadletter(
        kinds=KINDS,
        store=DynamoTransactions(
            journalled_tables(config, telemetry), lists_closed=bool(config.retention_days)
        ),
        clock=SystemClock(),
        log=telemetry.log,
        metrics=telemetry.metrics,
    )
