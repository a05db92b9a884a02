"""Webhooks in the OpenAPI document: their models and routes."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ferryman.domain.webhooks import Disabled, Outcome
from ferryman.intents.registration import WebhookRegistration

_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_WHEN = "2026-11-21T12:00:00.000Z"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Webhook(_Model):
    """A URL that is told of events."""

    webhook_id: str = Field(examples=["wh_5a11e5a11e5a11e5a11e5a11"])
    url: str = Field(examples=["https://example.com/ferryman"])
    events: list[str] = Field(examples=[["payment_confirmed"]], description="None means all.")
    senders: list[str] = Field(examples=[[_ADDRESS]], description="None means everybody's.")
    created_at: str = Field(examples=[_WHEN])
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


class LoggedDelivery(_Model):
    """What has become of a delivery."""

    delivery_id: str = Field(examples=["dlv_5a11e5a11e5a11e5a11e5a115a11e5a1"])
    event: str = Field(examples=["payment_confirmed"])
    transaction_id: str | None = Field(examples=["0x" + "6f" * 32])
    created_at: str = Field(examples=[_WHEN])
    outcome: Outcome = Field(examples=["delivered"])
    attempts: int = Field(examples=[1])
    answer: str = Field(examples=["status 200"], description="Or what went wrong instead of one.")
    attempted_at: str = Field(examples=[_WHEN])
    took_ms: int = Field(examples=[120])
    next_attempt_at: str | None = Field(examples=[None])


class WebhookWithDeliveries(Webhook):
    """A webhook with its newest deliveries, the newest first."""

    deliveries: list[LoggedDelivery]


class WebhookList(_Model):
    """The webhooks of an API key, the oldest first."""

    webhooks: list[Webhook]


class WebhookRemoved(_Model):
    """The end of a webhook."""

    webhook_id: str = Field(examples=["wh_5a11e5a11e5a11e5a11e5a11"])


class QueuedTest(_Model):
    """A test delivery on its way."""

    delivery_id: str = Field(examples=["dlv_5a11e5a11e5a11e5a11e5a115a11e5a1"])


WEBHOOK_MODELS: Final = (
    Webhook,
    WebhookWithSecret,
    WebhookWithDeliveries,
    WebhookList,
    WebhookRemoved,
    QueuedTest,
)

Answers = Callable[[str, str], dict[str, Any]]
Problems = Callable[..., dict[str, Any]]

_NAMED: Final = {
    "name": "webhook_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "examples": ["wh_5a11e5a11e5a11e5a11e5a11"]},
    "description": "The id that registration gave.",
}
_SECURITY: Final[list[dict[str, list[str]]]] = [{"ApiKey": []}]


def webhook_paths(answer: Answers, problems: Problems) -> dict[str, Any]:
    """Write the routes.

    Args:
        answer: (model, description) -> a successful response.
        problems: statuses -> the responses of refusals.

    """

    def of_one(operation: str, summary: str, model: str, status: str = "200") -> dict[str, Any]:
        return {
            "operationId": operation,
            "summary": summary,
            "security": _SECURITY,
            "parameters": [_NAMED],
            "responses": {status: answer(model, summary), **problems(401, 403, 404, 422, 429, 503)},
        }

    named = "/webhooks/{webhook_id}"
    return {
        "/webhooks": {
            "post": {
                "operationId": "register_webhook",
                "summary": "Register a URL that is told of events",
                "security": _SECURITY,
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {"$ref": f"#/components/schemas/{WebhookRegistration.__name__}"},
                            "example": {"url": "https://example.com/ferryman"},
                        }
                    },
                },
                "responses": {
                    "201": answer("WebhookWithSecret", "The webhook, and its secret this one time"),
                    **problems(400, 401, 403, 413, 415, 422, 429, 503),
                },
            },
            "get": {
                "operationId": "list_webhooks",
                "summary": "The key's webhooks",
                "security": _SECURITY,
                "responses": {
                    "200": answer("WebhookList", "The key's webhooks"),
                    **problems(401, 403, 429, 503),
                },
            },
        },
        named: {
            "get": of_one("get_webhook", "A webhook and its newest deliveries", "WebhookWithDeliveries"),
            "delete": of_one("remove_webhook", "Remove a webhook", "WebhookRemoved"),
        },
        f"{named}/rotate": {
            "post": of_one("rotate_webhook", "Get a new secret; both sign for a day", "WebhookWithSecret")
        },
        f"{named}/enable": {
            "post": of_one("enable_webhook", "Deliver to a disabled webhook again", "Webhook")
        },
        f"{named}/test": {"post": of_one("test_webhook", "Queue a test delivery", "QueuedTest", "202")},
    }
