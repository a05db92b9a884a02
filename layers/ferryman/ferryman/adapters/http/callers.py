"""Callers at the API's door: what they carry, what the authorizer answers, and who they then are."""

from collections.abc import Mapping
from typing import Any, Final

from ferryman.domain.access import ANONYMOUS, Caller, Role
from ferryman.domain.errors import NotAuthenticatedError
from ferryman.domain.units import Address

_SCHEME: Final = "bearer"


def is_connection(event: Mapping[str, Any]) -> bool:
    """Whether a WebSocket connection asks to be opened, rather than a request to be answered."""
    return bool(event["requestContext"].get("eventType") == "CONNECT")


def bearer_token(event: Mapping[str, Any]) -> str | None:
    """Read the token of `Authorization: Bearer <token>`, None if there is no such header.

    Raises:
        NotAuthenticatedError: the header has another form, or is given twice.

    """
    text = _header(event, "authorization")
    if text is None:
        return None
    scheme, _, token = text.partition(" ")
    if scheme.lower() != _SCHEME or not token:
        raise NotAuthenticatedError("Authorization", "must be: Bearer <token>")
    return token


def api_key(event: Mapping[str, Any]) -> str | None:
    """Read `X-Api-Key`, None if there is no such header.

    Raises:
        NotAuthenticatedError: it is given twice.

    """
    return _header(event, "x-api-key")


def ticket(event: Mapping[str, Any]) -> str | None:
    """Read the ticket in the query string of `$connect`, None if there is none.

    Raises:
        NotAuthenticatedError: it is given twice.

    """
    given = (event.get("multiValueQueryStringParameters") or {}).get("ticket")
    if given is None:
        one: str | None = (event.get("queryStringParameters") or {}).get("ticket")
        return one
    return _only("ticket", given)


def allowed(caller: Caller, method_arn: str, *, usage_key: str) -> dict[str, Any]:
    """Answer API Gateway that a caller may call this one method.

    Args:
        caller: reaches the function as `requestContext.authorizer`; `caller_of` reads it there.
        method_arn: the method that was asked for.
        usage_key: the API Gateway key whose usage plan counts the call.

    """
    context = {"name": caller.name, "address": caller.address, "role": caller.role and caller.role.value}
    return {
        **_policy("Allow", method_arn, caller.name),
        "context": {name: value for name, value in context.items() if value is not None},
        "usageIdentifierKey": usage_key,
    }


def denied(method_arn: str) -> dict[str, Any]:
    """Answer API Gateway that nobody may call this method so."""
    return _policy("Deny", method_arn, ANONYMOUS.name)


def caller_of(event: Mapping[str, Any]) -> Caller:
    """Give who sent a request, as the authorizer found; on routes without one, nobody we know."""
    context = event["requestContext"].get("authorizer") or {}
    if "name" not in context:
        return ANONYMOUS
    address, role = context.get("address"), context.get("role")
    return Caller(
        name=context["name"],
        address=Address(address) if address else None,
        role=Role(role) if role else None,
    )


def source_ip(event: Mapping[str, Any]) -> str:
    """Give the IP address that a request came from, as API Gateway saw it: no header says that."""
    return str(event["requestContext"]["identity"]["sourceIp"])


def _policy(effect: str, method_arn: str, principal: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }


def _header(event: Mapping[str, Any], name: str) -> str | None:
    many: Mapping[str, list[str]] = event.get("multiValueHeaders") or {}
    one: Mapping[str, str] = event.get("headers") or {}
    given = [value for header, values in many.items() if header.lower() == name for value in values]
    if not given:
        given = [value for header, value in one.items() if header.lower() == name]
    return _only(name, given) if given else None


def _only(name: str, given: list[str]) -> str:
    if len(given) != 1:
        raise NotAuthenticatedError(name, "is given twice")
    return given[0]
