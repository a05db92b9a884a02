"""The document: every route, the models of all, and who may ask."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ferryman.adapters.http.openapi.explanations import EXPLANATION_MODELS, explanation_paths
from ferryman.adapters.http.openapi.faucet import FAUCET_MODELS, FAUCET_REQUESTS, faucet_paths
from ferryman.adapters.http.openapi.health import HEALTH_MODELS, health_paths
from ferryman.adapters.http.openapi.kinds import kind_paths, service_paths
from ferryman.adapters.http.openapi.meta_transactions import (
    META_TRANSACTION_MODELS,
    META_TRANSACTION_REQUESTS,
    meta_transaction_paths,
)
from ferryman.adapters.http.openapi.offer import OFFER_MODELS, offer_paths
from ferryman.adapters.http.openapi.operations import SCHEMA_OF, SCHEMES, Json, Problem, operation
from ferryman.adapters.http.openapi.quotes import QUOTE_MODELS, quote_paths
from ferryman.adapters.http.openapi.records import RECORD_MODELS, record_paths
from ferryman.adapters.http.openapi.sign_in import SIGN_IN_MODELS, SIGN_IN_REQUESTS, sign_in_paths
from ferryman.adapters.http.openapi.webhooks import WEBHOOK_MODELS, WEBHOOK_REQUESTS, webhook_paths
from ferryman.adapters.http.openapi.x402 import X402_MODELS, X402_REQUESTS, x402_paths
from ferryman.intents.kind import SignedKind

_ANSWERS: Final[tuple[type[BaseModel], ...]] = (
    *RECORD_MODELS,
    *OFFER_MODELS,
    *QUOTE_MODELS,
    Problem,
    *HEALTH_MODELS,
    *SIGN_IN_MODELS,
    *EXPLANATION_MODELS,
    *WEBHOOK_MODELS,
    *META_TRANSACTION_MODELS,
    *X402_MODELS,
    *FAUCET_MODELS,
)
_REQUESTS: Final[tuple[type[BaseModel], ...]] = (
    *WEBHOOK_REQUESTS,
    *X402_REQUESTS,
    *FAUCET_REQUESTS,
    *SIGN_IN_REQUESTS,
    *META_TRANSACTION_REQUESTS,
)


def openapi_document(kinds: Iterable[SignedKind], *, version: str) -> Json:
    """Write the document.

    Args:
        kinds: each gets its own route.
        version: of the package.

    """
    kinds = tuple(kinds)
    modes: Any = [(model, "serialization") for model in _ANSWERS]
    modes += [(model, "validation") for model in _REQUESTS]
    modes += [(model, "validation") for kind in kinds for model in (kind.request_model, kind.quote_model)]
    _, schemas = models_json_schema(modes, ref_template=SCHEMA_OF)
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
            **kind_paths(kinds),
            **quote_paths(kinds),
            **meta_transaction_paths(),
            **webhook_paths(),
            **x402_paths(),
            **faucet_paths(),
            **service_paths(kinds),
            **sign_in_paths(),
            **record_paths(),
            **explanation_paths(),
            **offer_paths(),
            **health_paths(),
            "/openapi.json": {"get": _itself()},
        },
        "components": {"schemas": schemas["$defs"], "securitySchemes": SCHEMES},
    }


def _itself() -> Json:
    summary = "This document"
    content = {"application/json": {"schema": {"type": "object"}}}
    return operation("openapi", summary, {"200": {"description": summary, "content": content}})
