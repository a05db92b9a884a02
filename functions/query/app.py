"""HTTPS -> records: reads only."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, problem
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.openapi import openapi_document
from ferryman.adapters.http.requests import query_parameters
from ferryman.bootstrap.query import read_records
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.errors import FerrymanError, NotFoundError, RequestError
from ferryman.intents import KINDS
from ferryman.services.asking import after_sequence, list_request, refuse_unknown_parameters
from ferryman.services.topics import parsed_transaction_id
from ferryman.version import VERSION

telemetry = Telemetry()
logger = telemetry.logger
reading, health, offer = read_records()

Event = dict[str, Any]


def record(event: Event) -> Mapping[str, Any]:
    """GET /transactions/{id}."""
    refuse_unknown_parameters(query_parameters(event), ())
    return reading.record(parsed_transaction_id(event["pathParameters"]["transaction_id"]))


def events(event: Event) -> Mapping[str, Any]:
    """GET /transactions/{id}/events."""
    name = parsed_transaction_id(event["pathParameters"]["transaction_id"])
    return {"events": reading.events(name, after=after_sequence(query_parameters(event)))}


def page(event: Event) -> Mapping[str, Any]:
    """GET /transactions."""
    return reading.page(list_request(query_parameters(event)), caller_of(event))


def chains(_event: Event) -> Mapping[str, Any]:
    """GET /chains."""
    return offer.public()


def alive(_event: Event) -> Mapping[str, Any]:
    """GET /health."""
    return {"status": "ok"}


def ready(_event: Event) -> Mapping[str, Any]:
    """GET /health/ready."""
    return health.ready()


def openapi(_event: Event) -> Mapping[str, Any]:
    """GET /openapi.json."""
    return openapi_document(KINDS.values(), version=VERSION)


ROUTES: Mapping[str, Callable[[Event], Mapping[str, Any]]] = {
    "/transactions/{transaction_id}": record,
    "/transactions/{transaction_id}/events": events,
    "/transactions": page,
    "/chains": chains,
    "/health": alive,
    "/health/ready": ready,
    "/openapi.json": openapi,
}


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer one read."""
    route = ROUTES.get(event["resource"])
    try:
        if route is None:
            raise NotFoundError("There is no such route.")
        shaped = answer(HTTPStatus.OK, route(event))
    except RequestError as error:
        shaped = problem(error)
    except FerrymanError as error:
        logger.exception("not answered")
        shaped = problem(error)
    logger.info("answered", extra={"route": event["resource"], "status": shaped["statusCode"]})
    return shaped
