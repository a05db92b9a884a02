"""Events stream -> subscribers: tell everybody who listens."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.dynamodb.stream import inserted_events
from ferryman.bootstrap.notify import notify_subscribers
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.errors import StoreUnavailableError
from ferryman.services.about import about

telemetry = Telemetry()
logger = telemetry.logger
notify = notify_subscribers(telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Tell events in order; from the first that cannot be told on, the stream gives them again."""
    told = 0
    for sequence_number, one in inserted_events(event):
        try:
            notify(one)
        except StoreUnavailableError:
            logger.exception("not told", extra={**about(one), "told": told})
            return {"batchItemFailures": [{"itemIdentifier": sequence_number}]}
        told += 1
    logger.info("told", extra={"events": told})
    return {"batchItemFailures": []}
