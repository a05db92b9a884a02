"""Events stream -> subscribers: tell everybody who listens."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.dynamodb.stream import inserted_events
from ferryman.bootstrap.notify import notify_subscribers
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.events import Event
from ferryman.services.about import about

telemetry = Telemetry()
logger = telemetry.logger
notify, count = notify_subscribers(telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Tell events in order; from the first that cannot be told on, the stream gives them again."""
    told: list[Event] = []
    failed: list[dict[str, str]] = []
    for sequence_number, one in inserted_events(event):
        try:
            notify(one)
        except StoreUnavailableError:
            logger.exception("not told", extra={**about(one), "told": len(told)})
            failed.append({"itemIdentifier": sequence_number})
            break
        told.append(one)
    count(told)
    logger.info("told", extra={"events": len(told)})
    return {"batchItemFailures": failed}
