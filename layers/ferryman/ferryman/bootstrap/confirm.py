"""Builds confirm."""

from aws_lambda_powertools import Logger

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.log import StructuredLog
from ferryman.adapters.sqs import SqsQueue
from ferryman.bootstrap.parts import aws_client, chains, tables
from ferryman.config import ConfirmConfig
from ferryman.domain.units import ChainId
from ferryman.intents import KINDS
from ferryman.services.confirm import Confirm
from ferryman.services.following import Follower
from ferryman.services.sweeping import Sweep


def confirm_transactions(logger: Logger) -> Confirm:
    """Give the service, from the environment."""
    config = ConfirmConfig.read()
    stored, clock, log = tables(config), SystemClock(), StructuredLog(logger)
    store, wallets = DynamoTransactions(stored), DynamoWallets(stored)
    queue = SqsQueue(aws_client("sqs"), config.submit_queue_url)
    accessible = chains(config, patience_seconds=4, log=log)

    def follower(chain_id: ChainId) -> Follower:
        return Follower(
            kinds=KINDS,
            settings=accessible[chain_id].settings,
            chain=accessible[chain_id].chain,
            store=store,
            wallets=wallets,
            queue=queue,
            clock=clock,
            log=log,
        )

    return Confirm(
        chains=accessible,
        follower=follower,
        sweep=Sweep(store=store, queue=queue, clock=clock, log=log),
        leases=DynamoLeases(stored),
        confirmer=LambdaConfirmer(aws_client("lambda"), config.confirm_function),
        clock=clock,
        log=log,
    )
