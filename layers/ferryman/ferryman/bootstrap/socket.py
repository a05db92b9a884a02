"""Builds socket."""

from aws_lambda_powertools import Logger

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.log import StructuredLog
from ferryman.adapters.websocket import WebSocketPush
from ferryman.bootstrap.parts import aws_client, tables
from ferryman.config import SocketConfig
from ferryman.intents import KINDS
from ferryman.services.reading import Reading
from ferryman.services.socket import Socket


def serve_sockets(logger: Logger) -> Socket:
    """Give the service, from the environment."""
    config = SocketConfig.read()
    stored = tables(config)
    endpoint = aws_client("apigatewaymanagementapi", endpoint_url=config.websocket_endpoint)
    return Socket(
        reading=Reading(
            kinds=KINDS,
            store=DynamoTransactions(stored),
            wallets=DynamoWallets(stored),
            leases=DynamoLeases(stored),
            has_open_reads=config.open_reads,
        ),
        connections=DynamoConnections(stored),
        push=WebSocketPush(endpoint),
        clock=SystemClock(),
        log=StructuredLog(logger),
    )
