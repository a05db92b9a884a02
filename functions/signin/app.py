"""HTTPS -> token: sign in by a signature, sign out, and get a ticket for a WebSocket."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, problem
from ferryman.adapters.http.callers import bearer_token, caller_of
from ferryman.adapters.http.requests import json_body
from ferryman.bootstrap.signin import sign_callers_in
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.errors import FerrymanError, NotFoundError, RequestError

telemetry = Telemetry()
logger = telemetry.logger
signing, tickets, config = sign_callers_in()

Event = dict[str, Any]


def challenge(event: Event) -> Mapping[str, Any]:
    """POST /sign-in/challenge."""
    return signing.challenge(json_body(event), origins=origins(event))


def sign_in(event: Event) -> Mapping[str, Any]:
    """POST /sign-in."""
    return signing.sign_in(json_body(event), origins=origins(event))


def sign_out(event: Event) -> Mapping[str, Any]:
    """POST /sign-out."""
    return signing.sign_out(caller_of(event), bearer_token(event))


def ticket(event: Event) -> Mapping[str, Any]:
    """POST /socket-tickets."""
    return tickets.issue(caller_of(event))


def origins(event: Event) -> tuple[str, ...]:
    """Give who may ask for sign-ins: the API's id is API Gateway's word, not the client's."""
    return config.origins(event["requestContext"]["apiId"])


ROUTES: Mapping[str, Callable[[Event], Mapping[str, Any]]] = {
    "/sign-in/challenge": challenge,
    "/sign-in": sign_in,
    "/sign-out": sign_out,
    "/socket-tickets": ticket,
}


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer one request; what it carried, and what it was given, is never logged."""
    route = ROUTES.get(event["resource"])
    try:
        if route is None:
            raise NotFoundError("There is no such route.")
        shaped = answer(HTTPStatus.OK, route(event))
    except RequestError as error:
        logger.info("refused", extra={"code": error.code, "fields": [one.field for one in error.problems]})
        shaped = problem(error)
    except FerrymanError as error:
        logger.exception("not answered")
        shaped = problem(error)
    logger.info("answered", extra={"route": event["resource"], "status": shaped["statusCode"]})
    return shaped
