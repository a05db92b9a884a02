"""HTTPS -> records: reads only."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import ok
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.openapi.document import openapi_document
from ferryman.adapters.http.requests import query_parameters
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.query import read_records
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.intents import SIGNED
from ferryman.services.asking import after_sequence, list_request, refuse_unknown_parameters
from ferryman.services.topics import parsed_transaction_id
from ferryman.version import VERSION

telemetry = Telemetry()
reading, health, offer = read_records()


def record(event: Event) -> Answer:
    """GET /transactions/{id}."""
    refuse_unknown_parameters(query_parameters(event), ())
    return ok(reading.record(parsed_transaction_id(event["pathParameters"]["transaction_id"])))


def events(event: Event) -> Answer:
    """GET /transactions/{id}/events."""
    name = parsed_transaction_id(event["pathParameters"]["transaction_id"])
    return ok({"events": reading.events(name, after=after_sequence(query_parameters(event)))})


def page(event: Event) -> Answer:
    """GET /transactions."""
    return ok(reading.page(list_request(query_parameters(event)), caller_of(event)))


def chains(_event: Event) -> Answer:
    """GET /chains."""
    return ok(offer.public())


def alive(_event: Event) -> Answer:
    """GET /health."""
    return ok({"status": "ok"})


def ready(_event: Event) -> Answer:
    """GET /health/ready."""
    return ok(health.ready())


def openapi(_event: Event) -> Answer:
    """GET /openapi.json."""
    return ok(openapi_document(SIGNED.values(), version=VERSION))


routes = Routes(
    {
        "GET /transactions/{transaction_id}": record,
        "GET /transactions/{transaction_id}/events": events,
        "GET /transactions": page,
        "GET /chains": chains,
        "GET /health": alive,
        "GET /health/ready": ready,
        "GET /openapi.json": openapi,
    },
    telemetry.logger,
)


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer one read."""
    return routes.answer(event)
