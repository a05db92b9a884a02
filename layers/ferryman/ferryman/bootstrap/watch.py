"""Builds watch."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.bootstrap.parts import aws_client, chains, chains_config, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import WatchConfig
from ferryman.domain.units import ChainId
from ferryman.intents import KINDS
from ferryman.services.spreading import Spreading
from ferryman.services.tracking import Tracker
from ferryman.services.watch import LEASE_MS, Watch


def watch_contracts(telemetry: Telemetry) -> tuple[Watch, Spreading]:
    """Give the services, from the environment."""
    config = chains_config(WatchConfig)
    stored, clock, log, metrics = tables(config), SystemClock(), telemetry.log, telemetry.metrics
    cursors, accounts = DynamoCursors(stored), DynamoAccounts(stored)
    starter = LambdaConfirmer(aws_client("lambda"), config.watch_function)
    accessible = chains(config, telemetry, patience_seconds=4)

    def tracker(chain_id: ChainId) -> Tracker:
        return Tracker(
            kinds=KINDS,
            access=accessible[chain_id],
            accounts=accounts,
            cursors=cursors,
            clock=clock,
            log=log,
            metrics=metrics,
            lease_ms=LEASE_MS,
        )

    watch = Watch(
        chains=accessible,
        tracker=tracker,
        cursors=cursors,
        successor=starter,
        clock=clock,
        log=log,
        metrics=metrics,
    )
    return watch, Spreading(starter=starter, log=log)
