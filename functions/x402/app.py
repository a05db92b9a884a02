"""HTTPS -> x402: what a seller was offered is verified and settled; a refusal is an answer as well."""

from http import HTTPStatus
from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, ok
from ferryman.adapters.http.callers import source_ip
from ferryman.adapters.http.correlation import correlation_id
from ferryman.adapters.http.requests import json_body, query_parameters
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.bootstrap.x402 import facilitate
from ferryman.domain.errors import RequestError
from ferryman.domain.transaction import Transaction
from ferryman.intents.faucet.given import given
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.meta_transaction.facilitated import facilitated

telemetry = Telemetry()
facilitator, complete, give = facilitate(telemetry)
LARGEST_BODY: Final = 256 * 1024
"""Bytes. A seller's server sends along what its resource looks like, and an example of it."""


def verify(event: Event) -> Answer:
    """POST /verify."""
    try:
        body = json_body(event, most_bytes=LARGEST_BODY)
    except RequestError as error:
        return ok(facilitator.invalid(error))
    return ok(facilitator.verify(body))


def settle(event: Event) -> Answer:
    """POST /settle."""
    try:
        body = json_body(event, most_bytes=LARGEST_BODY)
    except RequestError as error:
        return ok(facilitator.unsettled(error))
    return ok(facilitator.settle(body, correlation_id=correlation_id(event)))


def supported(_event: Event) -> Answer:
    """GET /supported."""
    return ok(facilitator.supported())


def carry_out(event: Event) -> Answer:
    """POST /x402/facilitate: 200 when it is over, 202 when it is not yet."""
    body = json_body(event)
    row, chain = complete(META_TRANSACTION.name, body, correlation_id=correlation_id(event))
    return answer(_status(row), facilitated(row, chain))


def fill(event: Event) -> Answer:
    """POST /faucet/usdc: 200 when it is over, 202 when it is not yet."""
    row, asked = give(json_body(event), source=source_ip(event), correlation_id=correlation_id(event))
    return answer(_status(row), given(row, asked))


def resources(event: Event) -> Answer:
    """GET /discovery/resources."""
    return ok(facilitator.resources(query_parameters(event)))


routes = Routes(
    {
        "POST /verify": verify,
        "POST /settle": settle,
        "GET /supported": supported,
        "POST /x402/facilitate": carry_out,
        "POST /faucet/usdc": fill,
        "GET /discovery/resources": resources,
    },
    telemetry.logger,
)


def _status(row: Transaction) -> HTTPStatus:
    return HTTPStatus.OK if row.status.is_terminal else HTTPStatus.ACCEPTED


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer one request."""
    return routes.answer(event)
