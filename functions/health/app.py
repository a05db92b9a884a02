"""HTTPS -> what operators' machines watch: every dependency's state, and the numbers of /metrics."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import RETRY_AFTER_SECONDS, answer, problem, text_answer
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.prometheus import CONTENT_TYPE, exposition
from ferryman.bootstrap.health import see_health
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.errors import FerrymanError, NotFoundError, RequestError

telemetry = Telemetry()
logger = telemetry.logger
deep_health, statistics = see_health(telemetry)

Event = dict[str, Any]


def deep(event: Event) -> dict[str, Any]:
    """GET /health/deep: 503 if something is down that we cannot work without."""
    is_able, report = deep_health(caller_of(event))
    if is_able:
        return answer(HTTPStatus.OK, report)
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, report, **{"Retry-After": str(RETRY_AFTER_SECONDS)})


def metrics(event: Event) -> dict[str, Any]:
    """GET /metrics."""
    return text_answer(exposition(statistics(caller_of(event))), CONTENT_TYPE)


ROUTES: Mapping[str, Callable[[Event], dict[str, Any]]] = {
    "/health/deep": deep,
    "/metrics": metrics,
}


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer one look."""
    route = ROUTES.get(event["resource"])
    try:
        if route is None:
            raise NotFoundError("There is no such route.")
        shaped = route(event)
    except RequestError as error:
        shaped = problem(error)
    except FerrymanError as error:
        logger.exception("not answered")
        shaped = problem(error)
    logger.info("answered", extra={"route": event["resource"], "status": shaped["statusCode"]})
    return shaped
