"""The x402 facilitator in the OpenAPI document: its models and routes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from ferryman.intents.kind import SERVICE_PATH

_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_PAYEE = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
_ASSET = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
_SETTLER = "0x9A9f2CCfdE556A7E9Ff0848998Aa4a0CFD8863AE"
_NETWORK = "eip155:31337"
_REASON = "invalid_exact_evm_payload_signature"
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
            "from": _ADDRESS,
            "to": _PAYEE,
            "value": "10000",
            "validAfter": "1893455000",
            "validBefore": "1893456000",
            "nonce": "0x" + "2c" * 32,
        },
    },
}
_EXAMPLE: Final = {"x402Version": 2, "paymentPayload": _PAYLOAD, "paymentRequirements": _REQUIREMENTS}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class X402Request(_Model):
    """What a seller was offered, and what it requires; of version 1 or 2 of the standard."""

    x402Version: int = Field(examples=[2], description="1 or 2.")  # noqa: N815 (the standard's name)
    paymentPayload: dict[str, Any] = Field(examples=[_PAYLOAD], description="As the client sent it.")  # noqa: N815
    paymentRequirements: dict[str, Any] = Field(  # noqa: N815
        examples=[_REQUIREMENTS], description="As the seller asked for it."
    )


class X402Verification(_Model):
    """Whether a payment would be settled."""

    isValid: bool = Field(examples=[False])  # noqa: N815
    invalidReason: str = Field(default="", examples=[_REASON], description="The standard's word.")  # noqa: N815
    invalidMessage: str = Field(default="", examples=["The signature is by …"], description="For people.")  # noqa: N815
    payer: str | None = Field(default=None, examples=[_ADDRESS], description="Null if nobody can be read.")


class X402Settlement(_Model):
    """What became of a payment."""

    success: bool = Field(examples=[True])
    errorReason: str = Field(default="", examples=["settlement_pending"], description="The standard's word.")  # noqa: N815
    errorMessage: str = Field(default="", examples=["It is PENDING: …"], description="For people.")  # noqa: N815
    payer: str | None = Field(default=None, examples=[_ADDRESS], description="Null if nobody can be read.")
    transaction: str = Field(
        examples=["0x" + "6f" * 32], description="Empty if there is none yet, or none at all."
    )
    network: str = Field(examples=[_NETWORK])
    amount: str = Field(default="", examples=["10000"], description="Token units, in decimal.")


class X402Kind(_Model):
    """A scheme that is settled on a network."""

    x402Version: int = Field(examples=[2])  # noqa: N815
    scheme: str = Field(examples=["exact"])
    network: str = Field(examples=[_NETWORK])
    extra: dict[str, str] = Field(
        default={},
        examples=[{"facilitatorAddress": _SETTLER}],
        description="In `upto`: whom payers have to sign for.",
    )


class X402Support(_Model):
    """What is served."""

    kinds: list[X402Kind]
    extensions: list[str] = Field(examples=[[]])
    signers: dict[str, list[str]] = Field(
        examples=[{"eip155:*": [_ADDRESS]}], description="Accounts that send the transactions."
    )


class X402Resource(_Model):
    """Something that can be bought, as its operator lists it."""

    resource: str = Field(examples=["https://api.example.com/weather"])
    type: str = Field(examples=["http"])
    x402Version: int = Field(examples=[2])  # noqa: N815
    accepts: list[dict[str, Any]] = Field(examples=[[_REQUIREMENTS]])
    lastUpdated: int = Field(examples=[1893452400], description="Unix seconds.")  # noqa: N815
    metadata: dict[str, Any] = Field(default={}, examples=[{"category": "weather"}])


class X402Page(_Model):
    """Which part of the list it is."""

    limit: int = Field(examples=[20])
    offset: int = Field(examples=[0])
    total: int = Field(examples=[1])


class X402Catalogue(_Model):
    """What can be bought."""

    x402Version: int = Field(examples=[2])  # noqa: N815
    items: list[X402Resource]
    pagination: X402Page


X402_MODELS: Final = (X402Verification, X402Settlement, X402Support, X402Catalogue)
X402_REQUEST: Final[type[BaseModel]] = X402Request


def x402_paths(
    answer: Callable[[str, str], dict[str, Any]],
    problems: Callable[..., dict[str, Any]],
    by_key: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Give the routes; whatever is refused is an answer with the standard's reason.

    Args:
        answer: gives a response of a model, with a description.
        problems: gives responses of errors, by their statuses.
        by_key: what a route says that asks for an API key.

    """
    facilitator = _facilitator(answer, problems)
    refused = problems(401, 403)
    return {
        **facilitator,
        **{
            f"{SERVICE_PATH}{path}": _as_service(methods, security=by_key, refused=refused)
            for path, methods in facilitator.items()
        },
        "/discovery/resources": {
            "get": {
                "operationId": "x402_resources",
                "summary": "What can be bought here and there",
                "parameters": [
                    _parameter("type", {"type": "string"}, "Only of this type, such as http."),
                    _parameter("limit", {"type": "integer"}, "The most of a page, 1 to 100; 20 by default."),
                    _parameter("offset", {"type": "integer"}, "How many to pass over."),
                ],
                "responses": {"200": answer("X402Catalogue", "A page of the list"), **problems(422, 429)},
            }
        },
    }


def _as_service(
    methods: Mapping[str, Any], *, security: Sequence[Mapping[str, Any]], refused: Mapping[str, Any]
) -> dict[str, Any]:
    """Give the same for sellers whom the operator knows."""
    return {
        method: {
            **one,
            "operationId": f"{one['operationId']}_as_service",
            "summary": f"{one['summary']}, for a seller with an API key",
            "security": security,
            "responses": {**one["responses"], **refused},
        }
        for method, one in methods.items()
    }


def _facilitator(
    answer: Callable[[str, str], dict[str, Any]], problems: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    """Give what a seller's middleware asks, whoever the seller is."""
    body = {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{X402Request.__name__}"},
                "example": _EXAMPLE,
            }
        },
    }

    def post(operation: str, summary: str, model: str) -> dict[str, Any]:
        return {
            "post": {
                "operationId": operation,
                "summary": summary,
                "requestBody": body,
                "responses": {"200": answer(model, summary), **problems(429)},
            }
        }

    return {
        "/verify": post("x402_verify", "Whether an x402 payment would be settled", "X402Verification"),
        "/settle": post("x402_settle", "Settle an x402 payment, once", "X402Settlement"),
        "/supported": {
            "get": {
                "operationId": "x402_supported",
                "summary": "Which x402 payments are settled here",
                "responses": {"200": answer("X402Support", "What is served"), **problems(429, 503)},
            }
        },
    }


def _parameter(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
