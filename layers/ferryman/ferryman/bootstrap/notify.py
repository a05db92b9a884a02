"""Builds notify."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.websocket import WebSocketPush
from ferryman.bootstrap.parts import aws_client, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import NotifyConfig
from ferryman.services.notify import Notify


def notify_subscribers(telemetry: Telemetry) -> Notify:
    """Give the service, from the environment."""
    config = NotifyConfig.read()
    endpoint = aws_client("apigatewaymanagementapi", endpoint_url=config.websocket_endpoint)
    return Notify(
        connections=DynamoConnections(tables(config)),
        push=WebSocketPush(endpoint),
        clock=SystemClock(),
        log=telemetry.log,
        metrics=telemetry.metrics,
    )
