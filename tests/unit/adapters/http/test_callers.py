"""Callers at the API's door: headers, tickets, policies."""

from typing import Any

import pytest

from ferryman.adapters.http.callers import allowed, api_key, bearer_token, caller_of, denied, ticket
from ferryman.domain.access import ANONYMOUS, Caller, Role
from ferryman.domain.errors import NotAuthenticatedError
from ferryman.domain.units import Address

ARN = "arn:aws:execute-api:us-east-1:123456789012:api/v1/GET/transactions"
ALICE = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")


def having(**headers: str) -> dict[str, Any]:
    """Give an event with headers, written as API Gateway writes them."""
    return {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
    }


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_token_is_read_however_its_header_is_spelt(name: str, scheme: str) -> None:
    """Header names and schemes have no case (RFC 9110)."""
    assert bearer_token(having(**{name: f"{scheme} abc"})) == "abc"


@pytest.mark.parametrize("text", ["", "abc", "Bearer", "Bearer ", "Basic abc", "Bearerabc", "Bearer\tabc"])
def test_another_form_of_the_header_is_refused(text: str) -> None:
    """Rather than taken for no header at all."""
    with pytest.raises(NotAuthenticatedError):
        bearer_token(having(Authorization=text))


@pytest.mark.parametrize("event", [{}, {"headers": None, "multiValueHeaders": None}, having(Accept="*/*")])
def test_what_is_not_there_is_none(event: dict[str, Any]) -> None:
    """API Gateway writes null for nothing."""
    assert bearer_token(event) is None
    assert api_key(event) is None
    assert ticket(event) is None


def test_an_event_with_single_headers_only_is_read_too() -> None:
    """As `sam local invoke` may send it."""
    assert api_key({"headers": {"x-api-key": "k"}}) == "k"
    assert ticket({"queryStringParameters": {"ticket": "t"}}) == "t"


def test_what_is_given_twice_is_refused() -> None:
    """Which one was meant?"""
    twice = {
        "multiValueHeaders": {
            "authorization": ["Bearer a", "Bearer b"],
            "X-Api-Key": ["a"],
            "x-api-key": ["b"],
        }
    }

    with pytest.raises(NotAuthenticatedError):
        bearer_token(twice)
    with pytest.raises(NotAuthenticatedError):
        api_key(twice)
    with pytest.raises(NotAuthenticatedError):
        ticket({"multiValueQueryStringParameters": {"ticket": ["a", "b"]}})


@pytest.mark.parametrize(
    "caller",
    [
        ANONYMOUS,
        Caller(name=f"address:{ALICE}", address=ALICE),
        *(Caller(name="key:1", role=role) for role in Role),
    ],
    ids=lambda caller: caller.name,
)
def test_a_caller_comes_through_api_gateway_unchanged(caller: Caller) -> None:
    """Which makes strings of the context and adds the principal."""
    answer = allowed(caller, ARN, usage_key="k")

    context = {name: str(value) for name, value in answer["context"].items()}
    event = {"requestContext": {"authorizer": {**context, "principalId": answer["principalId"]}}}
    assert caller_of(event) == caller


def test_only_what_was_asked_for_is_allowed() -> None:
    """No other method, and no wildcard."""
    (statement,) = allowed(ANONYMOUS, ARN, usage_key="k")["policyDocument"]["Statement"]

    assert (statement["Effect"], statement["Resource"]) == ("Allow", ARN)


def test_a_denial_denies_and_says_nothing_of_a_caller() -> None:
    """Nothing that a function could take for one."""
    answer = denied(ARN)

    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert "context" not in answer


@pytest.mark.parametrize("context", [{}, {"authorizer": None}, {"authorizer": {}}])
def test_without_an_authorizer_nobody_is_known(context: dict[str, Any]) -> None:
    """Routes that are open to everybody."""
    assert caller_of({"requestContext": context}) == ANONYMOUS
