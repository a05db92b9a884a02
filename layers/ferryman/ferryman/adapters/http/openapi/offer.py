"""The chains that are served, and how to sign for them, in the OpenAPI document."""

from typing import Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS
from ferryman.adapters.http.openapi.operations import AnswerModel, ClosedModel, Json, answer, operation

_DOMAIN: Final = {
    "name": "AION PaymentEscrow",
    "version": "1",
    "chainId": 31337,
    "verifyingContract": ADDRESS,
}


class SigningDomain(ClosedModel):
    """The EIP-712 domain of a message."""

    name: str = Field(examples=["AION PaymentEscrow"])
    version: str | None = Field(default=None, examples=["1"], description="Permit2's domain has none.")
    chainId: int = Field(examples=[31337])  # noqa: N815 (EIP-712's own name)
    verifyingContract: str = Field(examples=[ADDRESS])  # noqa: N815 (the same)


class IntentOffer(AnswerModel):
    """How to sign one kind of message for one chain, and where to post it."""

    path: str = Field(examples=["/payments"])
    primary_type: str = Field(examples=["Payment"], description="Which of `types` is signed.")
    domain: SigningDomain
    domains: dict[str, SigningDomain] = Field(
        examples=[{ADDRESS: _DOMAIN}],
        description="Each contract's domain, by its address; `domain` is the first one's.",
    )
    types: dict[str, list[dict[str, str]]] = Field(
        examples=[{"Payment": [{"name": "token", "type": "address"}]}],
        description="Members of each EIP-712 struct, in order.",
    )


class ChainOffer(AnswerModel):
    """A chain this deployment serves."""

    chain_id: int = Field(examples=[31337], description="EIP-155.")
    escrow: str = Field(examples=[ADDRESS], description="The contract that holds the locked funds.")
    tokens: list[str] = Field(examples=[[ADDRESS]], description="Tokens it accepts.")
    block_time_ms: int = Field(examples=[1000])
    required_confirmations: int = Field(examples=[1])
    shortest_deadline_seconds: int = Field(examples=[30], description="From now; nearer ones are refused.")
    longest_deadline_seconds: int = Field(examples=[82800], description="From now; later ones are refused.")
    intents: dict[str, IntentOffer] = Field(
        examples=[
            {
                "payment": {
                    "path": "/payments",
                    "primary_type": "Payment",
                    "domain": _DOMAIN,
                    "domains": {ADDRESS: _DOMAIN},
                    "types": {"Payment": [{"name": "token", "type": "address"}]},
                }
            }
        ],
        description="By the name of the kind.",
    )


class Deployment(AnswerModel):
    """What a client needs to know before it signs."""

    websocket_url: str = Field(examples=["wss://example.execute-api.us-east-1.amazonaws.com/v1"])
    chains: list[ChainOffer]


OFFER_MODELS: Final[tuple[type[BaseModel], ...]] = (Deployment,)


def offer_paths() -> Json:
    """Write the route."""
    summary = "The chains, and how to sign for them"
    return {"/chains": {"get": operation("list_chains", summary, {"200": answer(Deployment, summary)})}}
