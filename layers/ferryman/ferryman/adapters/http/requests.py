"""The body of a REST request."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from ferryman.domain.errors import (
    FieldProblem,
    InvalidFieldsError,
    MalformedRequestError,
    RequestTooLargeError,
    UnsupportedMediaTypeError,
)

_UNREADABLE: Final = "The body cannot be read as one JSON object."
_SHOWN: Final = 60
LARGEST_BODY: Final = 16 * 1024
"""Bytes. A payment has about 700, or 9,000 with the longest contract-wallet signature."""


def json_body(event: Mapping[str, Any], *, most_bytes: int = LARGEST_BODY) -> dict[str, Any]:
    """Read the JSON body of an API Gateway proxy event.

    Args:
        event: the request.
        most_bytes: how long the body may be.

    Raises:
        UnsupportedMediaTypeError: it is not declared as JSON.
        RequestTooLargeError: it is larger than any request needs to be.
        MalformedRequestError: it is not a JSON object.

    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    media_type = str(headers.get("content-type", "")).split(";")[0].strip().lower()
    if media_type != "application/json":
        problem = FieldProblem("Content-Type", "must be application/json")
        raise UnsupportedMediaTypeError("The body must be JSON.", problem)
    body = _bytes(event)
    if len(body) > most_bytes:
        problem = FieldProblem("body", f"has {len(body)} bytes, at most {most_bytes} are taken")
        raise RequestTooLargeError("The body is too large.", problem)
    try:
        parsed = json.loads(body, parse_constant=_no_constant, object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _BodyError) else "is not well-formed JSON"
        raise MalformedRequestError(_UNREADABLE, FieldProblem("body", reason)) from error
    if not isinstance(parsed, dict):
        raise MalformedRequestError(_UNREADABLE, FieldProblem("body", "must be an object"))
    return parsed


def query_parameters(event: Mapping[str, Any]) -> dict[str, str]:
    """Read the query parameters.

    Raises:
        InvalidFieldsError: one is given twice: which one was meant?

    """
    given: Mapping[str, list[str]] = event.get("multiValueQueryStringParameters") or {}
    twice = [name for name, values in given.items() if len(values) > 1]
    if twice:
        problems = (FieldProblem(name[:_SHOWN], "is given twice") for name in twice)
        raise InvalidFieldsError("Some parameters are given twice.", *problems)
    return dict(event.get("queryStringParameters") or {})


class _BodyError(ValueError):
    """JSON that Python would take, and we do not."""


def _bytes(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:
        raise MalformedRequestError("The body is not base64, as it claims.") from error


def _no_constant(name: str) -> object:
    msg = f"{name} is not JSON"
    raise _BodyError(msg)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name given twice: which one was meant?"""
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "names a field twice"
        raise _BodyError(msg)
    return found
