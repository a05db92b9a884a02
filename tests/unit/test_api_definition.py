"""The REST API as CloudFormation gets it: what SAM makes of the template."""

from typing import Any, Final

import pytest

from tests.support.template import rest_routes
from tests.support.transformed import api_body

COUNTED: Final = {
    ("get", "/service/supported"),
    ("get", "/transactions"),
    ("post", "/service/forward-requests"),
    ("post", "/service/meta-transactions"),
    ("post", "/service/payments"),
    ("post", "/service/settlements"),
    ("post", "/service/permit-transfers"),
    ("post", "/service/settle"),
    ("post", "/service/upto-transfers"),
    ("post", "/service/verify"),
    ("post", "/sign-out"),
    ("post", "/socket-tickets"),
}
"""Routes whose calls a usage plan counts."""
OPEN: Final = {
    ("get", "/chains"),
    ("get", "/health"),
    ("get", "/health/ready"),
    ("get", "/nonces/{user}"),
    ("get", "/openapi.json"),
    ("get", "/transactions/{transaction_id}"),
    ("get", "/transactions/{transaction_id}/events"),
    ("post", "/forward-requests"),
    ("post", "/forward-requests/quote"),
    ("post", "/meta-transactions"),
    ("post", "/meta-transactions/quote"),
    ("post", "/payments"),
    ("post", "/quote"),
    ("post", "/faucet/usdc"),
    ("get", "/discovery/resources"),
    ("get", "/supported"),
    ("post", "/settle"),
    ("post", "/settlements"),
    ("post", "/permit-transfers"),
    ("post", "/verify"),
    ("post", "/x402/facilitate"),
    ("post", "/sign-in"),
    ("post", "/sign-in/challenge"),
}
"""Routes for everybody: a new one has to be written down here."""


def on_aws(security: Any) -> list[dict[str, Any]]:  # noqa: ANN401 (a list, or a condition of two)
    """Give the requirements of a route on AWS."""
    return list(security["Fn::If"][1] if isinstance(security, dict) else security or [])


def requirements() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Give what each route asks of its caller, but for the preflights."""
    return {
        (method, path): on_aws(operation.get("security"))
        for path, methods in api_body()["paths"].items()
        for method, operation in methods.items()
        if method != "options"
    }


def test_every_route_is_there() -> None:
    """As the functions' events say."""
    assert requirements().keys() == {(method, path) for method, path, _ in rest_routes()}


def test_no_route_names_a_scheme_that_is_not_defined() -> None:
    """API Gateway would take it for none, and let everybody in."""
    schemes = api_body()["components"]["securitySchemes"]
    named = {name for wanted in requirements().values() for one in wanted for name in one}

    assert named <= schemes.keys()
    assert schemes["AWS_IAM"]["x-amazon-apigateway-authtype"] == "awsSigv4"


@pytest.mark.parametrize(("route", "wanted"), requirements().items(), ids=str)
def test_a_route_asks_for_what_it_should(route: tuple[str, str], wanted: list[dict[str, Any]]) -> None:
    """Operators' routes for AWS credentials, the open ones for nothing, all others for a caller."""
    schemes = {name for one in wanted for name in one}

    if route[1].startswith("/admin/"):
        assert schemes == {"AWS_IAM"}
    elif route in OPEN:
        assert not schemes
    else:
        assert schemes == {"CallerAuthorizer"} | ({"api_key"} if route in COUNTED else set())


def test_an_authorizer_is_asked_every_time() -> None:
    """Nothing is cached: what was revoked ends at once, and either header may carry the credentials."""
    scheme = api_body()["components"]["securitySchemes"]["CallerAuthorizer"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]

    assert (authorizer["type"], authorizer["authorizerResultTtlInSeconds"]) == ("request", 0)


def test_a_preflight_is_answered_to_anybody() -> None:
    """A browser asks it without credentials."""
    for methods in api_body()["paths"].values():
        assert not methods.get("options", {}).get("security")
