"""The body of a request, before anybody knows what it should hold."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.adapters.http.requests import LARGEST_BODY, json_body, query_parameters
from ferryman.domain.errors import (
    InvalidFieldsError,
    MalformedRequestError,
    RequestError,
    RequestTooLargeError,
    UnsupportedMediaTypeError,
)
from ferryman.intents.payment import PAYMENT
from tests.support.payments import CHAIN_ID, chain_settings
from tests.support.strategies import json_values

JSON = {"content-type": "application/json"}


def event(body: str | None, **changes: object) -> dict[str, Any]:
    """Give an API Gateway event with that body."""
    return {"headers": JSON, "body": body, "isBase64Encoded": False, **changes}


def refused(one: dict[str, Any], by: type[RequestError]) -> RequestError:
    """Read a body that must be refused, and give the refusal."""
    with pytest.raises(by) as error:
        json_body(one)
    return error.value


def nested(depth: int, *, opening: str = '{"a":', closing: str = "}") -> str:
    """Write JSON that is that deep."""
    return opening * depth + "1" + closing * depth


@given(body=st.dictionaries(st.text(), json_values, max_size=5))
def test_an_object_is_read_as_any_json_reader_would(body: dict[str, Any]) -> None:
    """Whatever is in it; NaN and its like are not JSON."""
    try:
        text = json.dumps(body, allow_nan=False)
    except ValueError:
        refused(event(json.dumps(body)), MalformedRequestError)
        return

    assert json_body(event(text)) == body


@given(body=st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_an_object_or_refused(body: str) -> None:
    """Never another error: that would be a 500."""
    try:
        parsed = json_body(event(body))
    except RequestError:
        return

    assert isinstance(parsed, dict)


@given(body=st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_any_claimed_base64_is_an_object_or_refused(body: str) -> None:
    """Also where the claim is wrong."""
    try:
        parsed = json_body(event(body, isBase64Encoded=True))
    except RequestError:
        return

    assert isinstance(parsed, dict)


def test_base64_is_read() -> None:
    """API Gateway sends bodies of binary media types so."""
    body = base64.b64encode(b'{"a": 1}').decode()

    assert json_body(event(body, isBase64Encoded=True)) == {"a": 1}


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
    ],
)
@pytest.mark.parametrize("name", ["content-type", "Content-Type", "CONTENT-TYPE"])
def test_a_body_declared_as_json_is_read(name: str, media_type: str) -> None:
    """Header names have no case; API Gateway gives them as the client wrote them."""
    assert json_body(event("{}", headers={name: media_type})) == {}


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/jsonp"},
        {"content-type": "multipart/form-data; boundary=application/json"},
        {"accept": "application/json"},
    ],
)
def test_a_body_declared_otherwise_is_refused(headers: dict[str, str] | None) -> None:
    """A browser form can post without asking first only as something else than JSON."""
    error = refused(event("{}", headers=headers), UnsupportedMediaTypeError)

    assert [problem.field for problem in error.problems] == ["Content-Type"]


def test_a_body_of_a_megabyte_is_refused_unread() -> None:
    """It says how much is taken."""
    error = refused(event('{"a":"' + "x" * 10**6 + '"}'), RequestTooLargeError)

    (problem,) = error.problems
    assert str(LARGEST_BODY) in problem.reason


def test_the_limit_counts_bytes_and_includes_the_last() -> None:
    """A letter may have several bytes."""
    padding = "é" * ((LARGEST_BODY - len('{"a":""}')) // 2)
    largest = '{"a":"' + padding + '"}'
    assert len(largest.encode()) == LARGEST_BODY

    assert json_body(event(largest)) == {"a": padding}
    refused(event(largest + " "), RequestTooLargeError)


@pytest.mark.parametrize(
    "body",
    [
        nested(1_000),
        nested(LARGEST_BODY // 6 - 1),
        nested(1_000, opening="[", closing="]"),
        nested(LARGEST_BODY // 2 - 1, opening="[", closing="]"),
        '{"amount":' + nested(LARGEST_BODY // 2 - 20, opening="[", closing="]") + "}",
        '{"amount":' + nested(2_000) + "}",
    ],
    ids=["objects", "most objects", "arrays", "most arrays", "arrays in a field", "objects in a field"],
)
def test_deep_json_is_refused(body: str) -> None:
    """By the reader or, where its recursion limit is high, by the fields it does not fit."""
    with pytest.raises((MalformedRequestError, InvalidFieldsError)):
        PAYMENT.parse(json_body(event(body)), {CHAIN_ID: chain_settings()})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"a": 1, "a": 2}', "names a field twice"),
        ('{"b": {"a": 1, "a": 1}}', "names a field twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": Infinity}', "Infinity is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ("{'a': 1}", "is not well-formed JSON"),
        ('{"a": 1,}', "is not well-formed JSON"),
        ('{"a": 1} {}', "is not well-formed JSON"),
        ("", "is not well-formed JSON"),
        (None, "is not well-formed JSON"),
        ('{"a": ' + "9" * 5_000 + "}", "is not well-formed JSON"),
        ("[]", "must be an object"),
        ("null", "must be an object"),
        ('"a"', "must be an object"),
        ("1", "must be an object"),
    ],
)
def test_what_is_no_json_object_is_refused_with_the_reason(body: str | None, reason: str) -> None:
    """A name given twice is refused too: which of them was meant?"""
    error = refused(event(body), MalformedRequestError)

    assert [(problem.field, problem.reason) for problem in error.problems] == [("body", reason)]


def test_a_parameter_given_twice_is_refused() -> None:
    """API Gateway would drop one of them in silence."""
    with pytest.raises(InvalidFieldsError) as twice:
        query_parameters(
            {
                "queryStringParameters": {"limit": "2", "sender": "0x1"},
                "multiValueQueryStringParameters": {"limit": ["1", "2"], "sender": ["0x1"]},
            }
        )

    assert [problem.field for problem in twice.value.problems] == ["limit"]


@pytest.mark.parametrize("given_none", [{}, {"queryStringParameters": None}])
def test_no_parameters_are_no_parameters(given_none: dict[str, Any]) -> None:
    """API Gateway sends null where there are none."""
    assert query_parameters(given_none) == {}


def test_parameters_are_given_by_name() -> None:
    """Each once."""
    assert query_parameters(
        {
            "queryStringParameters": {"limit": "2"},
            "multiValueQueryStringParameters": {"limit": ["2"]},
        }
    ) == {"limit": "2"}
