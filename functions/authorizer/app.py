"""Caller -> who it is: asked by API Gateway before every route, and every connection, that has to know."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.callers import allowed, api_key, bearer_token, denied, is_connection, ticket
from ferryman.bootstrap.authorizer import authorize_callers
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.access import Caller
from ferryman.domain.errors import NotAuthenticatedError

telemetry = Telemetry()
logger = telemetry.logger
authorizer, signed_in_usage_key = authorize_callers()

Event = dict[str, Any]


class UnauthorizedError(Exception):
    """What API Gateway answers 401 to a request; it knows it by its text alone."""


def caller(event: Event) -> Caller:
    """Give who calls, by what they carry."""
    if is_connection(event):
        return authorizer.connection(ticket(event))
    return authorizer.request(token=bearer_token(event), api_key=api_key(event))


@telemetry.observed
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Allow whom we know; what they may do is for the function behind to say."""
    method = event["methodArn"]
    try:
        known = caller(event)
    except NotAuthenticatedError as error:
        logger.info("refused", extra={"reasons": [f"{one.field} {one.reason}" for one in error.problems]})
        if is_connection(event):
            return denied(method)
        raise UnauthorizedError("Unauthorized") from None
    logger.info("allowed", extra={"caller": known.name})
    return allowed(known, method, usage_key=known.key_id or signed_in_usage_key)
