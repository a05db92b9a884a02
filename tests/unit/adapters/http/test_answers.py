"""Answers of the REST API."""

import json
from http import HTTPStatus
from typing import Any

import pytest

from ferryman.adapters.http.answers import STATUS_OF, answer, problem
from ferryman.domain.errors import (
    ChainUnreachableError,
    FerrymanError,
    FieldProblem,
    InsufficientFundsError,
    InvalidFieldsError,
    NonceTakenError,
    NotAuthenticatedError,
    RequestError,
    StoreUnavailableError,
)
from ferryman.domain.faucet import FaucetLimitedError
from ferryman.domain.pricing import FeeTooLowError
from ferryman.domain.quotas import Limit, SenderLimitedError
from ferryman.domain.units import ChainId, Instant, Seconds, TokenUnits, TransactionId

ISSUE = {
    "malformed_request": 400,
    "wrong_signer": 401,
    "not_authenticated": 401,
    "not_allowed": 403,
    "insufficient_funds": 402,
    "allowance_required": 402,
    "sign_in_refused": 401,
    "not_found": 404,
    "nonce_used": 409,
    "nonce_out_of_order": 409,
    "body_differs": 409,
    "not_retriable": 409,
    "wallet_busy": 409,
    "deadline_passed": 410,
    "request_too_large": 413,
    "unsupported_media_type": 415,
    "invalid_fields": 422,
    "target_not_allowed": 422,
    "trial_failed": 422,
    "factory_not_allowed": 422,
    "fee_too_low": 402,
    "sender_limited": 429,
    "faucet_limited": 429,
    "chain_unavailable": 503,
    "contract_mismatch": 503,
}
"""The statuses that the issue names for each refusal."""
REFUSALS = [kind for kind in STATUS_OF if issubclass(kind, RequestError)]


def made(kind: type[RequestError]) -> RequestError:
    """Make a refusal of any class."""
    if issubclass(kind, InsufficientFundsError):
        return InsufficientFundsError(free=TokenUnits(5), needed=TokenUnits(9), field="amount")
    if issubclass(kind, NotAuthenticatedError):
        return NotAuthenticatedError("amount", "is wrong")
    if issubclass(kind, FeeTooLowError):
        return FeeTooLowError(fee=TokenUnits(5), floor=TokenUnits(9), field="fee", quoted_at="/quote")
    if issubclass(kind, SenderLimitedError):
        return SenderLimitedError(Limit.RATE, "may post 1 a minute", retry_after_seconds=Seconds(60))
    if issubclass(kind, FaucetLimitedError):
        given = FieldProblem("address", "has had its USDC")
        return FaucetLimitedError(Limit.FAUCET_ACCOUNT, given, again_at=Seconds(60), now=Instant(0))
    return kind("Something is wrong.", FieldProblem("amount", "is wrong"))


def body_of(shaped: dict[str, Any]) -> dict[str, Any]:
    """Read an answer's body."""
    body: dict[str, Any] = json.loads(shaped["body"])
    return body


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_a_problem_of_rfc_9457(kind: type[RequestError]) -> None:
    """Members of the RFC, our code, and the field with its reason."""
    shaped = problem(made(kind))

    body = body_of(shaped)
    status = HTTPStatus(shaped["statusCode"])
    assert shaped["headers"]["Content-Type"] == "application/problem+json"
    assert (body["type"], body["title"], body["status"]) == ("about:blank", status.phrase, status.value)
    assert body["code"] == kind.code
    assert body["detail"]
    assert [set(one) for one in body["errors"]] == [{"field", "reason"}]


def test_each_code_has_the_status_of_the_issue() -> None:
    """Clients branch on both."""
    assert {kind.code: STATUS_OF[kind].value for kind in REFUSALS} == ISSUE


def test_missing_funds_say_how_much_is_free() -> None:
    """As decimal strings, like every amount."""
    body = body_of(
        problem(InsufficientFundsError(free=TokenUnits(10**30), needed=TokenUnits(10**31), field="value"))
    )

    assert (body["free"], body["needed"]) == (str(10**30), str(10**31))
    assert body["errors"][0]["field"] == "value"


def test_a_fee_that_is_too_low_says_what_is_asked() -> None:
    """And where to ask."""
    error = FeeTooLowError(
        fee=TokenUnits(5), floor=TokenUnits(10**30), field="maxFee", quoted_at="/some/quote"
    )
    body = body_of(problem(error))

    assert (body["status"], body["floor"]) == (402, str(10**30))
    assert body["errors"] == [{"field": "maxFee", "reason": f"must be at least {10**30}"}]
    assert "POST /some/quote" in body["detail"]


def test_a_reached_limit_says_which_and_when_it_passes() -> None:
    """True seconds, not the same two as for everything that may pass."""
    shaped = problem(
        SenderLimitedError(Limit.DAILY_COUNT, "may post 5 a day (UTC)", retry_after_seconds=Seconds(3_601))
    )

    assert (shaped["statusCode"], shaped["headers"]["Retry-After"]) == (429, "3601")
    assert body_of(shaped)["limit"] == "daily_count"
    assert body_of(shaped)["errors"] == [{"field": "sender", "reason": "may post 5 a day (UTC)"}]


@pytest.mark.parametrize("kind", [kind for kind in REFUSALS if STATUS_OF[kind] in {429, 503}])
def test_what_passes_says_when_to_come_back(kind: type[RequestError]) -> None:
    """In seconds (RFC 9110)."""
    assert int(problem(made(kind))["headers"]["Retry-After"]) > 0


def test_a_full_store_is_503_and_tells_nothing_of_the_inside() -> None:
    """The cause is for our log; the client needs to know that sending again is safe."""
    shaped = problem(StoreUnavailableError("DynamoDB refused: table ferryman-prod-Transactions"))

    assert shaped["statusCode"] == 503
    assert int(shaped["headers"]["Retry-After"]) > 0
    assert body_of(shaped)["code"] == "store_unavailable"
    assert "DynamoDB" not in shaped["body"]


@pytest.mark.parametrize(
    "error",
    [
        FerrymanError("secret"),
        ChainUnreachableError(ChainId(1), "secret"),
        NonceTakenError(TransactionId("0xsecret")),
    ],
)
def test_our_own_mistake_is_500_and_tells_nothing_of_the_inside(error: FerrymanError) -> None:
    """Errors that no route should let through."""
    shaped = problem(error)

    assert shaped["statusCode"] == 500
    assert "secret" not in shaped["body"]
    assert body_of(shaped)["code"] == "internal_error"


def test_a_problem_without_fields_has_an_empty_list() -> None:
    """The same shape always: a client need not ask whether the list is there."""
    assert body_of(problem(InvalidFieldsError("Wrong.")))["errors"] == []


def test_an_answer_is_json_that_nobody_stores() -> None:
    """Records change every second."""
    shaped = answer(HTTPStatus.ACCEPTED, {"a": 1})

    assert shaped["statusCode"] == 202
    assert shaped["headers"]["Content-Type"] == "application/json"
    assert shaped["headers"]["Cache-Control"] == "no-store"
    assert body_of(shaped) == {"a": 1}
