"""The x402 facilitator in the OpenAPI document: its models and routes."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, TX_HASH
from ferryman.adapters.http.openapi.operations import (
    BY_KEY,
    ClosedModel,
    Json,
    answer,
    body_of,
    in_query,
    operation,
    problems,
)
from ferryman.intents.kind import SERVICE_PATH

_PAYEE: Final = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
_ASSET: Final = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
_SETTLER: Final = "0x9A9f2CCfdE556A7E9Ff0848998Aa4a0CFD8863AE"
_NETWORK: Final = "eip155:31337"
_REASON: Final = "invalid_exact_evm_payload_signature"
_REQUIREMENTS: Final = {
    "scheme": "exact",
    "network": _NETWORK,
    "asset": _ASSET,
    "amount": "10000",
    "payTo": _PAYEE,
    "maxTimeoutSeconds": 60,
    "extra": {"name": "USDC", "version": "2"},
}
_PAYLOAD: Final = {
    "x402Version": 2,
    "resource": {"url": "https://api.example.com/weather"},
    "accepted": _REQUIREMENTS,
    "payload": {
        "signature": "0x" + "1b" * 65,
        "authorization": {
            "from": ADDRESS,
            "to": _PAYEE,
            "value": "10000",
            "validAfter": "1893455000",
            "validBefore": "1893456000",
            "nonce": "0x" + "2c" * 32,
        },
    },
}


class X402Request(ClosedModel):
    """What a seller was offered, and what it requires; of version 1 or 2 of the standard."""

    x402Version: int = Field(examples=[2], description="1 or 2.")  # noqa: N815 (the standard's name)
    paymentPayload: dict[str, Any] = Field(examples=[_PAYLOAD], description="As the client sent it.")  # noqa: N815
    paymentRequirements: dict[str, Any] = Field(  # noqa: N815
        examples=[_REQUIREMENTS], description="As the seller asked for it."
    )


class X402Verification(ClosedModel):
    """Whether a payment would be settled."""

    isValid: bool = Field(examples=[False])  # noqa: N815
    invalidReason: str = Field(default="", examples=[_REASON], description="The standard's word.")  # noqa: N815
    invalidMessage: str = Field(default="", examples=["The signature is by …"], description="For people.")  # noqa: N815
    payer: str | None = Field(default=None, examples=[ADDRESS], description="Null if nobody can be read.")


class X402Settlement(ClosedModel):
    """What became of a payment."""

    success: bool = Field(examples=[True])
    errorReason: str = Field(default="", examples=["settlement_pending"], description="The standard's word.")  # noqa: N815
    errorMessage: str = Field(default="", examples=["It is PENDING: …"], description="For people.")  # noqa: N815
    payer: str | None = Field(default=None, examples=[ADDRESS], description="Null if nobody can be read.")
    transaction: str = Field(examples=[TX_HASH], description="Empty if there is none yet, or none at all.")
    network: str = Field(examples=[_NETWORK])
    amount: str = Field(default="", examples=["10000"], description="Token units, in decimal.")


class X402Kind(ClosedModel):
    """A scheme that is settled on a network."""

    x402Version: int = Field(examples=[2])  # noqa: N815
    scheme: str = Field(examples=["exact"])
    network: str = Field(examples=[_NETWORK])
    extra: dict[str, str] = Field(
        default={},
        examples=[{"facilitatorAddress": _SETTLER}],
        description="In `upto`: whom payers have to sign for.",
    )


class X402Support(ClosedModel):
    """What is served."""

    kinds: list[X402Kind]
    extensions: list[str] = Field(examples=[[]])
    signers: dict[str, list[str]] = Field(
        examples=[{"eip155:*": [ADDRESS]}], description="Accounts that send the transactions."
    )


class X402Resource(ClosedModel):
    """Something that can be bought, as its operator lists it."""

    resource: str = Field(examples=["https://api.example.com/weather"])
    type: str = Field(examples=["http"])
    x402Version: int = Field(examples=[2])  # noqa: N815
    accepts: list[dict[str, Any]] = Field(examples=[[_REQUIREMENTS]])
    lastUpdated: int = Field(examples=[1893452400], description="Unix seconds.")  # noqa: N815
    metadata: dict[str, Any] = Field(default={}, examples=[{"category": "weather"}])


class X402Page(ClosedModel):
    """Which part of the list it is."""

    limit: int = Field(examples=[20])
    offset: int = Field(examples=[0])
    total: int = Field(examples=[1])


class X402Catalogue(ClosedModel):
    """What can be bought."""

    x402Version: int = Field(examples=[2])  # noqa: N815
    items: list[X402Resource]
    pagination: X402Page


X402_MODELS: Final = (X402Verification, X402Settlement, X402Support, X402Catalogue)
X402_REQUESTS: Final[tuple[type[BaseModel], ...]] = (X402Request,)


def x402_paths() -> Json:
    """Write the routes; whatever is refused is an answer with the standard's reason."""
    facilitator = _facilitator()
    return {
        **facilitator,
        **{f"{SERVICE_PATH}{path}": _as_service(methods) for path, methods in facilitator.items()},
        "/discovery/resources": {
            "get": operation(
                "x402_resources",
                "What can be bought here and there",
                {"200": answer(X402Catalogue, "A page of the list"), **problems(422, 429)},
                parameters=[
                    in_query("type", {"type": "string"}, "Only of this type, such as http."),
                    in_query("limit", {"type": "integer"}, "The most of a page, 1 to 100; 20 by default."),
                    in_query("offset", {"type": "integer"}, "How many to pass over."),
                ],
            )
        },
    }


def _as_service(methods: Mapping[str, Json]) -> Json:
    """Write the same for sellers whom the operator knows."""
    return {
        method: {
            **one,
            "operationId": f"{one['operationId']}_as_service",
            "summary": f"{one['summary']}, for a seller with an API key",
            "security": BY_KEY,
            "responses": {**one["responses"], **problems(401, 403)},
        }
        for method, one in methods.items()
    }


def _facilitator() -> Json:
    """Write what a seller's middleware asks, whoever the seller is."""
    supported = {"200": answer(X402Support, "What is served"), **problems(429, 503)}
    return {
        "/verify": _post("x402_verify", "Whether an x402 payment would be settled", X402Verification),
        "/settle": _post("x402_settle", "Settle an x402 payment, once", X402Settlement),
        "/supported": {"get": operation("x402_supported", "Which x402 payments are settled here", supported)},
    }


def _post(name: str, summary: str, model: type[BaseModel]) -> Json:
    responses = {"200": answer(model, summary), **problems(429)}
    return {"post": operation(name, summary, responses, body=body_of(X402Request))}
