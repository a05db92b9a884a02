"""The routes that take signed messages, one for each kind, in the OpenAPI document."""

from collections.abc import Iterable

from ferryman.adapters.http.openapi.operations import BY_KEY, Json, answer, body_of, operation, problems
from ferryman.adapters.http.openapi.records import Record
from ferryman.intents.kind import SERVICE_PATH, SignedKind, is_for_services, service_path


def kind_paths(kinds: Iterable[SignedKind]) -> Json:
    """Write the routes for everybody."""
    return {kind.path: {"post": _post(kind)} for kind in kinds if not is_for_services(kind)}


def service_paths(kinds: Iterable[SignedKind]) -> Json:
    """Write the routes for trusted clients."""
    return {service_path(kind): {"post": _service_post(kind)} for kind in kinds}


def _post(kind: SignedKind) -> Json:
    post = operation(
        f"post_{_word(kind)}",
        f"Accept a signed {kind.name}",
        {
            "200": answer(Record, "It was accepted before: its record"),
            "202": answer(Record, "Accepted: its record"),
            **problems(400, 401, 402, 409, 410, 413, 415, 422, 429, 503),
        },
        body=body_of(kind.request_model),
    )
    said = "The same message again gives the same record: its EIP-712 digest is its id."
    return post | {"description": said}


def _service_post(kind: SignedKind) -> Json:
    """Write the same for trusted clients."""
    post = _post(kind)
    way = "By API key with role service, and under that key's limits"
    is_alone = is_for_services(kind)
    return post | {
        "operationId": f"post_{_word(kind)}_as_service",
        "summary": f"{post['summary']}, as a trusted client",
        "description": f"{way}." if is_alone else f"{way}; else as without `{SERVICE_PATH}`.",
        "security": BY_KEY,
        "responses": {**post["responses"], **problems(403)},
    }


def _word(kind: SignedKind) -> str:
    """A kind's name as one word of an identifier."""
    return kind.name.replace("-", "_")
