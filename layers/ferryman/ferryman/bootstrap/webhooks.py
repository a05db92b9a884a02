"""Builds webhooks."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.deliveries import SqsDeliveries
from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.adapters.receivers import HttpReceivers
from ferryman.adapters.secret_box import KmsSecretBox
from ferryman.bootstrap.parts import aws_client, tables
from ferryman.config import WebhooksConfig
from ferryman.intents import KINDS
from ferryman.services.webhooks import Webhooks


def keep_webhooks() -> Webhooks:
    """Give the service, from the environment."""
    config = WebhooksConfig.read()
    return Webhooks(
        kinds=KINDS,
        store=DynamoWebhooks(tables(config)),
        box=KmsSecretBox(aws_client("kms"), config.webhook_key_id),
        receivers=HttpReceivers(any_target=config.any_webhook_target),
        queue=SqsDeliveries(aws_client("sqs"), url=config.delivery_queue_url),
        clock=SystemClock(),
    )
