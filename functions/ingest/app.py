"""HTTPS -> record: accept a signed message, or say what is wrong with it; and what to sign, and to pay."""

from http import HTTPStatus

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, ok, problem
from ferryman.adapters.http.callers import caller_of
from ferryman.adapters.http.correlation import correlation_id
from ferryman.adapters.http.requests import json_body, query_parameters
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.ingest import ingest_intents
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.access import Role
from ferryman.domain.errors import FerrymanError, RequestError
from ferryman.domain.metrics import Metric
from ferryman.intents import SIGNED
from ferryman.intents.kind import SERVICE_PATH, service_path
from ferryman.services.about import about
from ferryman.services.asking import nonce_request
from ferryman.services.records import record_of

telemetry = Telemetry()
logger = telemetry.logger
ingest, drafting = ingest_intents(telemetry)
KIND_AT = {path: kind.name for kind in SIGNED.values() for path in (kind.path, service_path(kind))}


def quote(event: Event) -> Answer:
    """POST /quote. Here, because the post that follows finds its function warm."""
    return ok(ingest.quoting.quote(json_body(event)))


def draft(event: Event) -> Answer:
    """POST /meta-transactions/quote and POST /forward-requests/quote."""
    kind = KIND_AT[event["resource"].removesuffix("/quote")]
    return ok(drafting[kind](json_body(event)))


def nonce(event: Event) -> Answer:
    """GET /nonces/{user}."""
    asked = nonce_request(event["pathParameters"]["user"], query_parameters(event), kinds=tuple(drafting))
    return ok(drafting[asked.kind].nonce(asked.signer, asked.chain_id))


before_signing = Routes(
    {
        "POST /quote": quote,
        **{f"POST {one.kind.path}/quote": draft for one in drafting.values()},
        "GET /nonces/{user}": nonce,
    },
    logger,
)


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer 202 to a new message, 200 to a repeated one and to a question, problem+json to any other."""
    if before_signing.has(event):
        return before_signing.answer(event)
    kind = KIND_AT[event["resource"]]
    with telemetry.timed(Metric.ACCEPTANCE_TIME, kind=kind):
        return accept(kind, event)


def accept(kind: str, event: Event) -> Answer:
    """Accept a message of a kind, or say why not."""
    try:
        if event["resource"].startswith(SERVICE_PATH):
            caller_of(event).require(Role.SERVICE)
        accepted = ingest(kind, json_body(event), correlation_id=correlation_id(event))
    except RequestError as error:
        logger.info("refused", extra={"code": error.code})
        telemetry.metrics.add(Metric.REFUSED, kind=kind, code=error.code)
        return problem(error)
    except FerrymanError as error:
        logger.exception("not accepted")
        return problem(error)
    row = accepted.transaction
    logger.info(
        "accepted" if accepted.is_new else "known already",
        extra={**about(row), "status": row.status.value},
    )
    return answer(HTTPStatus.ACCEPTED if accepted.is_new else HTTPStatus.OK, record_of(row))
