"""Builds notify."""

from aws_lambda_powertools import Logger

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.log import StructuredLog
from ferryman.adapters.websocket import WebSocketPush
from ferryman.bootstrap.parts import aws_client, tables
from ferryman.config import NotifyConfig
from ferryman.services.notify import Notify


def notify_subscribers(logger: Logger) -> Notify:
    """Give the service, from the environment."""
    config = NotifyConfig.read()
    endpoint = aws_client("apigatewaymanagementapi", endpoint_url=config.websocket_endpoint)
    return Notify(
        connections=DynamoConnections(tables(config)),
        push=WebSocketPush(endpoint),
        clock=SystemClock(),
        log=StructuredLog(logger),
    )
