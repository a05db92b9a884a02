"""HTTPS -> webhooks: an API key's own registrations."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, problem
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.requests import json_body
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.bootstrap.webhooks import keep_webhooks
from ferryman.domain.errors import FerrymanError, NotFoundError, RequestError
from ferryman.intents.fields import validated
from ferryman.intents.registration import WebhookRegistration

telemetry = Telemetry()
logger = telemetry.logger
webhooks = keep_webhooks()

Event = dict[str, Any]
Answer = tuple[HTTPStatus, Mapping[str, Any]]


def register(event: Event) -> Answer:
    """POST /webhooks."""
    request = validated(WebhookRegistration, json_body(event))
    return HTTPStatus.CREATED, webhooks.register(caller_of(event), request)


def page(event: Event) -> Answer:
    """GET /webhooks."""
    return HTTPStatus.OK, webhooks.page(caller_of(event))


def show(event: Event) -> Answer:
    """GET /webhooks/{webhook_id}."""
    return HTTPStatus.OK, webhooks.show(caller_of(event), _named(event))


def remove(event: Event) -> Answer:
    """DELETE /webhooks/{webhook_id}."""
    webhooks.remove(caller_of(event), _named(event))
    return HTTPStatus.OK, {"webhook_id": _named(event)}


def rotate(event: Event) -> Answer:
    """POST /webhooks/{webhook_id}/rotate."""
    return HTTPStatus.OK, webhooks.rotate(caller_of(event), _named(event))


def enable(event: Event) -> Answer:
    """POST /webhooks/{webhook_id}/enable."""
    return HTTPStatus.OK, webhooks.enable(caller_of(event), _named(event))


def test(event: Event) -> Answer:
    """POST /webhooks/{webhook_id}/test."""
    return HTTPStatus.ACCEPTED, webhooks.test(caller_of(event), _named(event))


ROUTES: Mapping[str, Callable[[Event], Answer]] = {
    "POST /webhooks": register,
    "GET /webhooks": page,
    "GET /webhooks/{webhook_id}": show,
    "DELETE /webhooks/{webhook_id}": remove,
    "POST /webhooks/{webhook_id}/rotate": rotate,
    "POST /webhooks/{webhook_id}/enable": enable,
    "POST /webhooks/{webhook_id}/test": test,
}


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer one request; a secret is in an answer, and never in a log."""
    name = f"{event['httpMethod']} {event['resource']}"
    route = ROUTES.get(name)
    try:
        if route is None:
            raise NotFoundError("There is no such route.")
        shaped = answer(*route(event))
    except RequestError as error:
        shaped = problem(error)
    except FerrymanError as error:
        logger.exception("not answered")
        shaped = problem(error)
    logger.info("answered", extra={"route": name, "status": shaped["statusCode"]})
    return shaped


def _named(event: Event) -> str:
    return str(event["pathParameters"]["webhook_id"])
