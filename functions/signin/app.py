"""HTTPS -> token: sign in by a signature, sign out, and get a ticket for a WebSocket."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import ok
from ferryman.adapters.http.callers import bearer_token, caller_of
from ferryman.adapters.http.requests import json_body
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.signin import sign_callers_in
from ferryman.bootstrap.telemetry import Telemetry

telemetry = Telemetry()
signing, tickets, config = sign_callers_in()


def challenge(event: Event) -> Answer:
    """POST /sign-in/challenge."""
    return ok(signing.challenge(json_body(event), origins=origins(event)))


def sign_in(event: Event) -> Answer:
    """POST /sign-in."""
    return ok(signing.sign_in(json_body(event), origins=origins(event)))


def sign_out(event: Event) -> Answer:
    """POST /sign-out."""
    return ok(signing.sign_out(caller_of(event), bearer_token(event)))


def ticket(event: Event) -> Answer:
    """POST /socket-tickets."""
    return ok(tickets.issue(caller_of(event)))


def origins(event: Event) -> tuple[str, ...]:
    """Give who may ask for sign-ins: the API's id is API Gateway's word, not the client's."""
    return config.origins(event["requestContext"]["apiId"])


routes = Routes(
    {
        "POST /sign-in/challenge": challenge,
        "POST /sign-in": sign_in,
        "POST /sign-out": sign_out,
        "POST /socket-tickets": ticket,
    },
    telemetry.logger,
)


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer one request; what it carried, and what it was given, is never logged."""
    return routes.answer(event)
