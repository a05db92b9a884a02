"""HTTPS -> what operators watch: every dependency's state, numbers, and why something is where it is."""

from http import HTTPStatus

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import RETRY_AFTER_SECONDS, answer, ok, text_answer
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.prometheus import CONTENT_TYPE, exposition
from ferryman.adapters.http.requests import query_parameters
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.health import see_health
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.services.explaining import wallet_request
from ferryman.services.statistics import require_reader
from ferryman.services.topics import parsed_transaction_id

telemetry = Telemetry()
sight = see_health(telemetry)


def deep(event: Event) -> Answer:
    """GET /health/deep: 503 if something is down that we cannot work without."""
    is_able, report = sight.deep(caller_of(event))
    if is_able:
        return ok(report)
    return answer(HTTPStatus.SERVICE_UNAVAILABLE, report, **{"Retry-After": str(RETRY_AFTER_SECONDS)})


def metrics(event: Event) -> Answer:
    """GET /metrics."""
    return text_answer(exposition(*sight.statistics(caller_of(event))), CONTENT_TYPE)


def explanation(event: Event) -> Answer:
    """GET /transactions/{transaction_id}/explain."""
    require_reader(caller_of(event))
    name = parsed_transaction_id(event["pathParameters"]["transaction_id"])
    return ok(sight.explaining.transaction(name))


def wallet(event: Event) -> Answer:
    """GET /wallets/{address}."""
    require_reader(caller_of(event))
    explaining, address = sight.explaining, event["pathParameters"]["address"]
    return ok(explaining.wallet(*wallet_request(address, query_parameters(event), explaining.chains)))


routes = Routes(
    {
        "GET /health/deep": deep,
        "GET /metrics": metrics,
        "GET /transactions/{transaction_id}/explain": explanation,
        "GET /wallets/{address}": wallet,
    },
    telemetry.logger,
)


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer one look."""
    return routes.answer(event)
