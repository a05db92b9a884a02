"""Builds x402."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.bootstrap.ingest import ingest_over
from ferryman.bootstrap.parts import journalled_tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import X402Config
from ferryman.services.awaiting import Awaiting
from ferryman.services.x402 import Facilitator


def facilitate(telemetry: Telemetry) -> Facilitator:
    """Give the service, from the environment."""
    config, clock = X402Config.read(), SystemClock()
    stored = journalled_tables(config, telemetry)
    store = DynamoTransactions(stored)
    return Facilitator(
        ingest=ingest_over(config, stored, telemetry),
        awaiting=Awaiting(store=store, clock=clock, patience_ms=config.settle_patience_ms),
        wallets=DynamoWallets(stored),
        clock=clock,
        log=telemetry.log,
    )
