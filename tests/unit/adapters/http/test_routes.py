"""One request, one answer and one line about it, whatever comes of it."""

import json
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from aws_lambda_powertools import Logger

from ferryman.adapters.http.answers import ok
from ferryman.adapters.http.routes import Answer, Event, Routes
from ferryman.domain.errors import (
    FerrymanError,
    FieldProblem,
    InvalidFieldsError,
    StoreUnavailableError,
)

BODY = "what a client sent"


class Served:
    """Routes whose only one answers, or raises, what the test wants."""

    def __init__(self, outcome: dict[str, Any] | FerrymanError) -> None:
        self._lines = StringIO()
        self._outcome = outcome
        # Loggers of one name are one logger, with the first one's stream.
        logger = Logger(service=uuid4().hex, stream=self._lines, level="INFO")
        self.routes = Routes({"GET /things/{thing}": self._thing}, logger)

    def _thing(self, event: Event) -> Answer:
        assert event["body"] == BODY
        if isinstance(self._outcome, FerrymanError):
            raise self._outcome
        return ok(self._outcome)

    def lines(self) -> list[dict[str, Any]]:
        """Give what was logged."""
        return [json.loads(line) for line in self._lines.getvalue().splitlines()]


def request(method: str = "GET", resource: str = "/things/{thing}") -> Event:
    """Build a request as API Gateway hands it over."""
    return {"httpMethod": method, "resource": resource, "body": BODY}


def test_a_request_reaches_its_route_and_leaves_one_line() -> None:
    """The line names the route, not the path with its ids, and what the function adds to it."""
    served = Served({"thing": 1})

    answer = served.routes.answer(request(), operator="somebody")

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {"thing": 1}
    (line,) = served.lines()
    assert (line["message"], line["level"]) == ("answered", "INFO")
    assert (line["route"], line["status"], line["operator"]) == ("GET /things/{thing}", 200, "somebody")
    assert "code" not in line


def test_a_refusal_names_its_code_and_the_fields_but_not_what_was_in_them() -> None:
    """Enough to see what clients get wrong; a value may be a signature."""
    problem = FieldProblem("amount", f"must be a number, not {BODY}")
    served = Served(InvalidFieldsError("Some fields are wrong.", problem))

    answer = served.routes.answer(request())

    assert answer["statusCode"] == 422
    (line,) = served.lines()
    assert (line["status"], line["code"], line["fields"]) == (422, "invalid_fields", ["amount"])
    assert BODY not in json.dumps(line)


def test_what_could_not_be_answered_is_an_error_with_its_cause() -> None:
    """An operator's search for errors finds it, and the one line of the request says what was told."""
    served = Served(StoreUnavailableError("DynamoDB refused Query: AccessDeniedException"))

    answer = served.routes.answer(request())

    assert answer["statusCode"] == 503
    failed, answered = served.lines()
    assert (failed["level"], failed["message"]) == ("ERROR", "not answered")
    assert "AccessDeniedException" in failed["exception"]
    assert (answered["message"], answered["status"]) == ("answered", 503)


@pytest.mark.parametrize(
    ("method", "resource"), [("GET", "/nothing"), ("POST", "/things/{thing}")], ids=["path", "method"]
)
def test_a_request_for_nothing_that_is_served_is_not_found(method: str, resource: str) -> None:
    """API Gateway asks only for what the template has; if it ever asks for more, that is no crash."""
    served = Served({})

    answer = served.routes.answer(request(method, resource))

    assert answer["statusCode"] == 404
    (line,) = served.lines()
    assert (line["route"], line["code"]) == (f"{method} {resource}", "not_found")
