"""The OpenAPI document: valid, complete, and with examples that are true."""

import json
from typing import Any
from urllib.parse import urljoin

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from ferryman.adapters.http.answers import STATUS_OF, problem
from ferryman.adapters.http.openapi.document import openapi_document
from ferryman.domain.errors import FieldProblem, InsufficientFundsError, InvalidFieldsError, RequestError
from ferryman.domain.units import ChainId, TokenUnits
from ferryman.intents import SIGNED
from ferryman.services.offer import Offer
from ferryman.services.records import event_of, record_of
from ferryman.version import VERSION
from tests.faults.messages import every_kind
from tests.support.payments import CHAIN_ID, chain_settings, signed_request
from tests.support.rows import accepted, received_row
from tests.support.template import rest_routes
from tests.support.transformed import api_body

DOCUMENT: dict[str, Any] = json.loads(json.dumps(openapi_document(SIGNED.values(), version=VERSION)))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
PROPERTIES = [
    (model, name, schema)
    for model, one in SCHEMAS.items()
    for name, schema in one.get("properties", {}).items()
]
_REGISTRY: Registry[Any] = Registry().with_resource(
    "urn:ferryman", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
)


OTHER_FORMS = {("/health/deep", "503"): "application/json", ("/metrics", "200"): "text/plain"}
"""A report of what is down is no problem of the request; and Prometheus reads its own format."""
ANSWERS = {
    "/payments": "Record",
    "/settlements": "Record",
    "/permit-transfers": "Record",
    "/verify": "X402Verification",
    "/settle": "X402Settlement",
    "/supported": "X402Support",
    "/service/verify": "X402Verification",
    "/service/settle": "X402Settlement",
    "/service/supported": "X402Support",
    "/discovery/resources": "X402Catalogue",
    "/forward-requests": "Record",
    "/forward-requests/quote": "ForwardRequestQuote",
    "/meta-transactions": "Record",
    "/meta-transactions/quote": "MetaTransactionQuote",
    "/x402/facilitate": "Facilitated",
    "/faucet/usdc": "Given",
    "/nonces/{user}": "FreeNonce",
    "/quote": "Quote",
    "/service/payments": "Record",
    "/service/settlements": "Record",
    "/service/permit-transfers": "Record",
    "/service/upto-transfers": "Record",
    "/service/forward-requests": "Record",
    "/service/meta-transactions": "Record",
    "/sign-in/challenge": "SignInChallenge",
    "/sign-in": "SignedIn",
    "/sign-out": "SignedOut",
    "/socket-tickets": "SocketTicket",
    "/transactions": "TransactionPage",
    "/transactions/{transaction_id}": "Record",
    "/transactions/{transaction_id}/events": "EventList",
    "/transactions/{transaction_id}/explain": "Explanation",
    "/wallets/{address}": "WalletExplanation",
    "/webhooks": "WebhookList",
    "/webhooks/{webhook_id}": "WebhookWithDeliveries",
    "/webhooks/{webhook_id}/rotate": "WebhookWithSecret",
    "/webhooks/{webhook_id}/enable": "Webhook",
    "/chains": "Deployment",
    "/health": "Health",
    "/health/ready": "Readiness",
    "/health/deep": "DeepHealth",
}
"""Each route and the model of its answer 200."""


def check(schema: dict[str, Any], value: object) -> None:
    """Validate a value against a schema of the document, with its references."""
    absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:ferryman#/'))
    Draft202012Validator(absolute, registry=_REGISTRY).validate(value)


def responses(operation: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of each status of an operation."""
    return {
        status: next(iter(response["content"].values()))["schema"]
        for status, response in operation["responses"].items()
    }


def test_it_is_valid_openapi() -> None:
    """By the standard's own schema, references resolved."""
    validate(DOCUMENT)


@pytest.mark.parametrize("route", ["/meta-transactions", "/forward-requests"])
def test_a_quote_may_be_refused_for_its_deadline_as_its_post_may(route: str) -> None:
    """410, as `check_deadline` has it."""
    quote, post = (responses(DOCUMENT["paths"][path]["post"]) for path in (f"{route}/quote", route))

    assert "410" in quote.keys() & post.keys()


def test_it_has_every_route_that_is_deployed_and_no_other() -> None:
    """Generated and deployed are two sources; here they meet. Operators' routes are not for the public."""
    documented = {(method, path) for method, path, _ in OPERATIONS}

    assert documented == {(method, path) for method, path, step in rest_routes() if step != "admin"}


def test_operation_ids_are_there_and_unique() -> None:
    """Client generators name their methods after them."""
    names = [operation["operationId"] for _, _, operation in OPERATIONS]

    assert all(name.isidentifier() for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=lambda value: str(value)[:40])
def test_every_operation_says_what_it_does_and_answers(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    """A summary, a success, and each error as a problem."""
    assert operation["summary"]
    assert any(status.startswith("2") for status in operation["responses"])
    for status, response in operation["responses"].items():
        expected = "application/json" if status.startswith("2") else "application/problem+json"
        assert list(response["content"]) == [OTHER_FORMS.get((path, status), expected)], (method, path)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=lambda value: str(value)[:40])
def test_every_part_of_a_path_is_a_parameter(method: str, path: str, operation: dict[str, Any]) -> None:
    """Of the same name as in the template."""
    named = {part.strip("{}") for part in path.split("/") if part.startswith("{")}

    parameters = operation.get("parameters", [])
    assert {one["name"] for one in parameters if one["in"] == "path"} == named
    assert all(one["description"] for one in parameters), method


@pytest.mark.parametrize("kind", SIGNED.values(), ids=list(SIGNED))
def test_a_post_documents_every_refusal_that_acceptance_has(kind: Any) -> None:  # noqa: ANN401 (any kind)
    """Every status of the error table but those of the read side."""
    of_others = {403, 404}
    refusals = {status.value for error, status in STATUS_OF.items() if issubclass(error, RequestError)}

    documented = {int(status) for status in DOCUMENT["paths"][kind.path]["post"]["responses"]}

    assert refusals - of_others <= documented
    assert {200, 202, 429} <= documented


@pytest.mark.parametrize("status", ["429", "503"])
def test_an_answer_that_passes_documents_when_to_come_back(status: str) -> None:
    """As a header, in seconds."""
    found = [
        operation["responses"][status] for _, _, operation in OPERATIONS if status in operation["responses"]
    ]

    assert found
    assert all("Retry-After" in response["headers"] for response in found)


@pytest.mark.parametrize(("model", "name", "schema"), PROPERTIES, ids=lambda value: str(value)[:40])
def test_every_example_is_valid_by_its_own_schema(model: str, name: str, schema: dict[str, Any]) -> None:
    """A reader copies the example first."""
    for example in schema.get("examples", ()):
        check({"$ref": f"#/components/schemas/{model}/properties/{name}"}, example)


@pytest.mark.parametrize(("model", "name", "schema"), PROPERTIES, ids=lambda value: str(value)[:40])
def test_every_plain_field_has_an_example(model: str, name: str, schema: dict[str, Any]) -> None:
    """Lists of models have theirs inside."""
    is_of_models = "$ref" in schema or "$ref" in schema.get("items", {})

    assert schema.get("examples") or is_of_models, (model, name)


def test_the_example_of_a_post_is_a_valid_body() -> None:
    """Every field, by the schema of its model; it is not signed, so it is refused as that."""
    for kind in SIGNED.values():
        content = DOCUMENT["paths"][kind.path]["post"]["requestBody"]["content"]["application/json"]
        check(content["schema"], content["example"])
        kind.request_model.model_validate(content["example"])


def test_a_signed_payment_is_valid_by_the_schema() -> None:
    """A generated client validates before it sends."""
    check(SCHEMAS["PaymentRequest"], signed_request())


@pytest.mark.parametrize("field", ["amount", "chain_id", "signature", "from"])
def test_a_body_without_a_field_is_not(field: str) -> None:
    """The check above can fail."""
    body = {name: value for name, value in signed_request().items() if name != field}

    assert not Draft202012Validator(SCHEMAS["PaymentRequest"], registry=_REGISTRY).is_valid(body)


def test_what_we_answer_is_a_record_of_the_document() -> None:
    """The same keys, neither more nor fewer, of the documented types."""
    row, event = accepted(received_row())
    record = record_of(row)

    check(SCHEMAS["Record"], record)
    check(SCHEMAS["PublicEvent"], event_of(event))
    assert record.keys() == SCHEMAS["Record"]["properties"].keys()
    assert set(SCHEMAS["Record"]["required"]) == record.keys()
    assert event_of(event).keys() == SCHEMAS["PublicEvent"]["properties"].keys()


@pytest.mark.parametrize(
    "error",
    [
        InvalidFieldsError("Wrong.", FieldProblem("amount", "is wrong")),
        InsufficientFundsError(free=TokenUnits(1), needed=TokenUnits(2), field="amount"),
    ],
    ids=["fields", "funds"],
)
def test_what_we_refuse_with_is_a_problem_of_the_document(error: RequestError) -> None:
    """With its extension members."""
    body = json.loads(problem(error)["body"])

    check(SCHEMAS["Problem"], body)
    assert body.keys() <= SCHEMAS["Problem"]["properties"].keys()


def test_a_route_names_its_credentials_exactly_if_it_asks_for_them() -> None:
    """What is deployed says which do; every scheme is described, and a 401 documented."""
    body = api_body()
    guarded = {
        (method, path)
        for path, methods in body["paths"].items()
        for method, operation in methods.items()
        if "CallerAuthorizer" in json.dumps(operation.get("security"))
    }

    documented = {(method, path) for method, path, operation in OPERATIONS if operation.get("security")}

    assert documented == guarded
    named = {name for _, _, operation in OPERATIONS for one in operation.get("security", ()) for name in one}
    assert named == DOCUMENT["components"]["securitySchemes"].keys()
    assert all("401" in DOCUMENT["paths"][path][method]["responses"] for method, path in documented)


def test_reads_answer_with_the_documented_models() -> None:
    """Each route's own."""
    models = {
        path: responses(operation).get("200", {}).get("$ref", "")
        for method, path, operation in OPERATIONS
        if method != "delete"
    }

    assert {path: ref.rsplit("/", 1)[-1] for path, ref in models.items() if ref} == ANSWERS


def test_the_offer_is_a_deployment_of_the_document() -> None:
    """What a client signs by."""
    plain = chain_settings()
    with_every_kind = plain.model_copy(update=every_kind(plain))
    chains = {CHAIN_ID: plain, ChainId(CHAIN_ID + 1): with_every_kind}
    offer = Offer(kinds=SIGNED, chains=chains, websocket_url="wss://socket.example/v1")

    check(SCHEMAS["Deployment"], offer.public())
    assert offer.public()["chains"][0].keys() == SCHEMAS["ChainOffer"]["properties"].keys()


def test_it_says_the_version_and_no_address_of_its_own() -> None:
    """The same document behind any stage, domain name or emulator: its server is where it came from."""
    assert DOCUMENT["info"]["version"] == VERSION
    assert [urljoin("http://api.example/v1/openapi.json", one["url"]) for one in DOCUMENT["servers"]] == [
        "http://api.example/v1/"
    ]
