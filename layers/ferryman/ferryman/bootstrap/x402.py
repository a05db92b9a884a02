"""Builds x402."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.bootstrap.ingest import ingest_over
from ferryman.bootstrap.parts import journalled_tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import X402Config
from ferryman.services.awaiting import Awaiting
from ferryman.services.completing import Completing
from ferryman.services.x402 import Facilitator


def facilitate(telemetry: Telemetry) -> tuple[Facilitator, Completing]:
    """Give what settles payments, and what carries meta-transactions out, from the environment."""
    config, clock = X402Config.read(), SystemClock()
    stored = journalled_tables(config, telemetry)
    store = DynamoTransactions(stored)
    ingest = ingest_over(config, stored, telemetry)
    awaiting = Awaiting(store=store, clock=clock, patience_ms=config.settle_patience_ms)
    facilitator = Facilitator(
        ingest=ingest,
        awaiting=awaiting,
        wallets=DynamoWallets(stored),
        catalogue=config.discovery_resources,
        clock=clock,
        log=telemetry.log,
    )
    return facilitator, Completing(ingest=ingest, awaiting=awaiting, clock=clock)
