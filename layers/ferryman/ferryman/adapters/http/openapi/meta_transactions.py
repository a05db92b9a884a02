"""What is asked before a meta-transaction or forward request is signed, in the OpenAPI document."""

from typing import Final, Literal

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, TRANSACTION_ID, TX_HASH, WHEN
from ferryman.adapters.http.openapi.operations import (
    AnswerModel,
    Json,
    answer,
    body_of,
    in_path,
    in_query,
    operation,
    problems,
)
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.intents.forward_request.request import ForwardRequestDraft
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.meta_transaction.request import MetaTransactionDraft, MetaTransactionRequest


class CostBreakdown(AnswerModel):
    """What of a cost is gas, and what the facilitator's percent."""

    baseGasCost: str = Field(examples=["0.389660"], description="In the fee token.")  # noqa: N815 (CroGas')
    facilitatorFee: str = Field(examples=["0.003897"], description="One percent of it.")  # noqa: N815


class Cost(AnswerModel):
    """What a meta-transaction costs, in the fee token's own unit."""

    amount: str = Field(examples=["0.393557"])
    breakdown: CostBreakdown


class TypedData(AnswerModel):
    """What `eth_signTypedData_v4` takes."""

    domain: dict[str, str | int] = Field(examples=[{"name": "CroGas", "version": "1", "chainId": 31337}])
    types: dict[str, list[dict[str, str]]] = Field(
        examples=[{"MetaTransaction": [{"name": "user", "type": "address"}]}]
    )
    primaryType: str = Field(examples=["MetaTransaction"])  # noqa: N815 (EIP-712's own name)
    message: dict[str, str] = Field(examples=[{"user": ADDRESS}])


class BothTypedData(AnswerModel):
    """The request, and the authorization that pays for it: both are signed by the user."""

    metaTransaction: TypedData  # noqa: N815 (as in the request)
    feeAuthorization: TypedData  # noqa: N815 (as in the request)


class MetaTransactionQuote(AnswerModel):
    """What to sign: sign both typed data, and post them before `expires_at`."""

    chain_id: int = Field(examples=[31337])
    kind: str = Field(examples=["meta-transaction"])
    relay: str = Field(examples=[ADDRESS], description="The contract that makes the call.")
    feeToken: str = Field(examples=[ADDRESS])  # noqa: N815 (CroGas writes so)
    currency: str = Field(examples=["USDC"])
    gasEstimate: int = Field(  # noqa: N815
        examples=[65000], description="Of the call, as a transaction of its own."
    )
    gasLimit: int = Field(examples=[80000], description="For the call.")  # noqa: N815
    gas: int = Field(examples=[260000], description="Of the whole transaction, at most.")
    gasPrice: str = Field(examples=["1000000007"], description="Wei: expected by now.")  # noqa: N815
    unitsPerNative: str = Field(  # noqa: N815
        examples=["2000000000"], description="Token units that 10^18 wei are taken to be worth."
    )
    cost: Cost = Field(description="At that price, with all of that gas.")
    maxFee: str = Field(  # noqa: N815
        examples=["787114"], description="Token units to sign for: what is not used is refunded."
    )
    nonce: str = Field(examples=["0"])
    deadline: int = Field(examples=[1893456000])
    expires_at: str = Field(examples=[WHEN], description="Until then a message with this fee is taken.")
    typedData: BothTypedData  # noqa: N815


class ForwardRequestQuote(AnswerModel):
    """What to sign: post the message's members with the chain's id and the signature."""

    chain_id: int = Field(examples=[31337])
    kind: str = Field(examples=["forward-request"])
    forwarder: str = Field(examples=[ADDRESS], description="The contract that makes the call.")
    gas_estimate: int = Field(examples=[65000], description="Of the call, as a transaction of its own.")
    gas: int = Field(examples=[80000], description="For the call.")
    transaction_gas: int = Field(examples=[190000], description="Of the whole transaction, at most.")
    nonce: str = Field(examples=["0"], description="The next one of the signer, or the one that was chosen.")
    deadline: int = Field(examples=[1893456000])
    typed_data: TypedData


class FacilitatedTransaction(AnswerModel):
    """Where it was mined."""

    txHash: str | None = Field(examples=[TX_HASH])  # noqa: N815 (CroGas writes so)
    explorerUrl: str | None = Field(examples=["https://cronoscan.com/tx/0x2b2b"])  # noqa: N815
    status: Literal["pending", "confirmed", "failed"] = Field(examples=["confirmed"])
    blockNumber: int | None = Field(examples=[1234567])  # noqa: N815


class FacilitatedExecution(AnswerModel):
    """What was called, and at what gas."""

    target: str = Field(examples=[ADDRESS])
    gasUsed: int | None = Field(examples=[78932])  # noqa: N815
    gasPrice: str | None = Field(examples=["5000000000"], description="Wei.")  # noqa: N815


class FacilitatedPayment(Cost):
    """What it cost the user, in the fee token's own unit."""

    currency: str = Field(examples=["USDC"])


class Facilitated(AnswerModel):
    """What became of a meta-transaction; while it is pending, its record says more, by its id."""

    success: bool = Field(examples=[True], description="Confirmed, and the target did it.")
    id: str = Field(examples=[TRANSACTION_ID], description="Its `transaction_id`.")
    transaction: FacilitatedTransaction
    execution: FacilitatedExecution
    payment: FacilitatedPayment | None = Field(examples=[None], description="Null until it is over.")
    error: str = Field(default="", examples=["call_reverted"], description="Why it failed, if it did.")


class FreeNonce(AnswerModel):
    """A nonce that neither the chain nor an accepted message of the user has."""

    user: str = Field(examples=[ADDRESS])
    chain_id: int = Field(examples=[31337])
    kind: str = Field(examples=["meta-transaction"])
    nonce: str = Field(examples=["0"])


META_TRANSACTION_MODELS: Final = (MetaTransactionQuote, ForwardRequestQuote, FreeNonce, Facilitated)
META_TRANSACTION_REQUESTS: Final[tuple[type[BaseModel], ...]] = (MetaTransactionDraft, ForwardRequestDraft)


def meta_transaction_paths() -> Json:
    """Write the routes."""
    return {
        "/x402/facilitate": {"post": _facilitate()},
        "/meta-transactions/quote": {
            "post": operation(
                "quote_meta_transaction",
                "What a call would cost, and what to sign for it",
                {
                    "200": answer(MetaTransactionQuote, "Both messages, ready to sign"),
                    **problems(400, 410, 413, 415, 422, 429, 503),
                },
                body=body_of(MetaTransactionDraft),
            )
        },
        "/forward-requests/quote": {
            "post": operation(
                "quote_forward_request",
                "What to sign for a call that the operator pays for",
                {
                    "200": answer(ForwardRequestQuote, "The message, ready to sign"),
                    **problems(400, 409, 410, 413, 415, 422, 429, 503),
                },
                body=body_of(ForwardRequestDraft),
            )
        },
        "/nonces/{user}": {"get": _free_nonce()},
    }


def _facilitate() -> Json:
    return operation(
        "facilitate",
        "Carry a meta-transaction out, and wait for its end",
        {
            "200": answer(Facilitated, "It is over"),
            "202": answer(Facilitated, "It is accepted, and not over yet: `pending`"),
            **problems(400, 401, 402, 409, 410, 413, 415, 422, 429, 503),
        },
        body=body_of(MetaTransactionRequest),
    )


def _free_nonce() -> Json:
    names = [META_TRANSACTION.name, FORWARD_REQUEST.name]
    return operation(
        "free_nonce",
        "The nonce that a user signs next",
        {"200": answer(FreeNonce, "The smallest such nonce"), **problems(409, 422, 429, 503)},
        parameters=[
            in_path("user", {"type": "string", "examples": [ADDRESS]}, "Who will sign."),
            in_query(
                "chain_id",
                {"type": "integer", "minimum": 1},
                "Not needed where one chain has the kind's contract.",
            ),
            in_query("kind", {"enum": names}, "Of which messages: of meta-transactions, if it is left out."),
        ],
    )
