"""Calls that AWS denies us: no outage that passes, but a permission that somebody has to mend."""

from collections.abc import Mapping
from typing import Any, Final

from ferryman.ports import Log

_DENIALS: Final = frozenset({"AccessDenied", "AccessDeniedException"})
"""S3, KMS and SQS say it one way, DynamoDB, Lambda and API Gateway the other; some both."""


def tell_denials(client: Any, log: Log) -> None:  # noqa: ANN401 (any boto3 client)
    """Write an ERROR for every call of a boto3 client that is denied, whatever its caller makes of that.

    The line has AWS's own words: they name the role, the action and the resource.
    """
    service = client.meta.service_model.service_id.hyphenize()

    def tell(parsed: Mapping[str, Any], model: Any, **_: object) -> None:  # noqa: ANN401 (botocore's)
        error = parsed.get("Error", {})
        if error.get("Code") in _DENIALS:
            cause = error.get("Message", "")
            # Not `service`: every line has that already, and it is the function's.
            log.error("denied by AWS", aws_service=service, operation=model.name, cause=cause)

    client.meta.events.register("after-call", tell)
