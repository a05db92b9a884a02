"""Health and metrics in the OpenAPI document."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ferryman.adapters.http.openapi.examples import WHEN
from ferryman.adapters.http.openapi.operations import (
    BY_KEY,
    RETRY_AFTER,
    AnswerModel,
    Json,
    answer,
    operation,
    problems,
)


class Health(AnswerModel):
    """Whether the service answers, and whether it can do its work."""

    status: str = Field(examples=["ok"])


class ChainHealth(AnswerModel):
    """What confirm last saw of a chain."""

    chain_id: int = Field(examples=[31337])
    head: int | None = Field(examples=[123], description="Newest block seen; null before the first payment.")


class Readiness(AnswerModel):
    """Whether the tables answer, and each chain's newest block."""

    status: str = Field(examples=["ready"])
    chains: list[ChainHealth]


class DependencyHealth(BaseModel):
    """One dependency: its state, how long it took to answer, and what else it told (`head`, `waiting`, …)."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(examples=["rpc 31337/1"])
    status: Literal["ok", "failed"] = Field(examples=["ok"])
    latency_ms: int = Field(examples=[12])


class ChainState(AnswerModel):
    """Whether one chain's transactions can be carried out."""

    chain_id: int = Field(examples=[8453])
    status: Literal["ok", "degraded", "failed"] = Field(
        examples=["ok"], description="Of what this chain alone depends on: its endpoints, confirm, watch."
    )


class DeepHealth(AnswerModel):
    """Every dependency's state."""

    status: Literal["ok", "degraded", "failed"] = Field(
        examples=["ok"],
        description="failed: no chain can be served; degraded: something has failed, a chain perhaps.",
    )
    at: str = Field(examples=[WHEN])
    paused: list[dict[str, Any]] | None = Field(
        examples=[[]], description="What operators have paused; null if that cannot be read."
    )
    chains: list[ChainState]
    dependencies: list[DependencyHealth]


HEALTH_MODELS: Final[tuple[type[BaseModel], ...]] = (Health, Readiness, DeepHealth)


def health_paths() -> Json:
    """Write the routes."""
    alive, ready = "Whether the service answers", "Whether it can do its work"
    return {
        "/health": {"get": operation("health", alive, {"200": answer(Health, alive)})},
        "/health/ready": {
            "get": operation("ready", ready, {"200": answer(Readiness, ready), **problems(503)})
        },
        "/health/deep": {"get": _deep()},
        "/metrics": {"get": _metrics()},
    }


def _deep() -> Json:
    return operation(
        "deep_health",
        "The state of everything it depends on; for API keys with the role reader",
        {
            "200": answer(DeepHealth, "It can do its work"),
            "503": answer(DeepHealth, "It cannot") | {"headers": RETRY_AFTER},
            **problems(401, 403, 429),
        },
        security=BY_KEY,
    )


def _metrics() -> Json:
    counted = {
        "description": "Counters since the first transaction, and the state measured last",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
    return operation(
        "metrics",
        "Numbers in Prometheus' text format; for API keys with the role reader",
        {"200": counted, **problems(401, 403, 429, 503)},
        security=BY_KEY,
    )
