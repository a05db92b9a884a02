"""Queue -> chain: go on with each hinted transaction; a message is a hint, the row is the truth."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.sqs import read_messages
from ferryman.bootstrap.submit import submit_intents
from ferryman.bootstrap.telemetry import Telemetry

telemetry = Telemetry()
logger = telemetry.logger
submit = submit_intents(telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Have only those messages delivered again whose outcome could not be written down."""
    messages = read_messages(event["Records"])
    failed = messages.failures(submit(messages.hints))
    # What is not one of our messages ends in the dead-letter queue, where its alarm is.
    failed += [{"itemIdentifier": name} for name in messages.malformed]
    logger.info("submitted", extra={"messages": len(event["Records"]), "failed": len(failed)})
    return {"batchItemFailures": failed}
