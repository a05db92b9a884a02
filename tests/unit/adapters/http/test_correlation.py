"""The name of a request: the client's own if it can be one, else API Gateway's."""

from typing import Any

import pytest

from ferryman.adapters.http.correlation import correlation_id


def request(headers: Any) -> dict[str, Any]:  # noqa: ANN401 (whatever API Gateway may give)
    """Give an event with these headers."""
    return {"headers": headers, "requestContext": {"requestId": "gateways-own"}}


@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id", "X-REQUEST-ID"])
def test_a_clients_own_name_of_its_request_is_kept(name: str) -> None:
    """However the client writes the header."""
    assert correlation_id(request({name: "order-7_2026.11"})) == "order-7_2026.11"


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"X-Request-Id": ""},
        {"X-Request-Id": "a" * 65},
        {"X-Request-Id": "two words"},
        {"X-Request-Id": 'a","level":"ERROR'},
        {"X-Request-Id": "a\nb"},
        {"X-Request-Id": "a\n"},
        {"X-Request-Id": "naïve"},
        {"X-Request-Id": ["a"]},
    ],
)
def test_any_other_request_has_the_gateways_name(headers: Any) -> None:  # noqa: ANN401 (whatever API Gateway may give)
    """A name that could break a log line or a search is not taken."""
    assert correlation_id(request(headers)) == "gateways-own"
