"""Builds confirm."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.workers import ThreadWorkers
from ferryman.bootstrap.parts import (
    AWS_CONNECTIONS,
    aws_client,
    chains,
    chains_config,
    journalled_tables,
    submit_queues,
)
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import ConfirmConfig
from ferryman.intents import KINDS
from ferryman.services.confirm import Confirm
from ferryman.services.followers import Followers
from ferryman.services.gauging import Gauging
from ferryman.services.spreading import Spreading
from ferryman.services.sweeping import Sweep


def confirm_transactions(telemetry: Telemetry) -> tuple[Confirm, Gauging, Spreading]:
    """Give the services, from the environment."""
    config = chains_config(ConfirmConfig)
    stored, clock = journalled_tables(config, telemetry), SystemClock()
    log, metrics = telemetry.log, telemetry.metrics
    store = DynamoTransactions(stored, lists_closed=bool(config.retention_days))
    wallets = DynamoWallets(stored)
    queue = submit_queues(config)
    starter = LambdaConfirmer(aws_client("lambda"), config.confirm_function)
    accessible = chains(config, telemetry, patience_seconds=4)
    confirm = Confirm(
        chains=accessible,
        follower=Followers(
            chains=accessible,
            kinds=KINDS,
            store=store,
            wallets=wallets,
            queue=queue,
            workers=ThreadWorkers(AWS_CONNECTIONS),
            clock=clock,
            log=log,
            metrics=metrics,
        ),
        sweep=Sweep(chains=accessible, store=store, queue=queue, clock=clock, log=log),
        leases=DynamoLeases(stored),
        confirmer=starter,
        clock=clock,
        log=log,
        metrics=metrics,
    )
    gauging = Gauging(
        kinds=KINDS,
        chains=accessible,
        store=store,
        wallets=wallets,
        statistics=DynamoStatistics(stored),
        clock=clock,
        log=log,
        metrics=metrics,
    )
    return confirm, gauging, Spreading(starter=starter, log=log)
