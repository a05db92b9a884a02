"""Events stream -> subscribers: tell everybody who listens."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.dynamodb.stream import inserted_events
from ferryman.bootstrap.notify import notify_subscribers
from ferryman.bootstrap.telemetry import Telemetry

telemetry = Telemetry()
logger = telemetry.logger
tell = notify_subscribers(telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Tell events in order; from the first that cannot be told on, the stream gives them again."""
    inserted = list(inserted_events(event))
    told = tell([one for _, one in inserted])
    logger.info("told", extra={"events": told})
    return {"batchItemFailures": [{"itemIdentifier": number} for number, _ in inserted[told : told + 1]]}
