"""What is asked before a meta-transaction or forward request is signed, in the OpenAPI document."""

from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.intents.forward_request.request import ForwardRequestDraft
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.meta_transaction.request import MetaTransactionDraft, MetaTransactionRequest

_ADDRESS: Final = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_WHEN: Final = "2026-11-21T12:00:00.000Z"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class CostBreakdown(_Model):
    """What of a cost is gas, and what the facilitator's percent."""

    baseGasCost: str = Field(examples=["0.389660"], description="In the fee token.")  # noqa: N815 (CroGas')
    facilitatorFee: str = Field(examples=["0.003897"], description="One percent of it.")  # noqa: N815


class Cost(_Model):
    """What a meta-transaction costs, in the fee token's own unit."""

    amount: str = Field(examples=["0.393557"])
    breakdown: CostBreakdown


class TypedData(_Model):
    """What `eth_signTypedData_v4` takes."""

    domain: dict[str, str | int] = Field(examples=[{"name": "CroGas", "version": "1", "chainId": 31337}])
    types: dict[str, list[dict[str, str]]] = Field(
        examples=[{"MetaTransaction": [{"name": "user", "type": "address"}]}]
    )
    primaryType: str = Field(examples=["MetaTransaction"])  # noqa: N815 (EIP-712's own name)
    message: dict[str, str] = Field(examples=[{"user": _ADDRESS}])


class BothTypedData(_Model):
    """The request, and the authorization that pays for it: both are signed by the user."""

    metaTransaction: TypedData  # noqa: N815 (as in the request)
    feeAuthorization: TypedData  # noqa: N815 (as in the request)


class MetaTransactionQuote(_Model):
    """What to sign: sign both typed data, and post them before `expires_at`."""

    chain_id: int = Field(examples=[31337])
    kind: str = Field(examples=["meta-transaction"])
    relay: str = Field(examples=[_ADDRESS], description="The contract that makes the call.")
    feeToken: str = Field(examples=[_ADDRESS])  # noqa: N815 (CroGas writes so)
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
    expires_at: str = Field(examples=[_WHEN], description="Until then a message with this fee is taken.")
    typedData: BothTypedData  # noqa: N815


class ForwardRequestQuote(_Model):
    """What to sign: post the message's members with the chain's id and the signature."""

    chain_id: int = Field(examples=[31337])
    kind: str = Field(examples=["forward-request"])
    forwarder: str = Field(examples=[_ADDRESS], description="The contract that makes the call.")
    gas_estimate: int = Field(examples=[65000], description="Of the call, as a transaction of its own.")
    gas: int = Field(examples=[80000], description="For the call.")
    transaction_gas: int = Field(examples=[190000], description="Of the whole transaction, at most.")
    nonce: str = Field(examples=["0"], description="The next one of the signer, or the one that was chosen.")
    deadline: int = Field(examples=[1893456000])
    typed_data: TypedData


class FacilitatedTransaction(_Model):
    """Where it was mined."""

    txHash: str | None = Field(examples=["0x" + "2b" * 32])  # noqa: N815 (CroGas writes so)
    explorerUrl: str | None = Field(examples=["https://cronoscan.com/tx/0x2b2b"])  # noqa: N815
    status: Literal["pending", "confirmed", "failed"] = Field(examples=["confirmed"])
    blockNumber: int | None = Field(examples=[1234567])  # noqa: N815


class FacilitatedExecution(_Model):
    """What was called, and at what gas."""

    target: str = Field(examples=[_ADDRESS])
    gasUsed: int | None = Field(examples=[78932])  # noqa: N815
    gasPrice: str | None = Field(examples=["5000000000"], description="Wei.")  # noqa: N815


class FacilitatedPayment(Cost):
    """What it cost the user, in the fee token's own unit."""

    currency: str = Field(examples=["USDC"])


class Facilitated(_Model):
    """What became of a meta-transaction; while it is pending, its record says more, by its id."""

    success: bool = Field(examples=[True], description="Confirmed, and the target did it.")
    id: str = Field(examples=["0x" + "6f" * 32], description="Its `transaction_id`.")
    transaction: FacilitatedTransaction
    execution: FacilitatedExecution
    payment: FacilitatedPayment | None = Field(examples=[None], description="Null until it is over.")
    error: str = Field(default="", examples=["call_reverted"], description="Why it failed, if it did.")


class FreeNonce(_Model):
    """A nonce that neither the chain nor an accepted message of the user has."""

    user: str = Field(examples=[_ADDRESS])
    chain_id: int = Field(examples=[31337])
    kind: str = Field(examples=["meta-transaction"])
    nonce: str = Field(examples=["0"])


META_TRANSACTION_MODELS: Final = (MetaTransactionQuote, ForwardRequestQuote, FreeNonce, Facilitated)

Answers = Callable[[str, str], dict[str, Any]]
Problems = Callable[..., dict[str, Any]]


def meta_transaction_paths(
    answer: Answers, problems: Problems, example: Callable[[type[BaseModel]], dict[str, Any]]
) -> dict[str, Any]:
    """Write the routes.

    Args:
        answer: (model, description) -> a successful response.
        problems: statuses -> the responses of refusals.
        example: a model -> a body that it takes.

    """

    def body(model: type[BaseModel]) -> dict[str, Any]:
        reference = {"$ref": f"#/components/schemas/{model.__name__}"}
        content = {"application/json": {"schema": reference, "example": example(model)}}
        return {"required": True, "content": content}

    return {
        "/x402/facilitate": {
            "post": {
                "operationId": "facilitate",
                "summary": "Carry a meta-transaction out, and wait for its end",
                "requestBody": body(MetaTransactionRequest),
                "responses": {
                    "200": answer("Facilitated", "It is over"),
                    "202": answer("Facilitated", "It is accepted, and not over yet: `pending`"),
                    **problems(400, 401, 402, 409, 410, 413, 415, 422, 429, 503),
                },
            }
        },
        "/meta-transactions/quote": {
            "post": {
                "operationId": "quote_meta_transaction",
                "summary": "What a call would cost, and what to sign for it",
                "requestBody": body(MetaTransactionDraft),
                "responses": {
                    "200": answer("MetaTransactionQuote", "Both messages, ready to sign"),
                    **problems(400, 413, 415, 422, 429, 503),
                },
            }
        },
        "/forward-requests/quote": {
            "post": {
                "operationId": "quote_forward_request",
                "summary": "What to sign for a call that the operator pays for",
                "requestBody": body(ForwardRequestDraft),
                "responses": {
                    "200": answer("ForwardRequestQuote", "The message, ready to sign"),
                    **problems(400, 409, 413, 415, 422, 429, 503),
                },
            }
        },
        "/nonces/{user}": {
            "get": {
                "operationId": "free_nonce",
                "summary": "The nonce that a user signs next",
                "parameters": [
                    {
                        "name": "user",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "examples": [_ADDRESS]},
                        "description": "Who will sign.",
                    },
                    {
                        "name": "chain_id",
                        "in": "query",
                        "required": False,
                        "schema": {"type": "integer", "minimum": 1},
                        "description": "Not needed where one chain has the kind's contract.",
                    },
                    {
                        "name": "kind",
                        "in": "query",
                        "required": False,
                        "schema": {"enum": [META_TRANSACTION.name, FORWARD_REQUEST.name]},
                        "description": "Of which messages: of meta-transactions, if it is left out.",
                    },
                ],
                "responses": {
                    "200": answer("FreeNonce", "The smallest such nonce"),
                    **problems(409, 422, 429, 503),
                },
            }
        },
    }
