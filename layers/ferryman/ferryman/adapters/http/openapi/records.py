"""Records and their events in the OpenAPI document."""

from typing import Any, Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, TRANSACTION_ID, TX_HASH, WHEN
from ferryman.adapters.http.openapi.operations import (
    BY_ANY,
    AnswerModel,
    Json,
    answer,
    in_path,
    in_query,
    operation,
    problems,
)
from ferryman.domain.fees import Tier
from ferryman.domain.nonces import Purpose
from ferryman.domain.transaction import Status

_HEX32: Final = r"^0x[0-9a-f]{64}$"


class BatchPlace(AnswerModel):
    """A record's place among those that share its chain transaction."""

    position: int = Field(examples=[0], description="From 0.")
    size: int = Field(examples=[20])


class Attempt(AnswerModel):
    """One set of signed bytes; several may share a nonce, and at most one of them is mined."""

    hash: str = Field(pattern=_HEX32, examples=[TX_HASH])
    max_fee_per_gas: str = Field(
        examples=["2001000000"], description="Wei. Of a legacy transaction, both are its gas price."
    )
    max_priority_fee_per_gas: str = Field(examples=["1000000"], description="Wei.")
    purpose: Purpose = Field(
        examples=["call"], description="fill: it only uses the nonce up, and carries nothing out."
    )
    signed_at: str = Field(examples=[WHEN])
    mined: bool = Field(examples=[True])


class Record(AnswerModel):
    """A transaction's record: the truth that pushes only hint at."""

    transaction_id: str = Field(
        pattern=_HEX32, examples=[TRANSACTION_ID], description="The EIP-712 digest of the signed message."
    )
    kind: str = Field(examples=["payment"])
    chain_id: int = Field(examples=[31337])
    sender: str = Field(examples=[ADDRESS], description="Who signed.")
    status: Status = Field(examples=["CONFIRMED"])
    priority: Tier = Field(examples=["normal"])
    assured: bool = Field(
        examples=[True],
        description="Funds are reserved under a signature that nobody can revoke.",
    )
    intent: dict[str, str | int | dict[str, str | int]] = Field(
        description="The signed message, without its signature.",
        examples=[{"chain_id": 31337, "amount": "1000000", "fee": "0", "nonce": "1"}],
    )
    received_at: str = Field(examples=[WHEN])
    reached: dict[str, str] = Field(
        description="When each step was last taken.", examples=[{"accepted": WHEN, "bound": WHEN}]
    )
    sequence: int = Field(examples=[4], description="Sequence number of the newest event.")
    wallet: str | None = Field(examples=[ADDRESS], description="The relayer wallet that pays the gas.")
    wallet_nonce: int | None = Field(examples=[7])
    hash: str | None = Field(examples=[TX_HASH], description="Mined, or else the newest broadcast.")
    attempts: list[Attempt] | None = Field(
        examples=[None],
        description="What was signed for its nonce, oldest first. Null without one, and in lists.",
    )
    block_number: int | None = Field(examples=[123])
    block_hash: str | None = Field(examples=["0x" + "b1" * 32])
    confirmations: int = Field(examples=[1], description="Blocks from its own (1) to the head last seen.")
    witnesses: int | None = Field(
        examples=[2], description="How many RPC endpoints said how it ended; null where the chain had no say."
    )
    predicted_gas: int | None = Field(
        examples=[100000], description="At acceptance, where the fee follows the market."
    )
    predicted_cost: str | None = Field(examples=["100000000700000"], description="Wei, L1 fee included.")
    batch: BatchPlace | None = Field(examples=[None], description="None: it has a transaction of its own.")
    gas_used: int | None = Field(examples=[95000], description="By the whole chain transaction.")
    gas_share: int | None = Field(examples=[95000], description="Of that; a batch's shares add up.")
    effective_gas_price: str | None = Field(examples=["1000000007"], description="Wei per gas, in decimal.")
    gas_cost: str | None = Field(
        examples=["95000000665000"], description="Wei: what it cost, L1 fee included; of a batch, its share."
    )
    fee_taken: str | None = Field(examples=["1200"], description="Token units; 0 of what failed on chain.")
    margin: str | None = Field(
        examples=["1010"], description="Token units: fee less cost, where the token prices gas."
    )
    cost_error_bps: int | None = Field(
        examples=[-500], description="How far the cost was above its prediction."
    )
    reason: str | None = Field(examples=[None], description="Why it failed: a machine-readable word.")
    waiting_for: str | None = Field(examples=[None], description="What it waits for, while it waits.")
    next_attempt_at: str | None = Field(examples=[None])


class PublicEvent(AnswerModel):
    """One step of a transaction: the same here, in a push and in a replay."""

    event: str = Field(examples=["payment_confirmed"])
    transaction_id: str = Field(pattern=_HEX32, examples=[TRANSACTION_ID])
    sequence: int = Field(examples=[4], description="Numbered without gaps from 1.")
    status: Status = Field(examples=["CONFIRMED"])
    at: str = Field(examples=[WHEN])
    data: dict[str, Any] = Field(examples=[{"confirmations": 1}], description="What changed.")


class EventList(AnswerModel):
    """All events of a transaction, in order."""

    events: list[PublicEvent]


class TransactionPage(AnswerModel):
    """One page of a sender's transactions, newest first."""

    transactions: list[Record]
    next_cursor: str | None = Field(examples=[None], description="Gives the next page; null after the last.")


RECORD_MODELS: Final[tuple[type[BaseModel], ...]] = (Record, PublicEvent, EventList, TransactionPage)
TRANSACTION: Final = in_path(
    "transaction_id",
    {"type": "string", "pattern": r"^0x[0-9a-fA-F]{64}$", "examples": [TRANSACTION_ID]},
    "The id that acceptance gave.",
)


def record_paths() -> Json:
    """Write the routes."""
    return {
        "/transactions": {"get": _listed()},
        "/transactions/{transaction_id}": {
            "get": operation(
                "get_transaction",
                "A record",
                {"200": answer(Record, "A record"), **problems(404, 422, 503)},
                parameters=[TRANSACTION],
            )
        },
        "/transactions/{transaction_id}/events": {
            "get": operation(
                "list_events",
                "The events of a transaction",
                {"200": answer(EventList, "The events of a transaction"), **problems(404, 422, 503)},
                parameters=[
                    TRANSACTION,
                    in_query(
                        "after", {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "Only later ones."
                    ),
                ],
            )
        },
    }


def _listed() -> Json:
    summary = "A sender's transactions, newest first"
    size = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    return operation(
        "list_transactions",
        summary,
        {"200": answer(TransactionPage, summary), **problems(401, 403, 422, 503)},
        parameters=[
            in_query("sender", {"type": "string", "examples": [ADDRESS]}, "Who signed.", required=True),
            in_query("status", {"enum": [status.value for status in Status]}, "Only these."),
            in_query("limit", size, "Page size."),
            in_query("cursor", {"type": "string"}, "`next_cursor` of the page before."),
        ],
        security=BY_ANY,
    )
