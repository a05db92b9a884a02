"""Builds submit."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dynamodb.backlog_parts import DynamoBacklogParts
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.kms import KmsSigner
from ferryman.adapters.sqs import SqsDeadLetterQueue
from ferryman.adapters.workers import ThreadWorkers
from ferryman.bootstrap.parts import AWS_CONNECTIONS, aws_client, chains, chains_config, journalled_tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import SubmitConfig
from ferryman.intents import KINDS
from ferryman.services.advance import Advance
from ferryman.services.assurance import Assurance
from ferryman.services.batch_gas import BatchGas
from ferryman.services.batching import Batching
from ferryman.services.binding import Binder
from ferryman.services.counters import Counters
from ferryman.services.executions import Executions
from ferryman.services.gathering import Gathering
from ferryman.services.lately import Lately
from ferryman.services.silence import Silence
from ferryman.services.submit import UNDER_WAY_MS, Submit
from ferryman.services.topping_up import ToppingUp


def submit_intents(telemetry: Telemetry) -> Submit:
    """Give the service, from the environment."""
    config = chains_config(SubmitConfig)
    stored, clock = journalled_tables(config, telemetry), SystemClock()
    log, metrics = telemetry.log, telemetry.metrics
    store = DynamoTransactions(stored, lists_closed=bool(config.retention_days))
    wallets, workers = DynamoWallets(stored), ThreadWorkers(AWS_CONNECTIONS)
    signer = KmsSigner(aws_client("kms"), config.wallet_key_ids.split(","), config.treasury_key_id)
    binder = Binder(kinds=KINDS, wallets=wallets, signer=signer, clock=clock)
    return Submit(
        kinds=KINDS,
        chains=chains(config, telemetry, patience_seconds=4),
        store=store,
        wallets=wallets,
        assurance=Assurance(store),
        gathering=Gathering(
            store=store,
            parts=DynamoBacklogParts(stored),
            workers=workers,
            clock=clock,
            log=log,
        ),
        batching=Batching(kinds=KINDS, known=BatchGas(clock), clock=clock),
        binder=binder,
        topping_up=ToppingUp(wallets=wallets, binder=binder, signer=signer, clock=clock, log=log),
        counters=Counters(wallets=wallets, log=log, metrics=metrics),
        advance=Advance(
            kinds=KINDS,
            store=store,
            wallets=wallets,
            signer=signer,
            workers=workers,
            clock=clock,
            log=log,
            metrics=metrics,
        ),
        leases=DynamoLeases(stored),
        pauses=DynamoPauses(stored),
        dead_letters=SqsDeadLetterQueue(aws_client("sqs"), config.dead_letter_queue_url),
        confirmer=LambdaConfirmer(aws_client("lambda"), config.confirm_function),
        silence=Silence(clock),
        lately=Lately(clock, UNDER_WAY_MS),
        executions=Executions(kinds=KINDS, clock=clock),
        workers=workers,
        clock=clock,
        log=log,
    )
