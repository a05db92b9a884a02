"""Explanations in the OpenAPI document: why a transaction or a wallet is where it is."""

from typing import Any, Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, TRANSACTION_ID, TX_HASH, WHEN
from ferryman.adapters.http.openapi.operations import (
    BY_KEY,
    AnswerModel,
    Json,
    answer,
    in_path,
    in_query,
    operation,
    problems,
)
from ferryman.adapters.http.openapi.records import TRANSACTION
from ferryman.domain.blockers import Blocker
from ferryman.domain.nonces import FillReason, Purpose, WalletState, Wanted
from ferryman.domain.transaction import Status

_ADDRESS: Final = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"


class ExplainedAttempt(AnswerModel):
    """Signed bytes of a nonce."""

    hash: str = Field(examples=[TX_HASH])
    purpose: Purpose = Field(examples=["call"], description="`fill`: it does nothing but use the nonce up.")
    max_fee_per_gas: str = Field(examples=["2000000000"], description="Wei.")
    max_priority_fee_per_gas: str = Field(examples=["1000000"], description="Wei.")
    signed_at: str = Field(examples=[WHEN])


class ExplainedNonce(AnswerModel):
    """A wallet's nonce that is not settled."""

    nonce: int = Field(examples=[7])
    transactions: list[str] = Field(examples=[[TRANSACTION_ID]], description="None: it is only used up.")
    bound_at: str = Field(examples=[WHEN])
    gas_limit: int = Field(examples=[95_000])
    wanted: Wanted = Field(examples=["nothing"], description="What submit is asked to do.")
    asked_again_at: str = Field(examples=[WHEN], description="When submit is asked next.")
    fill_reason: FillReason | None = Field(examples=[None], description="Why it is used up by nothing.")
    last_error: str | None = Field(examples=[None], description="What a node said of it.")
    attempts: list[ExplainedAttempt]


class EndpointWords(AnswerModel):
    """What one endpoint says, or why it says nothing."""

    endpoint: int = Field(examples=[1], description="Its number; addresses are secrets.")
    error: str | None = Field(examples=[None])
    head: int | None = Field(examples=[123])
    head_age_seconds: int | None = Field(examples=[1])
    transaction_count: int | None = Field(examples=[7], description="Mined transactions of the wallet.")
    balance_wei: str | None = Field(examples=["1000000000000000000"])
    mined: str | None = Field(examples=[None], description="Which of the attempts it has a receipt of.")
    mined_block: int | None = Field(examples=[None])


class ExplainedWallet(AnswerModel):
    """A relayer wallet's row."""

    chain_id: int = Field(examples=[31337])
    address: str = Field(examples=[_ADDRESS])
    state: WalletState = Field(examples=["active"])
    next_nonce: int = Field(examples=[9])
    lowest_open: int = Field(examples=[7])
    open: int = Field(examples=[2])
    window: int = Field(examples=[16])
    free_window: int = Field(examples=[14])
    committed_wei: str = Field(
        examples=["600150000000000"], description="What its balance must still cover for open nonces."
    )
    needed_wei: str = Field(
        examples=["0"],
        description="What its balance must be before it takes anything new, since an open nonce had to offer"
        " more than it could pay for; 0: it has enough.",
    )
    spent_today_wei: str = Field(
        examples=["180000000000000"], description="What its settled nonces of the day (UTC) have cost."
    )
    is_low: bool = Field(examples=[False], description="Whether it is left alone until it has more coin.")
    is_delegated: bool = Field(
        examples=[False], description="Whether it has an EIP-7702 delegation: one nonce at a time."
    )


class Explanation(AnswerModel):
    """Why a transaction is where it is, and what comes next."""

    transaction_id: str = Field(examples=[TRANSACTION_ID])
    chain_id: int = Field(examples=[31337])
    status: Status = Field(examples=["PENDING"])
    at: str = Field(examples=[WHEN])
    summary: str = Field(examples=["Nonce 7 of 0x90F7… was broadcast 3 seconds ago, and waits for a block."])
    blocked_by: Blocker = Field(examples=["block"])
    next_action: str | None = Field(examples=["If no block takes it, it is broadcast again."])
    next_at: str | None = Field(examples=[WHEN], description="null: when what blocks it is gone.")
    waits: int = Field(examples=[0])
    failures: int = Field(examples=[0])
    last_error: str | None = Field(examples=[None])
    deadline: int = Field(examples=[1_893_456_000], description="Unix seconds.")
    paused: list[dict[str, Any]] = Field(examples=[[]])
    wallet: ExplainedWallet | None = Field(examples=[None], description="null: it has no nonce.")
    nonce: ExplainedNonce | None = Field(examples=[None], description="The nonce that it holds.")
    behind: list[ExplainedNonce] = Field(description="Nonces of the wallet that have to be mined before it.")
    market: dict[str, str] | None = Field(examples=[{"next_base_fee": "1000000000"}])
    endpoints: list[EndpointWords]


class WalletExplanation(ExplainedWallet):
    """A relayer wallet: its head, what is open, and what each endpoint says of it."""

    at: str = Field(examples=[WHEN])
    summary: str = Field(examples=["Nothing is open; the next nonce is 9."])
    nonces: list[ExplainedNonce] = Field(description="The lowest open ones.")
    endpoints: list[EndpointWords]


EXPLANATION_MODELS: Final[tuple[type[BaseModel], ...]] = (Explanation, WalletExplanation)


def explanation_paths() -> Json:
    """Write the routes."""
    refused = problems(401, 403, 404, 422, 429, 503)
    blocks = "What blocks a transaction, what each endpoint says and what comes next; for the role reader"
    holds = "A relayer wallet's head, what is open, and what each endpoint says of it; for the role reader"
    on_chain = "On which chain; needed if several are served."
    return {
        "/transactions/{transaction_id}/explain": {
            "get": operation(
                "explain_transaction",
                blocks,
                {"200": answer(Explanation, blocks), **refused},
                parameters=[TRANSACTION],
                security=BY_KEY,
            )
        },
        "/wallets/{address}": {
            "get": operation(
                "get_wallet",
                holds,
                {"200": answer(WalletExplanation, holds), **refused},
                parameters=[
                    in_path("address", {"type": "string", "examples": [ADDRESS]}, "The wallet."),
                    in_query("chain_id", {"type": "integer"}, on_chain),
                ],
                security=BY_KEY,
            )
        },
    }
