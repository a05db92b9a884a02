"""Builds x402."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.allowances import DynamoAllowances
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.bootstrap.ingest import ingest_over
from ferryman.bootstrap.parts import chains_config, journalled_tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import X402Config
from ferryman.services.awaiting import Awaiting
from ferryman.services.completing import Completing
from ferryman.services.faucet import Faucet
from ferryman.services.x402 import Facilitator


def facilitate(telemetry: Telemetry) -> tuple[Facilitator, Completing, Faucet]:
    """Give, from the environment, the facilitator, what carries meta-transactions out, and the faucet."""
    config, clock = chains_config(X402Config), SystemClock()
    stored = journalled_tables(config, telemetry)
    store = DynamoTransactions(stored)
    ingest = ingest_over(config, stored, telemetry)
    awaiting = Awaiting(store=store, chains=ingest.chains, clock=clock, patience_ms=config.settle_patience_ms)
    facilitator = Facilitator(
        ingest=ingest,
        awaiting=awaiting,
        wallets=DynamoWallets(stored),
        catalogue=config.discovery_resources,
        clock=clock,
        log=telemetry.log,
    )
    faucet = Faucet(
        is_open=config.faucet,
        ingest=ingest,
        awaiting=awaiting,
        store=store,
        allowances=DynamoAllowances(stored),
        clock=clock,
    )
    return facilitator, Completing(ingest=ingest, awaiting=awaiting, clock=clock), faucet
