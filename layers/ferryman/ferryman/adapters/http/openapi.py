"""The OpenAPI 3.1 document, generated from the models, the error table and the registry of kinds."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from ferryman.adapters.http.openapi_explanations import EXPLANATION_MODELS
from ferryman.adapters.http.openapi_faucet import FAUCET_MODELS, FAUCET_REQUEST, faucet_paths
from ferryman.adapters.http.openapi_meta_transactions import (
    META_TRANSACTION_MODELS,
    meta_transaction_paths,
)
from ferryman.adapters.http.openapi_webhooks import WEBHOOK_MODELS, webhook_paths
from ferryman.adapters.http.openapi_x402 import X402_MODELS, X402_REQUEST, x402_paths
from ferryman.domain.fees import Tier
from ferryman.domain.nonces import Purpose
from ferryman.domain.quotas import Limit
from ferryman.domain.transaction import Status
from ferryman.intents.forward_request.request import ForwardRequestDraft
from ferryman.intents.kind import SERVICE_PATH, SignedKind, is_for_services, service_path
from ferryman.intents.meta_transaction.request import MetaTransactionDraft
from ferryman.intents.registration import WebhookRegistration
from ferryman.intents.sign_in import ChallengeRequest, SignInRequest

_ID = "0x" + "6f" * 32
_TX = "0x" + "2b" * 32
_ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_WHEN = "2026-11-21T12:00:00.000Z"
_HEX32: Final = r"^0x[0-9a-f]{64}$"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class BatchPlace(_Model):
    """A record's place among those that share its chain transaction."""

    position: int = Field(examples=[0], description="From 0.")
    size: int = Field(examples=[20])


class Attempt(_Model):
    """One set of signed bytes; several may share a nonce, and at most one of them is mined."""

    hash: str = Field(pattern=_HEX32, examples=[_TX])
    max_fee_per_gas: str = Field(
        examples=["2001000000"], description="Wei. Of a legacy transaction, both are its gas price."
    )
    max_priority_fee_per_gas: str = Field(examples=["1000000"], description="Wei.")
    purpose: Purpose = Field(
        examples=["call"], description="fill: it only uses the nonce up, and carries nothing out."
    )
    signed_at: str = Field(examples=[_WHEN])
    mined: bool = Field(examples=[True])


class Record(_Model):
    """A transaction's record: the truth that pushes only hint at."""

    transaction_id: str = Field(
        pattern=_HEX32, examples=[_ID], description="The EIP-712 digest of the signed message."
    )
    kind: str = Field(examples=["payment"])
    chain_id: int = Field(examples=[31337])
    sender: str = Field(examples=[_ADDRESS], description="Who signed.")
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
    received_at: str = Field(examples=[_WHEN])
    reached: dict[str, str] = Field(
        description="When each step was last taken.", examples=[{"accepted": _WHEN, "bound": _WHEN}]
    )
    sequence: int = Field(examples=[4], description="Sequence number of the newest event.")
    wallet: str | None = Field(examples=[_ADDRESS], description="The relayer wallet that pays the gas.")
    wallet_nonce: int | None = Field(examples=[7])
    hash: str | None = Field(examples=[_TX], description="Mined, or else the newest broadcast.")
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


class PublicEvent(_Model):
    """One step of a transaction: the same here, in a push and in a replay."""

    event: str = Field(examples=["payment_confirmed"])
    transaction_id: str = Field(pattern=_HEX32, examples=[_ID])
    sequence: int = Field(examples=[4], description="Numbered without gaps from 1.")
    status: Status = Field(examples=["CONFIRMED"])
    at: str = Field(examples=[_WHEN])
    data: dict[str, Any] = Field(examples=[{"confirmations": 1}], description="What changed.")


class EventList(_Model):
    """All events of a transaction, in order."""

    events: list[PublicEvent]


class TransactionPage(_Model):
    """One page of a sender's transactions, newest first."""

    transactions: list[Record]
    next_cursor: str | None = Field(examples=[None], description="Gives the next page; null after the last.")


class SignInChallenge(_Model):
    """A message to sign: it is good once, for five minutes, and for this account."""

    message: str = Field(
        examples=["app.example.com wants you to sign in with your Ethereum account:\n…"],
        description="Sign it as it is (EIP-191, `personal_sign`).",
    )
    domain: str = Field(examples=["app.example.com"])
    uri: str = Field(examples=["https://app.example.com"])
    address: str = Field(examples=[_ADDRESS])
    chain_id: int = Field(examples=[31337])
    nonce: str = Field(examples=["8yZ0mF2kQe7RtW1xVb4NcA"])
    issued_at: str = Field(examples=[_WHEN])
    expires_at: str = Field(examples=[_WHEN])


class SignedIn(_Model):
    """A token: whoever sends it is the account."""

    token: str = Field(examples=["mK3…"], description="Send it as `Authorization: Bearer <token>`.")
    address: str = Field(examples=[_ADDRESS])
    expires_at: str = Field(examples=[_WHEN])


class SignedOut(_Model):
    """The end of a token."""

    address: str = Field(examples=[_ADDRESS])
    status: str = Field(examples=["signed_out"])


class SocketTicket(_Model):
    """The right to open one WebSocket connection as the caller."""

    ticket: str = Field(examples=["mK3…"], description="Connect to `<WebSocket URL>?ticket=<ticket>`.")
    expires_at: str = Field(examples=[_WHEN], description="Half a minute from now.")


class FieldError(_Model):
    """What is wrong with one field."""

    field: str = Field(examples=["amount"])
    reason: str = Field(examples=["must be more than 0"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    code: str = Field(examples=["invalid_fields"], description="Machine-readable; the detail is for people.")
    detail: str = Field(examples=["Some fields are not as they should be."])
    errors: list[FieldError]
    free: str | None = Field(None, examples=["250000"], description="Free locked funds, on 402.")
    needed: str | None = Field(None, examples=["1000000"], description="amount + fee, on 402.")
    limit: Limit | None = Field(None, examples=["rate"], description="The limit that was reached, on 429.")
    floor: str | None = Field(None, examples=["1200"], description="The least fee that is taken now, on 402.")


class FeeBreakdown(_Model):
    """How a fee came about: (base + gas + l1) x tier, less the discount, within minimum and cap."""

    base: str = Field(examples=["1000"], description="Token units.")
    gas: str = Field(examples=["200"], description="Token units: predicted gas at the market.")
    l1: str = Field(examples=["0"], description="Token units: an OP-style chain's data fee.")
    tier_bps: int = Field(examples=[10000], description="The priority's part of the sum.")
    discount_bps: int = Field(examples=[0], description="Off, for the sender's last thirty days.")
    minimum_applied: bool = Field(examples=[False])
    cap_applied: bool = Field(examples=[False])


class Quote(_Model):
    """What a message has to pay: sign at least `fee`, and post it before `expires_at`."""

    kind: str = Field(examples=["payment"])
    chain_id: int = Field(examples=[31337])
    token: str = Field(examples=[_ADDRESS])
    sender: str | None = Field(examples=[_ADDRESS], description="Whose volume was looked at.")
    priority: Tier = Field(examples=["normal"])
    fee: str = Field(examples=["1200"], description="Token units, in decimal.")
    expires_at: str = Field(examples=[_WHEN], description="Until then a message with this fee is taken.")
    breakdown: FeeBreakdown
    predicted_gas: int = Field(examples=[100000])
    gas_price: str | None = Field(examples=["1000000007"], description="Wei; null: it does not matter.")
    l1_fee: str | None = Field(examples=["0"], description="Wei; null: it does not matter.")
    units_per_native: str = Field(
        examples=["2000000"], description="Token units that 10^18 wei are taken to be worth."
    )


_DOMAIN: Final = {
    "name": "AION PaymentEscrow",
    "version": "1",
    "chainId": 31337,
    "verifyingContract": _ADDRESS,
}


class SigningDomain(_Model):
    """The EIP-712 domain of a message."""

    # Permit2's domain has no version, and says none.
    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    name: str = Field(examples=["AION PaymentEscrow"])
    version: str | None = Field(default=None, examples=["1"], description="Permit2's domain has none.")
    chainId: int = Field(examples=[31337])  # noqa: N815 (EIP-712's own name)
    verifyingContract: str = Field(examples=[_ADDRESS])  # noqa: N815 (the same)


class IntentOffer(_Model):
    """How to sign one kind of message for one chain, and where to post it."""

    path: str = Field(examples=["/payments"])
    primary_type: str = Field(examples=["Payment"], description="Which of `types` is signed.")
    domain: SigningDomain
    domains: dict[str, SigningDomain] = Field(
        examples=[{_ADDRESS: _DOMAIN}],
        description="Each contract's domain, by its address; `domain` is the first one's.",
    )
    types: dict[str, list[dict[str, str]]] = Field(
        examples=[{"Payment": [{"name": "token", "type": "address"}]}],
        description="Members of each EIP-712 struct, in order.",
    )


class ChainOffer(_Model):
    """A chain this deployment serves."""

    chain_id: int = Field(examples=[31337], description="EIP-155.")
    escrow: str = Field(examples=[_ADDRESS], description="The contract that holds the locked funds.")
    tokens: list[str] = Field(examples=[[_ADDRESS]], description="Tokens it accepts.")
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
                    "domains": {_ADDRESS: _DOMAIN},
                    "types": {"Payment": [{"name": "token", "type": "address"}]},
                }
            }
        ],
        description="By the name of the kind.",
    )


class Deployment(_Model):
    """What a client needs to know before it signs."""

    websocket_url: str = Field(examples=["wss://example.execute-api.us-east-1.amazonaws.com/v1"])
    chains: list[ChainOffer]


class Health(_Model):
    """Whether the service answers, and whether it can do its work."""

    status: str = Field(examples=["ok"])


class ChainHealth(_Model):
    """What confirm last saw of a chain."""

    chain_id: int = Field(examples=[31337])
    head: int | None = Field(examples=[123], description="Newest block seen; null before the first payment.")


class Readiness(_Model):
    """Whether the tables answer, and each chain's newest block."""

    status: str = Field(examples=["ready"])
    chains: list[ChainHealth]


class DependencyHealth(BaseModel):
    """One dependency: its state, how long it took to answer, and what else it told (`head`, `waiting`, …)."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(examples=["rpc 31337/1"])
    status: Literal["ok", "failed"] = Field(examples=["ok"])
    latency_ms: int = Field(examples=[12])


class ChainState(_Model):
    """Whether one chain's transactions can be carried out."""

    chain_id: int = Field(examples=[8453])
    status: Literal["ok", "degraded", "failed"] = Field(
        examples=["ok"], description="Of what this chain alone depends on: its endpoints, confirm, watch."
    )


class DeepHealth(_Model):
    """Every dependency's state."""

    status: Literal["ok", "degraded", "failed"] = Field(
        examples=["ok"],
        description="failed: no chain can be served; degraded: something has failed, a chain perhaps.",
    )
    at: str = Field(examples=[_WHEN])
    paused: list[dict[str, Any]] | None = Field(
        examples=[[]], description="What operators have paused; null if that cannot be read."
    )
    chains: list[ChainState]
    dependencies: list[DependencyHealth]


_MODELS: Final = (
    Record,
    PublicEvent,
    EventList,
    TransactionPage,
    Deployment,
    Quote,
    Problem,
    Health,
    Readiness,
    SignInChallenge,
    SignedIn,
    SignedOut,
    SocketTicket,
    DeepHealth,
    *EXPLANATION_MODELS,
)
_QUOTE_ERRORS: Final = (400, 413, 415, 422, 429, 503)
_POST_ERRORS: Final = (400, 401, 402, 409, 410, 413, 415, 422, 429, 503)


def openapi_document(kinds: Iterable[SignedKind], *, version: str) -> dict[str, Any]:
    """Write the document.

    Args:
        kinds: each gets its own route.
        version: of the package.

    """
    kinds = tuple(kinds)
    modes: Any = [(model, "serialization") for model in _MODELS]
    modes += [(model, "serialization") for model in (*WEBHOOK_MODELS, *META_TRANSACTION_MODELS)]
    modes += [(model, "serialization") for model in X402_MODELS]
    modes += [(model, "serialization") for model in FAUCET_MODELS]
    modes += [(model, "validation") for model in (WebhookRegistration, X402_REQUEST, FAUCET_REQUEST)]
    modes += [(model, "validation") for model in (ChallengeRequest, SignInRequest)]
    modes += [(model, "validation") for model in (MetaTransactionDraft, ForwardRequestDraft)]
    modes += [(model, "validation") for kind in kinds for model in (kind.request_model, kind.quote_model)]
    _, schemas = models_json_schema(modes, ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ferryman",
            "version": version,
            "description": "A transaction relayer: sign a message, it is mined exactly once.",
        },
        # Relative to this document: the same behind any stage, domain name or emulator.
        "servers": [{"url": "."}],
        "paths": {
            **{kind.path: {"post": _post(kind)} for kind in kinds if not is_for_services(kind)},
            "/quote": {"post": _quote(kinds)},
            **meta_transaction_paths(_json, _problems, _example),
            **webhook_paths(_json, _problems),
            **x402_paths(_json, _problems, _BY_KEY),
            **faucet_paths(_json, _problems, _example),
            **{service_path(kind): {"post": _service_post(kind)} for kind in kinds},
            **_SIGN_IN,
            **_READS,
        },
        "components": {"schemas": schemas["$defs"], "securitySchemes": _SCHEMES},
    }


def _post(kind: SignedKind) -> dict[str, Any]:
    content = {"schema": _ref(kind.request_model.__name__)}
    if example := _example(kind.request_model):
        content["example"] = example
    return {
        "operationId": f"post_{_word(kind)}",
        "summary": f"Accept a signed {kind.name}",
        "description": "The same message again gives the same record: its EIP-712 digest is its id.",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": _json("Record", "It was accepted before: its record"),
            "202": _json("Record", "Accepted: its record"),
            **_problems(*_POST_ERRORS),
        },
    }


def _word(kind: SignedKind) -> str:
    """A kind's name as one word of an identifier."""
    return kind.name.replace("-", "_")


def _quote(kinds: Iterable[SignedKind]) -> dict[str, Any]:
    models = [kind.quote_model for kind in kinds]
    content = {
        "schema": {"oneOf": [_ref(model.__name__) for model in models]},
        "examples": {_named(model): {"value": _example(model)} for model in models},
    }
    return {
        "operationId": "quote",
        "summary": "What a message has to pay",
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": _json("Quote", "The fee, and until when it is taken"),
            **_problems(*_QUOTE_ERRORS),
        },
    }


def _named(model: type[BaseModel]) -> str:
    return str(_example(model)["kind"])


def _service_post(kind: SignedKind) -> dict[str, Any]:
    """The same for trusted clients."""
    post = _post(kind)
    way = "By API key with role service, and under that key's limits"
    is_alone = is_for_services(kind)
    return post | {
        "operationId": f"post_{_word(kind)}_as_service",
        "summary": f"{post['summary']}, as a trusted client",
        "description": f"{way}." if is_alone else f"{way}; else as without `{SERVICE_PATH}`.",
        "security": _BY_KEY,
        "responses": {**post["responses"], **_problems(403)},
    }


def _ask(operation: str, summary: str, body: type[BaseModel], model: str) -> dict[str, Any]:
    content = {"schema": _ref(body.__name__), "example": _example(body)}
    return {
        "post": {
            "operationId": operation,
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": {
                "200": _json(model, summary),
                **_problems(400, 401, 413, 415, 422, 429, 503),
            },
        }
    }


def _known(operation: str, summary: str, model: str) -> dict[str, Any]:
    """A post without a body, by a caller who proves who it is."""
    return {
        "post": {
            "operationId": operation,
            "summary": summary,
            "security": _BY_ANY,
            "responses": {"200": _json(model, summary), **_problems(401, 403, 429, 503)},
        }
    }


def _example(model: type[BaseModel]) -> dict[str, Any]:
    properties = model.model_json_schema(by_alias=True)["properties"]
    return {name: field["examples"][0] for name, field in properties.items() if "examples" in field}


def _ref(model: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model}"}


def _json(model: str, description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(model)}}}


def _problems(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
            **({"headers": _RETRY_AFTER} if status in {429, 503} else {}),
        }
        for status in statuses
    }


_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def _get(
    operation: str,
    summary: str,
    model: str,
    *parameters: Mapping[str, Any],
    errors: tuple[int, ...] = (),
    security: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": list(parameters),
            "responses": {"200": _json(model, summary), **_problems(*errors)},
            **({"security": list(security)} if security else {}),
        }
    }


def _parameter(name: str, where: str, schema: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": where == "path" or name == "sender",
        "schema": dict(schema),
        "description": description,
    }


_TRANSACTION = _parameter(
    "transaction_id",
    "path",
    {"type": "string", "pattern": r"^0x[0-9a-fA-F]{64}$", "examples": [_ID]},
    "The id that acceptance gave.",
)
_BY_KEY: Final[list[dict[str, list[str]]]] = [{"ApiKey": []}]
_BY_ANY: Final[list[dict[str, list[str]]]] = [{"Token": []}, {"ApiKey": []}]
_SCHEMES: Final = {
    "Token": {"type": "http", "scheme": "bearer", "description": "What `POST /sign-in` gives."},
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "Given by an operator."},
}
_SIGN_IN: Final[Mapping[str, Any]] = {
    "/sign-in/challenge": _ask(
        "challenge", "Get a message to sign in with (EIP-4361)", ChallengeRequest, "SignInChallenge"
    ),
    "/sign-in": _ask("sign_in", "Sign in: get a token for a signed message", SignInRequest, "SignedIn"),
    "/sign-out": _known("sign_out", "End the token that is sent", "SignedOut"),
    "/socket-tickets": _known("socket_ticket", "Get a ticket for one WebSocket connection", "SocketTicket"),
}
_READS: Final[Mapping[str, Any]] = {
    "/transactions": _get(
        "list_transactions",
        "A sender's transactions, newest first",
        "TransactionPage",
        _parameter("sender", "query", {"type": "string", "examples": [_ADDRESS]}, "Who signed."),
        _parameter("status", "query", {"enum": [status.value for status in Status]}, "Only these."),
        _parameter(
            "limit", "query", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "Page size."
        ),
        _parameter("cursor", "query", {"type": "string"}, "`next_cursor` of the page before."),
        errors=(401, 403, 422, 503),
        security=_BY_ANY,
    ),
    "/transactions/{transaction_id}": _get(
        "get_transaction", "A record", "Record", _TRANSACTION, errors=(404, 422, 503)
    ),
    "/transactions/{transaction_id}/events": _get(
        "list_events",
        "The events of a transaction",
        "EventList",
        _TRANSACTION,
        _parameter(
            "after", "query", {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, "Only later ones."
        ),
        errors=(404, 422, 503),
    ),
    "/transactions/{transaction_id}/explain": _get(
        "explain_transaction",
        "What blocks a transaction, what each endpoint says and what comes next; for the role reader",
        "Explanation",
        _TRANSACTION,
        errors=(401, 403, 404, 422, 429, 503),
        security=_BY_KEY,
    ),
    "/wallets/{address}": _get(
        "get_wallet",
        "A relayer wallet's head, what is open, and what each endpoint says of it; for the role reader",
        "WalletExplanation",
        _parameter("address", "path", {"type": "string", "examples": [_ADDRESS]}, "The wallet."),
        _parameter("chain_id", "query", {"type": "integer"}, "On which chain; needed if several are served."),
        errors=(401, 403, 404, 422, 429, 503),
        security=_BY_KEY,
    ),
    "/chains": _get("list_chains", "The chains, and how to sign for them", "Deployment"),
    "/health": _get("health", "Whether the service answers", "Health"),
    "/health/ready": _get("ready", "Whether it can do its work", "Readiness", errors=(503,)),
    "/health/deep": {
        "get": {
            "operationId": "deep_health",
            "security": _BY_KEY,
            "summary": "The state of everything it depends on; for API keys with the role reader",
            "parameters": [],
            "responses": {
                "200": _json("DeepHealth", "It can do its work"),
                "503": _json("DeepHealth", "It cannot") | {"headers": _RETRY_AFTER},
                **_problems(401, 403, 429),
            },
        }
    },
    "/metrics": {
        "get": {
            "operationId": "metrics",
            "security": _BY_KEY,
            "summary": "Numbers in Prometheus' text format; for API keys with the role reader",
            "parameters": [],
            "responses": {
                "200": {
                    "description": "Counters since the first transaction, and the state measured last",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                },
                **_problems(401, 403, 429, 503),
            },
        }
    },
    "/openapi.json": {
        "get": {
            "operationId": "openapi",
            "summary": "This document",
            "responses": {
                "200": {
                    "description": "This document",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                }
            },
        }
    },
}
