"""HTTPS, signed by an operator (AWS_IAM) -> what operators see and do."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import answer, problem
from ferryman.adapters.http.requests import json_body, query_parameters
from ferryman.bootstrap.admin import administer
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.domain.errors import FerrymanError, NotFoundError, RequestError
from ferryman.services.admin import admin_list
from ferryman.services.topics import parsed_transaction_id

telemetry = Telemetry()
logger = telemetry.logger
services = administer(telemetry)

Event = dict[str, Any]


def operator(event: Event) -> str:
    """Who signed the request, as API Gateway checked."""
    return str(event["requestContext"]["identity"].get("userArn") or "unknown")


def status(_event: Event) -> Mapping[str, Any]:
    """GET /admin/status."""
    return services.admin.status()


def transactions(event: Event) -> Mapping[str, Any]:
    """GET /admin/transactions."""
    return services.admin.transactions(admin_list(query_parameters(event), services.admin.chains.keys()))


def transaction(event: Event) -> Mapping[str, Any]:
    """GET /admin/transactions/{transaction_id}."""
    return services.admin.show(parsed_transaction_id(event["pathParameters"]["transaction_id"]))


def retry(event: Event) -> Mapping[str, Any]:
    """POST /admin/transactions/{transaction_id}/retry."""
    name = parsed_transaction_id(event["pathParameters"]["transaction_id"])
    return services.retrying(name, by=operator(event))


def wallets(_event: Event) -> Mapping[str, Any]:
    """GET /admin/wallets."""
    return {"wallets": services.admin.pool()}


def pause(event: Event) -> Mapping[str, Any]:
    """POST /admin/pause."""
    return services.pausing.pause(json_body(event), by=operator(event))


def resume(event: Event) -> Mapping[str, Any]:
    """POST /admin/resume."""
    return services.pausing.resume(json_body(event), by=operator(event))


def dead_letters(_event: Event) -> Mapping[str, Any]:
    """GET /admin/deadletters."""
    return {"queues": services.redriving.letters()}


def redrive(event: Event) -> Mapping[str, Any]:
    """POST /admin/deadletters/redrive."""
    return services.redriving.redrive(json_body(event), by=operator(event))


def keys(_event: Event) -> Mapping[str, Any]:
    """GET /admin/keys."""
    return {"keys": services.keys.list()}


def create_key(event: Event) -> Mapping[str, Any]:
    """POST /admin/keys."""
    return services.keys.create(json_body(event), by=operator(event))


def revoke_key(event: Event) -> Mapping[str, Any]:
    """DELETE /admin/keys/{key_id}."""
    return services.keys.revoke(event["pathParameters"]["key_id"], by=operator(event))


def recover(event: Event) -> Mapping[str, Any]:
    """POST /admin/recover."""
    return services.recovering(json_body(event))


ROUTES: Mapping[str, Callable[[Event], Mapping[str, Any]]] = {
    "GET /admin/status": status,
    "GET /admin/transactions": transactions,
    "GET /admin/transactions/{transaction_id}": transaction,
    "POST /admin/transactions/{transaction_id}/retry": retry,
    "GET /admin/wallets": wallets,
    "POST /admin/pause": pause,
    "POST /admin/resume": resume,
    "GET /admin/deadletters": dead_letters,
    "POST /admin/deadletters/redrive": redrive,
    "GET /admin/keys": keys,
    "POST /admin/keys": create_key,
    "DELETE /admin/keys/{key_id}": revoke_key,
    "POST /admin/recover": recover,
}


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer one operator's request."""
    name = f"{event['httpMethod']} {event['resource']}"
    route = ROUTES.get(name)
    try:
        if route is None:
            raise NotFoundError("There is no such route.")
        shaped = answer(HTTPStatus.OK, route(event))
    except RequestError as error:
        shaped = problem(error)
    except FerrymanError as error:
        logger.exception("not answered")
        shaped = problem(error)
    logger.info(
        "answered", extra={"route": name, "status": shaped["statusCode"], "operator": operator(event)}
    )
    return shaped
