"""Webhooks in the OpenAPI document: their models and routes."""

from typing import Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, TRANSACTION_ID, WHEN
from ferryman.adapters.http.openapi.operations import (
    BY_KEY,
    AnswerModel,
    Json,
    answer,
    body_of,
    in_path,
    operation,
    problems,
)
from ferryman.domain.webhooks import Disabled, Outcome
from ferryman.intents.registration import WebhookRegistration

_NAME: Final = "wh_5a11e5a11e5a11e5a11e5a11"
_DELIVERY: Final = "dlv_5a11e5a11e5a11e5a11e5a115a11e5a1"


class Webhook(AnswerModel):
    """A URL that is told of events."""

    webhook_id: str = Field(examples=[_NAME])
    url: str = Field(examples=["https://example.com/ferryman"])
    events: list[str] = Field(examples=[["payment_confirmed"]], description="None means all.")
    senders: list[str] = Field(examples=[[ADDRESS]], description="None means everybody's.")
    created_at: str = Field(examples=[WHEN])
    status: str = Field(examples=["enabled"], description="`enabled` or `disabled`.")
    disabled_reason: Disabled | None = Field(examples=[None])
    disabled_at: str | None = Field(examples=[None])
    failing_since: str | None = Field(examples=[None], description="Nothing was taken since then.")
    previous_secret_until: str | None = Field(
        examples=[None], description="Until then the secret before the last rotation signs too."
    )


class WebhookWithSecret(Webhook):
    """A webhook with its new secret, shown this one time."""

    secret: str = Field(examples=["whsec_…"], description="Keep it: no later answer has it.")


class LoggedDelivery(AnswerModel):
    """What has become of a delivery."""

    delivery_id: str = Field(examples=[_DELIVERY])
    event: str = Field(examples=["payment_confirmed"])
    transaction_id: str | None = Field(examples=[TRANSACTION_ID])
    created_at: str = Field(examples=[WHEN])
    outcome: Outcome = Field(examples=["delivered"])
    attempts: int = Field(examples=[1])
    answer: str = Field(examples=["status 200"], description="Or what went wrong instead of one.")
    attempted_at: str = Field(examples=[WHEN])
    took_ms: int = Field(examples=[120])
    next_attempt_at: str | None = Field(examples=[None])


class WebhookWithDeliveries(Webhook):
    """A webhook with its newest deliveries, the newest first."""

    deliveries: list[LoggedDelivery]


class WebhookList(AnswerModel):
    """The webhooks of an API key, the oldest first."""

    webhooks: list[Webhook]


class WebhookRemoved(AnswerModel):
    """The end of a webhook."""

    webhook_id: str = Field(examples=[_NAME])


class QueuedTest(AnswerModel):
    """A test delivery on its way."""

    delivery_id: str = Field(examples=[_DELIVERY])


WEBHOOK_MODELS: Final = (
    Webhook,
    WebhookWithSecret,
    WebhookWithDeliveries,
    WebhookList,
    WebhookRemoved,
    QueuedTest,
)

WEBHOOK_REQUESTS: Final[tuple[type[BaseModel], ...]] = (WebhookRegistration,)


def webhook_paths() -> Json:
    """Write the routes."""
    named = "/webhooks/{webhook_id}"
    both = "Get a new secret; both sign for a day"
    return {
        "/webhooks": {"post": _register(), "get": _listed()},
        named: {
            "get": _of_one("get_webhook", "A webhook and its newest deliveries", WebhookWithDeliveries),
            "delete": _of_one("remove_webhook", "Remove a webhook", WebhookRemoved),
        },
        f"{named}/rotate": {"post": _of_one("rotate_webhook", both, WebhookWithSecret)},
        f"{named}/enable": {
            "post": _of_one("enable_webhook", "Deliver to a disabled webhook again", Webhook)
        },
        f"{named}/test": {"post": _of_one("test_webhook", "Queue a test delivery", QueuedTest, "202")},
    }


def _register() -> Json:
    return operation(
        "register_webhook",
        "Register a URL that is told of events",
        {
            "201": answer(WebhookWithSecret, "The webhook, and its secret this one time"),
            **problems(400, 401, 403, 413, 415, 422, 429, 503),
        },
        body=body_of(WebhookRegistration, {"url": "https://example.com/ferryman"}),
        security=BY_KEY,
    )


def _listed() -> Json:
    summary = "The key's webhooks"
    responses = {"200": answer(WebhookList, summary), **problems(401, 403, 429, 503)}
    return operation("list_webhooks", summary, responses, security=BY_KEY)


def _of_one(name: str, summary: str, model: type[BaseModel], status: str = "200") -> Json:
    return operation(
        name,
        summary,
        {status: answer(model, summary), **problems(401, 403, 404, 422, 429, 503)},
        parameters=[
            in_path("webhook_id", {"type": "string", "examples": [_NAME]}, "The id that registration gave.")
        ],
        security=BY_KEY,
    )
