"""The faucet in the OpenAPI document: its models and its route."""

from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ferryman.adapters.http.openapi_meta_transactions import FacilitatedTransaction
from ferryman.intents.faucet.request import FaucetRequest

_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"  # noqa: S105 (a contract)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FaucetGift(_Model):
    """What an account gets."""

    address: str = Field(examples=[_ADDRESS])
    token: str = Field(examples=[_TOKEN])
    amount: str = Field(examples=["100.000000"], description="In the token's own unit.")
    currency: str = Field(examples=["USDC"])


class Given(_Model):
    """What became of it; while it is pending, its record says more, by its id."""

    success: bool = Field(examples=[True], description="The account has it.")
    id: str = Field(examples=["0x" + "6f" * 32], description="Its `transaction_id`.")
    transaction: FacilitatedTransaction
    faucet: FaucetGift
    error: str = Field(default="", examples=["account_blocked"], description="Why it failed, if it did.")


FAUCET_MODELS: Final = (Given,)
FAUCET_REQUEST: Final[type[BaseModel]] = FaucetRequest


def faucet_paths(
    answer: Callable[[str, str], dict[str, Any]],
    problems: Callable[..., dict[str, Any]],
    example: Callable[[type[BaseModel]], dict[str, Any]],
) -> dict[str, Any]:
    """Write the route.

    Args:
        answer: (model, description) -> a successful response.
        problems: statuses -> the responses of refusals.
        example: a model -> a body that it takes.

    """
    content = {
        "schema": {"$ref": f"#/components/schemas/{FaucetRequest.__name__}"},
        "example": example(FaucetRequest),
    }
    return {
        "/faucet/usdc": {
            "post": {
                "operationId": "faucet",
                "summary": "Tokens of a test chain, once in a while for each account",
                "requestBody": {"required": True, "content": {"application/json": content}},
                "responses": {
                    "200": answer("Given", "It is over"),
                    "202": answer("Given", "It is accepted, and not over yet: `pending`"),
                    **problems(400, 403, 404, 413, 415, 422, 429, 503),
                },
            }
        },
    }
