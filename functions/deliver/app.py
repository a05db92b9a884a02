"""Queue -> webhooks: post each delivery, and queue it again for later if it was not taken."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.deliveries import read_deliveries
from ferryman.bootstrap.deliver import deliver_webhooks
from ferryman.bootstrap.telemetry import Telemetry

telemetry = Telemetry()
logger = telemetry.logger
deliver = deliver_webhooks(telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Have only those messages delivered again whose outcome could not be written down."""
    deliveries, malformed = read_deliveries(event["Records"])
    # What is not one of our messages ends in the dead-letter queue, where its alarm is.
    failed = [*deliver(deliveries), *malformed]
    logger.info("delivered", extra={"messages": len(event["Records"]), "failed": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}
