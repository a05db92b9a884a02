"""Builds ingest."""

from collections.abc import Mapping

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.journalled import JournalledTables
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.markets import DynamoMarkets
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.bootstrap.parts import aws_client, chains, chains_config, journalled_tables, submit_queues
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import IngestConfig
from ferryman.intents import KINDS, SIGNED
from ferryman.intents.drafted import DraftedKind
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.services.assurance import Assurance
from ferryman.services.cached import CachedReadings
from ferryman.services.charging import Charging
from ferryman.services.drafting import Drafting, NextNonce
from ferryman.services.ingest import Ingest
from ferryman.services.market import MarketBook
from ferryman.services.nonces import FreeNonces, NextNonces
from ferryman.services.quoting import Quoting


def ingest_intents(telemetry: Telemetry) -> tuple[Ingest, Mapping[str, Drafting]]:
    """Give what accepts messages, and what proposes them by the name of their kind, from the environment."""
    config = chains_config(IngestConfig)
    stored = journalled_tables(config, telemetry)
    ingest = ingest_over(config, stored, telemetry)

    def drafting(kind: DraftedKind, next_nonce: NextNonce) -> Drafting:
        return Drafting(
            kind=kind,
            chains=ingest.chains,
            book=ingest.quoting.book,
            next_nonce=next_nonce,
            clock=ingest.clock,
        )

    return ingest, {
        META_TRANSACTION.name: drafting(
            META_TRANSACTION, FreeNonces(META_TRANSACTION, DynamoAccounts(stored))
        ),
        FORWARD_REQUEST.name: drafting(FORWARD_REQUEST, NextNonces(FORWARD_REQUEST.ordered, ingest.store)),
    }


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
