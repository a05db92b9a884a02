"""Builds notify."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.deliveries import SqsDeliveries
from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.adapters.websocket import WebSocketPush
from ferryman.adapters.workers import ThreadWorkers
from ferryman.bootstrap.parts import AWS_CONNECTIONS, aws_client, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import NotifyConfig
from ferryman.services.counting import Counting
from ferryman.services.fanout import Fanout
from ferryman.services.notify import Notify
from ferryman.services.telling import Telling


def notify_subscribers(telemetry: Telemetry) -> Telling:
    """Give the service, from the environment."""
    config = NotifyConfig.read()
    endpoint = aws_client("apigatewaymanagementapi", endpoint_url=config.websocket_endpoint)
    stored, clock, workers = tables(config), SystemClock(), ThreadWorkers(AWS_CONNECTIONS)
    notify = Notify(
        connections=DynamoConnections(stored),
        push=WebSocketPush(endpoint),
        fanout=Fanout(
            store=DynamoWebhooks(stored),
            queue=SqsDeliveries(aws_client("sqs"), url=config.delivery_queue_url),
            clock=clock,
        ),
        workers=workers,
        clock=clock,
        log=telemetry.log,
        metrics=telemetry.metrics,
    )
    counting = Counting(statistics=DynamoStatistics(stored), log=telemetry.log)
    return Telling(notify=notify, counting=counting, workers=workers)
