"""Builds ingest."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.journalled import JournalledTables
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.markets import DynamoMarkets
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.bootstrap.parts import aws_client, chains, journalled_tables, submit_queues
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import IngestConfig
from ferryman.intents import KINDS, SIGNED
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.services.assurance import Assurance
from ferryman.services.cached import CachedReadings
from ferryman.services.charging import Charging
from ferryman.services.drafting import Drafting
from ferryman.services.ingest import Ingest
from ferryman.services.market import MarketBook
from ferryman.services.nonces import FreeNonces
from ferryman.services.quoting import Quoting


def ingest_intents(telemetry: Telemetry) -> tuple[Ingest, Drafting]:
    """Give what accepts messages, and what proposes them, from the environment."""
    config = IngestConfig.read()
    stored = journalled_tables(config, telemetry)
    ingest = ingest_over(config, stored, telemetry)
    drafting = Drafting(
        kind=META_TRANSACTION,
        chains=ingest.chains,
        book=ingest.quoting.book,
        nonces=FreeNonces(DynamoAccounts(stored)),
        clock=ingest.clock,
    )
    return ingest, drafting


def ingest_over(config: IngestConfig, stored: JournalledTables, telemetry: Telemetry) -> Ingest:
    """Give the service over tables that are built already."""
    store, clock = DynamoTransactions(stored), SystemClock()
    cached = CachedReadings(KINDS, DynamoCursors(stored), DynamoAccounts(stored), clock, telemetry.metrics)
    accessible = chains(config, telemetry, patience_seconds=2)
    return Ingest(
        kinds=KINDS,
        chains=accessible,
        store=store,
        assurance=Assurance(store, cached),
        charging=Charging(store=store, clock=clock),
        quoting=Quoting(
            kinds=SIGNED,
            chains=accessible,
            store=store,
            book=MarketBook(DynamoMarkets(stored), clock),
            clock=clock,
        ),
        queue=submit_queues(config),
        leases=DynamoLeases(stored),
        confirmer=LambdaConfirmer(aws_client("lambda"), config.confirm_function),
        clock=clock,
        log=telemetry.log,
    )
