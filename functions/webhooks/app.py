"""HTTPS -> webhooks: an API key's own registrations."""

from http import HTTPStatus

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, ok
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.requests import json_body
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.bootstrap.webhooks import keep_webhooks
from ferryman.domain.access import Role
from ferryman.intents.fields import validated
from ferryman.intents.registration import WebhookRegistration

telemetry = Telemetry()
webhooks = keep_webhooks()


def register(event: Event) -> Answer:
    """POST /webhooks."""
    caller_of(event).require(Role.SERVICE)  # first: a form is no use to who may not send it
    request = validated(WebhookRegistration, json_body(event))
    return answer(HTTPStatus.CREATED, webhooks.register(caller_of(event), request))


def page(event: Event) -> Answer:
    """GET /webhooks."""
    return ok(webhooks.page(caller_of(event)))


def show(event: Event) -> Answer:
    """GET /webhooks/{webhook_id}."""
    return ok(webhooks.show(caller_of(event), _named(event)))


def remove(event: Event) -> Answer:
    """DELETE /webhooks/{webhook_id}."""
    webhooks.remove(caller_of(event), _named(event))
    return ok({"webhook_id": _named(event)})


def rotate(event: Event) -> Answer:
    """POST /webhooks/{webhook_id}/rotate."""
    return ok(webhooks.rotate(caller_of(event), _named(event)))


def enable(event: Event) -> Answer:
    """POST /webhooks/{webhook_id}/enable."""
    return ok(webhooks.enable(caller_of(event), _named(event)))


def test(event: Event) -> Answer:
    """POST /webhooks/{webhook_id}/test."""
    return answer(HTTPStatus.ACCEPTED, webhooks.test(caller_of(event), _named(event)))


routes = Routes(
    {
        "POST /webhooks": register,
        "GET /webhooks": page,
        "GET /webhooks/{webhook_id}": show,
        "DELETE /webhooks/{webhook_id}": remove,
        "POST /webhooks/{webhook_id}/rotate": rotate,
        "POST /webhooks/{webhook_id}/enable": enable,
        "POST /webhooks/{webhook_id}/test": test,
    },
    telemetry.logger,
)


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer one request; a secret is in an answer, and never in a log."""
    return routes.answer(event)


def _named(event: Event) -> str:
    return str(event["pathParameters"]["webhook_id"])
