"""What every route of the OpenAPI document is written with: bodies, answers, refusals, parameters."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ferryman.domain.quotas import Limit

Json = dict[str, Any]

SCHEMA_OF: Final = "#/components/schemas/{model}"
BY_KEY: Final[Sequence[Json]] = [{"ApiKey": []}]
BY_ANY: Final[Sequence[Json]] = [{"Token": []}, {"ApiKey": []}]
SCHEMES: Final[Json] = {
    "Token": {"type": "http", "scheme": "bearer", "description": "What `POST /sign-in` gives."},
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "Given by an operator."},
}
RETRY_AFTER: Final[Json] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}


class ClosedModel(BaseModel):
    """A body that has no field but these."""

    model_config = ConfigDict(extra="forbid")


class AnswerModel(ClosedModel):
    """An answer that has each of its fields, also one at its default."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class FieldError(AnswerModel):
    """What is wrong with one field."""

    field: str = Field(examples=["amount"])
    reason: str = Field(examples=["must be more than 0"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    code: str = Field(examples=["invalid_fields"], description="Machine-readable; the detail is for people.")
    detail: str = Field(examples=["Some fields are not as they should be."])
    errors: list[FieldError]
    free: str | None = Field(None, examples=["250000"], description="Free locked funds, on 402.")
    needed: str | None = Field(None, examples=["1000000"], description="amount + fee, on 402.")
    limit: Limit | None = Field(None, examples=["rate"], description="The limit that was reached, on 429.")
    floor: str | None = Field(None, examples=["1200"], description="The least fee that is taken now, on 402.")


def operation(
    name: str,
    summary: str,
    responses: Mapping[str, Any],
    *,
    body: Json | None = None,
    parameters: Sequence[Json] = (),
    security: Sequence[Json] = (),
) -> Json:
    """Write an operation; parts that it does not have are left out.

    Args:
        name: its `operationId`.
        summary: what it does.
        responses: by status.
        body: as `body_of` gives it.
        parameters: of its path and its query.
        security: the credentials it takes, any one of them.

    """
    parts = {"requestBody": body, "parameters": list(parameters), "security": list(security)}
    return {
        "operationId": name,
        "summary": summary,
        **{part: written for part, written in parts.items() if written},
        "responses": dict(responses),
    }


def reference(model: str) -> Json:
    """Refer to a model's schema."""
    return {"$ref": SCHEMA_OF.format(model=model)}


def body_of(model: type[BaseModel], example: Mapping[str, Any] | None = None) -> Json:
    """Write the body that a model takes; its example is made of its fields', if none is given."""
    content = {"schema": reference(model.__name__), "example": example or example_of(model)}
    return {"required": True, "content": {"application/json": content}}


def example_of(model: type[BaseModel]) -> Json:
    """Make a body that a model takes: the first example of each field."""
    properties = model.model_json_schema(by_alias=True)["properties"]
    return {name: field["examples"][0] for name, field in properties.items() if "examples" in field}


def answer(model: type[BaseModel], description: str) -> Json:
    """Write the response of an answer."""
    content = {"application/json": {"schema": reference(model.__name__)}}
    return {"description": description, "content": content}


def problems(*statuses: int) -> Json:
    """Write the responses of refusals, by status."""
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": reference(Problem.__name__)}},
            **({"headers": RETRY_AFTER} if status in {429, 503} else {}),
        }
        for status in statuses
    }


def in_path(name: str, schema: Json, description: str) -> Json:
    """Write a parameter that is part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def in_query(name: str, schema: Json, description: str, *, required: bool = False) -> Json:
    """Write a parameter of the query."""
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}
