"""HTTPS -> what operators' machines watch: every dependency's state, and the numbers of /metrics."""

from http import HTTPStatus

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import RETRY_AFTER_SECONDS, answer, ok, text_answer
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.prometheus import CONTENT_TYPE, exposition
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.health import see_health
from ferryman.bootstrap.telemetry import Telemetry

telemetry = Telemetry()
deep_health, statistics = see_health(telemetry)


def deep(event: Event) -> Answer:
    """GET /health/deep: 503 if something is down that we cannot work without."""
    is_able, report = deep_health(caller_of(event))
    if is_able:
        return ok(report)
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, report, **{"Retry-After": str(RETRY_AFTER_SECONDS)})


def metrics(event: Event) -> Answer:
    """GET /metrics."""
    return text_answer(exposition(statistics(caller_of(event))), CONTENT_TYPE)


routes = Routes(
    {
        "GET /health/deep": deep,
        "GET /metrics": metrics,
    },
    telemetry.logger,
)


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer one look."""
    return routes.answer(event)
