"""Answers of the REST API, and the one table from errors to HTTP (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from ferryman.domain.errors import (
    AllowanceRequiredError,
    AssuranceUnavailableError,
    BodyDiffersError,
    ContractMismatchError,
    DeadlinePassedError,
    FactoryNotAllowedError,
    FerrymanError,
    InsufficientFundsError,
    InvalidFieldsError,
    MalformedRequestError,
    NonceOutOfOrderError,
    NonceUsedError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    NotRetriableError,
    RequestError,
    RequestTooLargeError,
    SignInRefusedError,
    StoreUnavailableError,
    TargetNotAllowedError,
    TrialFailedError,
    UnsupportedMediaTypeError,
    WalletBusyError,
    WrongSignerError,
)
from ferryman.domain.faucet import FaucetLimitedError
from ferryman.domain.pricing import FeeTooLowError
from ferryman.domain.quotas import SenderLimitedError

STATUS_OF: Final[Mapping[type[FerrymanError], HTTPStatus]] = MappingProxyType(
    {
        MalformedRequestError: HTTPStatus.BAD_REQUEST,
        WrongSignerError: HTTPStatus.UNAUTHORIZED,
        NotAuthenticatedError: HTTPStatus.UNAUTHORIZED,
        SignInRefusedError: HTTPStatus.UNAUTHORIZED,
        InsufficientFundsError: HTTPStatus.PAYMENT_REQUIRED,
        FeeTooLowError: HTTPStatus.PAYMENT_REQUIRED,
        NotAllowedError: HTTPStatus.FORBIDDEN,
        AllowanceRequiredError: HTTPStatus.PAYMENT_REQUIRED,
        NotFoundError: HTTPStatus.NOT_FOUND,
        NonceUsedError: HTTPStatus.CONFLICT,
        NonceOutOfOrderError: HTTPStatus.CONFLICT,
        BodyDiffersError: HTTPStatus.CONFLICT,
        NotRetriableError: HTTPStatus.CONFLICT,
        WalletBusyError: HTTPStatus.CONFLICT,
        DeadlinePassedError: HTTPStatus.GONE,
        RequestTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        InvalidFieldsError: HTTPStatus.UNPROCESSABLE_ENTITY,
        TargetNotAllowedError: HTTPStatus.UNPROCESSABLE_ENTITY,
        TrialFailedError: HTTPStatus.UNPROCESSABLE_ENTITY,
        FactoryNotAllowedError: HTTPStatus.UNPROCESSABLE_ENTITY,
        SenderLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
        FaucetLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
        AssuranceUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
        ContractMismatchError: HTTPStatus.SERVICE_UNAVAILABLE,
        StoreUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Anything that is not here is 500: our own mistake."""

RETRY_AFTER_SECONDS: Final = 2
_HEADERS: Final = MappingProxyType(
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Retry-After, X-Request-Id",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
)


def answer(status: HTTPStatus, body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
    """Shape an answer for API Gateway's proxy integration."""
    return {
        "statusCode": status.value,
        "headers": {**_HEADERS, "Content-Type": "application/json", **headers},
        "body": json.dumps(body),
    }


def ok(body: Mapping[str, Any]) -> dict[str, Any]:
    """Shape the answer to what went well."""
    return answer(HTTPStatus.OK, body)


def text_answer(body: str, content_type: str) -> dict[str, Any]:
    """Shape an answer that is not JSON."""
    headers = {**_HEADERS, "Content-Type": content_type}
    return {"statusCode": HTTPStatus.OK.value, "headers": headers, "body": body}


def problem(error: Exception) -> dict[str, Any]:
    """Shape an error as problem+json; what is not ours to tell is not told."""
    status = _status(error)
    body: dict[str, Any] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    if isinstance(error, RequestError):
        errors = [{"field": one.field, "reason": one.reason} for one in error.problems]
        body |= {"code": error.code, "detail": error.detail, "errors": errors}
    elif isinstance(error, StoreUnavailableError):
        detail = (
            "A table or queue cannot be reached now. Send the same request again: it is never done twice."
        )
        body |= {"code": "store_unavailable", "detail": detail, "errors": []}
    else:
        body |= {"code": "internal_error", "detail": "Something went wrong here.", "errors": []}
    if isinstance(error, FeeTooLowError):
        body |= {"floor": str(error.floor)}
    if isinstance(error, SenderLimitedError | FaucetLimitedError):
        body |= {"limit": error.limit.value}
    if isinstance(error, InsufficientFundsError):
        body |= {"free": str(error.free), "needed": str(error.needed)}
    shaped = answer(status, body)
    shaped["headers"]["Content-Type"] = "application/problem+json"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        shaped["headers"]["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, SenderLimitedError | FaucetLimitedError):
        shaped["headers"]["Retry-After"] = str(error.retry_after_seconds)
    return shaped


def _status(error: Exception) -> HTTPStatus:
    found = (STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)
