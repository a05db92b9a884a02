"""Builds socket."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.websocket import WebSocketPush
from ferryman.bootstrap.parts import aws_client, chains_config, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import SocketConfig
from ferryman.intents import KINDS
from ferryman.services.reading import Reading
from ferryman.services.socket import Socket


def serve_sockets(telemetry: Telemetry) -> Socket:
    """Give the service, from the environment."""
    config = chains_config(SocketConfig)
    stored = tables(config)
    endpoint = aws_client("apigatewaymanagementapi", endpoint_url=config.websocket_endpoint)
    return Socket(
        reading=Reading(
            kinds=KINDS,
            store=DynamoTransactions(stored),
            wallets=DynamoWallets(stored),
            leases=DynamoLeases(stored),
        ),
        connections=DynamoConnections(stored),
        push=WebSocketPush(endpoint),
        clock=SystemClock(),
        log=telemetry.log,
    )
