"""HTTPS -> record: accept a signed message, or say what is wrong with it."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, problem
from ferryman.adapters.http.requests import json_body
from ferryman.bootstrap.ingest import ingest_intents
from ferryman.domain.errors import FerrymanError, RequestError
from ferryman.intents import KINDS
from ferryman.services.records import record_of

logger = Logger()
ingest = ingest_intents(logger)
KIND_AT = {kind.path: kind.name for kind in KINDS.values()}


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer 202 to a new message, 200 to a repeated one, problem+json to any other."""
    try:
        accepted = ingest(KIND_AT[event["resource"]], json_body(event))
    except RequestError as error:
        logger.info("refused", extra={"code": error.code})
        return problem(error)
    except FerrymanError as error:
        logger.exception("not accepted")
        return problem(error)
    row = accepted.transaction
    logger.info(
        "accepted" if accepted.is_new else "known already",
        extra={"transaction_id": row.transaction_id, "status": row.status.value},
    )
    return answer(HTTPStatus.ACCEPTED if accepted.is_new else HTTPStatus.OK, record_of(row))
