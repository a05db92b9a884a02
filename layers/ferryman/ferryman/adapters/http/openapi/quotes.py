"""What a message has to pay, in the OpenAPI document."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, WHEN
from ferryman.adapters.http.openapi.operations import (
    AnswerModel,
    Json,
    answer,
    example_of,
    operation,
    problems,
    reference,
)
from ferryman.domain.fees import Tier
from ferryman.intents.kind import SignedKind


class FeeBreakdown(AnswerModel):
    """How a fee came about: (base + gas + l1) x tier, less the discount, within minimum and cap."""

    base: str = Field(examples=["1000"], description="Token units.")
    gas: str = Field(examples=["200"], description="Token units: predicted gas at the market.")
    l1: str = Field(examples=["0"], description="Token units: an OP-style chain's data fee.")
    tier_bps: int = Field(examples=[10000], description="The priority's part of the sum.")
    discount_bps: int = Field(examples=[0], description="Off, for the sender's last thirty days.")
    minimum_applied: bool = Field(examples=[False])
    cap_applied: bool = Field(examples=[False])


class Quote(AnswerModel):
    """What a message has to pay: sign at least `fee`, and post it before `expires_at`."""

    kind: str = Field(examples=["payment"])
    chain_id: int = Field(examples=[31337])
    token: str = Field(examples=[ADDRESS])
    sender: str | None = Field(examples=[ADDRESS], description="Whose volume was looked at.")
    priority: Tier = Field(examples=["normal"])
    fee: str = Field(examples=["1200"], description="Token units, in decimal.")
    expires_at: str = Field(examples=[WHEN], description="Until then a message with this fee is taken.")
    breakdown: FeeBreakdown
    predicted_gas: int = Field(examples=[100000])
    gas_price: str | None = Field(examples=["1000000007"], description="Wei; null: it does not matter.")
    l1_fee: str | None = Field(examples=["0"], description="Wei; null: it does not matter.")
    units_per_native: str = Field(
        examples=["2000000"], description="Token units that 10^18 wei are taken to be worth."
    )


QUOTE_MODELS: Final[tuple[type[BaseModel], ...]] = (Quote,)


def quote_paths(kinds: Sequence[SignedKind]) -> Json:
    """Write the route, whose body is of one of the kinds."""
    models = [kind.quote_model for kind in kinds]
    examples = [example_of(model) for model in models]
    content = {
        "schema": {"oneOf": [reference(model.__name__) for model in models]},
        "examples": {str(example["kind"]): {"value": example} for example in examples},
    }
    return {
        "/quote": {
            "post": operation(
                "quote",
                "What a message has to pay",
                {
                    "200": answer(Quote, "The fee, and until when it is taken"),
                    **problems(400, 413, 415, 422, 429, 503),
                },
                body={"required": True, "content": {"application/json": content}},
            )
        }
    }
