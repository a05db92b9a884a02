"""Builds query."""

from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.bootstrap.parts import chains_config, tables
from ferryman.config import QueryConfig
from ferryman.intents import KINDS
from ferryman.services.health import Health
from ferryman.services.offer import Offer
from ferryman.services.reading import Reading


def read_records() -> tuple[Reading, Health, Offer]:
    """Give the services, from the environment."""
    config = chains_config(QueryConfig)
    stored = tables(config)
    leases = DynamoLeases(stored)
    reading = Reading(
        kinds=KINDS,
        store=DynamoTransactions(stored),
        wallets=DynamoWallets(stored),
        leases=leases,
    )
    offer = Offer(kinds=KINDS, chains=config.by_id(), websocket_url=config.websocket_url)
    return reading, Health(leases=leases, chain_ids=tuple(config.by_id())), offer
