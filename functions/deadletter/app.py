"""Dead-letter queue -> row: finish what is permanent, bring back what is not."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.sqs import read_messages
from ferryman.bootstrap.deadletter import settle_deadletters
from ferryman.bootstrap.telemetry import Telemetry

telemetry = Telemetry()
logger = telemetry.logger
settle = settle_deadletters(telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Keep those messages that could not be settled."""
    messages = read_messages(event["Records"])
    failed = messages.failures(settle(messages.hints))
    if messages.malformed:
        logger.error("dead letters that are no messages of ours", extra={"message_ids": messages.malformed})
    logger.warning("dead letters", extra={"messages": len(event["Records"]), "failed": len(failed)})
    return {"batchItemFailures": failed}
