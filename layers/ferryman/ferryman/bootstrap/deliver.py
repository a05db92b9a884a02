"""Builds deliver."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.deliveries import SqsDeliveries
from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.adapters.receivers import HttpReceivers
from ferryman.adapters.secret_box import KmsSecretBox
from ferryman.bootstrap.parts import aws_client, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import DeliverConfig
from ferryman.services.deliver import Deliver


def deliver_webhooks(telemetry: Telemetry) -> Deliver:
    """Give the service, from the environment."""
    config = DeliverConfig.read()
    return Deliver(
        store=DynamoWebhooks(tables(config)),
        box=KmsSecretBox(aws_client("kms"), config.webhook_key_id),
        receivers=HttpReceivers(any_target=config.any_webhook_target),
        queue=SqsDeliveries(
            aws_client("sqs"),
            url=config.delivery_queue_url,
            dead_letter_url=config.delivery_dead_letter_queue_url,
        ),
        clock=SystemClock(),
        log=telemetry.log,
        metrics=telemetry.metrics,
    )
