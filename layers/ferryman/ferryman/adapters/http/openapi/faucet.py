"""The faucet in the OpenAPI document: its models and its route."""

from typing import Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, TRANSACTION_ID
from ferryman.adapters.http.openapi.meta_transactions import FacilitatedTransaction
from ferryman.adapters.http.openapi.operations import (
    ClosedModel,
    Json,
    answer,
    body_of,
    operation,
    problems,
)
from ferryman.intents.faucet.request import FaucetRequest

_TOKEN: Final = "0x5FbDB2315678afecb367f032d93F642f64180aa3"  # noqa: S105 (a contract)


class FaucetGift(ClosedModel):
    """What an account gets."""

    address: str = Field(examples=[ADDRESS])
    token: str = Field(examples=[_TOKEN])
    amount: str = Field(examples=["100.000000"], description="In the token's own unit.")
    currency: str = Field(examples=["USDC"])


class Given(ClosedModel):
    """What became of it; while it is pending, its record says more, by its id."""

    success: bool = Field(examples=[True], description="The account has it.")
    id: str = Field(examples=[TRANSACTION_ID], description="Its `transaction_id`.")
    transaction: FacilitatedTransaction
    faucet: FaucetGift
    error: str = Field(default="", examples=["account_blocked"], description="Why it failed, if it did.")


FAUCET_MODELS: Final = (Given,)
FAUCET_REQUESTS: Final[tuple[type[BaseModel], ...]] = (FaucetRequest,)


def faucet_paths() -> Json:
    """Write the route."""
    return {
        "/faucet/usdc": {
            "post": operation(
                "faucet",
                "Tokens of a test chain, once in a while for each account",
                {
                    "200": answer(Given, "It is over"),
                    "202": answer(Given, "It is accepted, and not over yet: `pending`"),
                    **problems(400, 403, 404, 413, 415, 422, 429, 503),
                },
                body=body_of(FaucetRequest),
            )
        },
    }
