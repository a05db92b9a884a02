"""HTTPS -> x402: what a seller was offered is verified and settled; a refusal is an answer as well."""

from http import HTTPStatus
from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, ok
from ferryman.adapters.http.callers import caller_of, source_ip
from ferryman.adapters.http.correlation import correlation_id
from ferryman.adapters.http.requests import json_body, query_parameters
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.bootstrap.x402 import facilitate
from ferryman.domain.access import Role
from ferryman.domain.errors import RequestError
from ferryman.domain.transaction import Transaction
from ferryman.intents.faucet.given import given
from ferryman.intents.kind import SERVICE_PATH
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.meta_transaction.facilitated import facilitated
from ferryman.services.x402 import Facilitator

telemetry = Telemetry()
open_facilitator, complete, give = facilitate(telemetry)
trusting_facilitator = open_facilitator.of_known_sellers()
LARGEST_BODY: Final = 256 * 1024
"""Bytes. A seller's server sends along what its resource looks like, and an example of it."""


def facilitator_for(event: Event) -> Facilitator:
    """Give the facilitator of whoever asks: of everybody, or of sellers with an API key.

    Raises:
        NotAllowedError: the key's role is too small for a seller.

    """
    if not event["resource"].startswith(SERVICE_PATH):
        return open_facilitator
    caller_of(event).require(Role.SERVICE)
    return trusting_facilitator


def verify(event: Event) -> Answer:
    """POST /verify and /service/verify."""
    facilitator = facilitator_for(event)
    try:
        body = json_body(event, most_bytes=LARGEST_BODY)
    except RequestError as error:
        return ok(facilitator.invalid(error))
    return ok(facilitator.verify(body))


def settle(event: Event) -> Answer:
    """POST /settle and /service/settle."""
    facilitator = facilitator_for(event)
    try:
        body = json_body(event, most_bytes=LARGEST_BODY)
    except RequestError as error:
        return ok(facilitator.unsettled(error))
    return ok(facilitator.settle(body, correlation_id=correlation_id(event)))


def supported(event: Event) -> Answer:
    """GET /supported and /service/supported."""
    return ok(facilitator_for(event).supported())


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
    return ok(open_facilitator.resources(query_parameters(event)))


routes = Routes(
    {
        "POST /verify": verify,
        "POST /settle": settle,
        "GET /supported": supported,
        "POST /service/verify": verify,
        "POST /service/settle": settle,
        "GET /service/supported": supported,
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
