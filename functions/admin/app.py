"""HTTPS, signed by an operator (AWS_IAM) -> what operators see and do."""

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.answers import ok
from ferryman.adapters.http.requests import json_body, query_parameters
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.bootstrap.admin import administer
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.services.admin import admin_list
from ferryman.services.explaining import wallet_request
from ferryman.services.topics import parsed_address, parsed_transaction_id

telemetry = Telemetry()
services = administer(telemetry)


def operator(event: Event) -> str:
    """Who signed the request, as API Gateway checked."""
    return str(event["requestContext"]["identity"].get("userArn") or "unknown")


def status(_event: Event) -> Answer:
    """GET /admin/status."""
    return ok(services.admin.status())


def transactions(event: Event) -> Answer:
    """GET /admin/transactions."""
    return ok(services.admin.transactions(admin_list(query_parameters(event), services.admin.chains.keys())))


def transaction(event: Event) -> Answer:
    """GET /admin/transactions/{transaction_id}."""
    return ok(services.admin.show(parsed_transaction_id(event["pathParameters"]["transaction_id"])))


def explanation(event: Event) -> Answer:
    """GET /admin/transactions/{transaction_id}/explain."""
    name = parsed_transaction_id(event["pathParameters"]["transaction_id"])
    return ok(services.explaining.transaction(name))


def retry(event: Event) -> Answer:
    """POST /admin/transactions/{transaction_id}/retry."""
    name = parsed_transaction_id(event["pathParameters"]["transaction_id"])
    return ok(services.retrying(name, by=operator(event)))


def wallets(_event: Event) -> Answer:
    """GET /admin/wallets."""
    return ok({"wallets": services.admin.pool()})


def wallet(event: Event) -> Answer:
    """GET /admin/wallets/{address}."""
    explaining, address = services.explaining, event["pathParameters"]["address"]
    return ok(explaining.wallet(*wallet_request(address, query_parameters(event), explaining.chains)))


def wallet_state(event: Event) -> Answer:
    """POST /admin/wallets/{address}/state."""
    address = parsed_address("address", event["pathParameters"]["address"])
    return ok(services.rotating(address, json_body(event), by=operator(event)))


def wallet_reset(event: Event) -> Answer:
    """POST /admin/wallets/{address}/reset."""
    address = parsed_address("address", event["pathParameters"]["address"])
    return ok(services.resetting(address, json_body(event), by=operator(event)))


def wallet_sweep(event: Event) -> Answer:
    """POST /admin/wallets/{address}/sweep."""
    address = parsed_address("address", event["pathParameters"]["address"])
    return ok(services.emptying(address, json_body(event), by=operator(event)))


def pause(event: Event) -> Answer:
    """POST /admin/pause."""
    return ok(services.pausing.pause(json_body(event), by=operator(event)))


def resume(event: Event) -> Answer:
    """POST /admin/resume."""
    return ok(services.pausing.resume(json_body(event), by=operator(event)))


def dead_letters(_event: Event) -> Answer:
    """GET /admin/deadletters."""
    return ok({"queues": services.redriving.letters()})


def redrive(event: Event) -> Answer:
    """POST /admin/deadletters/redrive."""
    return ok(services.redriving.redrive(json_body(event), by=operator(event)))


def keys(_event: Event) -> Answer:
    """GET /admin/keys."""
    return ok({"keys": services.keys.list()})


def create_key(event: Event) -> Answer:
    """POST /admin/keys."""
    return ok(services.keys.create(json_body(event), by=operator(event)))


def revoke_key(event: Event) -> Answer:
    """DELETE /admin/keys/{key_id}."""
    return ok(services.keys.revoke(event["pathParameters"]["key_id"], by=operator(event)))


def recover(event: Event) -> Answer:
    """POST /admin/recover."""
    return ok(services.recovering(json_body(event)))


routes = Routes(
    {
        "GET /admin/status": status,
        "GET /admin/transactions": transactions,
        "GET /admin/transactions/{transaction_id}": transaction,
        "GET /admin/transactions/{transaction_id}/explain": explanation,
        "POST /admin/transactions/{transaction_id}/retry": retry,
        "GET /admin/wallets": wallets,
        "GET /admin/wallets/{address}": wallet,
        "POST /admin/wallets/{address}/state": wallet_state,
        "POST /admin/wallets/{address}/reset": wallet_reset,
        "POST /admin/wallets/{address}/sweep": wallet_sweep,
        "POST /admin/pause": pause,
        "POST /admin/resume": resume,
        "GET /admin/deadletters": dead_letters,
        "POST /admin/deadletters/redrive": redrive,
        "GET /admin/keys": keys,
        "POST /admin/keys": create_key,
        "DELETE /admin/keys/{key_id}": revoke_key,
        "POST /admin/recover": recover,
    },
    telemetry.logger,
)


@telemetry.answering
def handler(event: Event, context: LambdaContext) -> Answer:
    """Answer one operator's request."""
    return routes.answer(event, operator=operator(event))
