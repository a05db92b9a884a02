"""The client's calls against a real server that loses, refuses and garbles."""

import time
from collections.abc import Callable
from typing import Any

import pytest

import ferryman_client as package
from ferryman.intents.payment import PAYMENT
from ferryman_client import (
    ApiError,
    Client,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    DeadlinePassedError,
    FeeTooLowError,
    FieldError,
    ForbiddenError,
    InsufficientFundsError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    Status,
    UnauthorizedError,
    UnavailableError,
)
from tests.support.deployments import NAME, deployment, json_answer, record
from tests.support.http_server import Answer
from tests.support.payments import CHAIN_ID, PAYEE, PAYER, TOKEN, chain_settings

Driver = Callable[..., Any]
LOST = Answer(0, closes=True)
HALF = Answer(0, b'{"transaction_id": "0x', closes=True)
PROBLEM = {
    "code": "some_code",
    "detail": "Something is wrong.",
    "errors": [{"field": "amount", "reason": "is wrong"}],
}


def test_a_payment_is_signed_as_the_deployment_recovers_it_and_sent(driving: Driver) -> None:
    """By nothing but the URL and a signer; the fee is the one it quotes."""
    with deployment() as server:
        made = driving(server.url, api_key="ferryman_key").call("pay", PAYEE, 1_000)

    (body,) = server.asked("POST", "/payments")
    intent = PAYMENT.parse(body, {CHAIN_ID: chain_settings()})
    assert made.status is Status.VALIDATED
    assert (made.transaction_id, made.assured, made.intent) == (NAME, True, {"amount": "1000"})
    assert str(intent.sender) == PAYER.address
    assert (intent.payload["amount"], intent.payload["fee"]) == ("1000", "25")
    assert {one["X-Api-Key"] for one in server.headers} == {"ferryman_key"}


def test_two_payments_never_have_the_same_nonce_unless_they_are_given_one(driving: Driver) -> None:
    """And whatever else is given is taken."""
    options = {"fee": 7, "token": TOKEN, "chain_id": CHAIN_ID, "priority": "fast", "deadline": 2_000_000_000}
    with deployment() as server:
        client = driving(server.url)
        random = [client.call("sign", PAYEE, 1).body["nonce"] for _ in range(2)]
        given = client.call("sign", PAYEE, 1, nonce=5, **options).body

    assert random[0] != random[1]
    assert given["nonce"] == "5"
    assert (given["fee"], given["priority"], given["deadline"]) == ("7", "fast", 2_000_000_000)
    assert len(server.asked("POST", "/quote")) == 2


def test_a_deployment_without_quotes_is_paid_without_a_fee(driving: Driver) -> None:
    """API Gateway's own answer to a path that does not exist."""
    no_route = json_answer(403, {"code": "MISSING_AUTHENTICATION_TOKEN"})
    with deployment() as server:
        server.answers["POST", "/quote"] = [no_route]
        assert driving(server.url).call("sign", PAYEE, 1).body["fee"] == "0"


def test_a_refused_quote_is_not_taken_for_a_missing_one(driving: Driver) -> None:
    """Signing with no fee would only be refused later."""
    with deployment() as server:
        server.answers["POST", "/quote"] = [json_answer(403, PROBLEM)]
        with pytest.raises(ForbiddenError):
            driving(server.url).call("sign", PAYEE, 1)


def test_a_post_whose_answer_is_lost_is_sent_again_as_the_same_message(driving: Driver) -> None:
    """Lost, halved, too many, not now, gateway: then the record; nothing could be paid twice."""
    troubles = [
        LOST,
        HALF,
        json_answer(429, PROBLEM, Retry_After="0"),
        json_answer(503, PROBLEM),
        json_answer(502, {}),
    ]
    with deployment() as server:
        server.answers["POST", "/payments"] = troubles
        made = driving(server.url, patience=20.0).call("pay", PAYEE, 1_000)

    bodies = server.asked("POST", "/payments")
    assert made.status is Status.VALIDATED
    assert len(bodies) == 6
    assert all(body == bodies[0] for body in bodies)


def test_it_waits_as_long_as_it_is_asked_to(driving: Driver) -> None:
    """`Retry-After`, in seconds."""
    with deployment() as server:
        server.answers["GET", f"/transactions/{NAME}"] = [json_answer(429, PROBLEM, Retry_After="1")]
        began = time.monotonic()
        driving(server.url).call("get", NAME)

    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([json_answer(503, PROBLEM)] * 99, UnavailableError),
        ([json_answer(429, PROBLEM, Retry_After="60")], RateLimitedError),
        ([LOST] * 99, ConnectionFailedError),
    ],
    ids=["unavailable", "throttled for a minute", "no answer"],
)
def test_patience_ends(driving: Driver, answers: list[Answer], error: type[Exception]) -> None:
    """With the last thing that was heard; and not after the patience is over."""
    with deployment() as server:
        server.answers["GET", f"/transactions/{NAME}"] = list(answers)
        began = time.monotonic()
        with pytest.raises(error):
            driving(server.url, patience=1.0).call("get", NAME)

    assert time.monotonic() - began < 5.0


def test_a_server_that_is_not_there_is_a_failed_connection(driving: Driver) -> None:
    """Its own error, not httpx's."""
    with deployment() as server:
        url = server.url

    with pytest.raises(ConnectionFailedError):
        driving(url, patience=0.2).call("get", NAME)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, InvalidRequestError),
        (401, UnauthorizedError),
        (402, InsufficientFundsError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, DeadlinePassedError),
        (413, InvalidRequestError),
        (415, InvalidRequestError),
        (418, ApiError),
        (422, InvalidRequestError),
    ],
)
def test_a_refusal_is_the_error_of_its_status_and_is_not_repeated(
    driving: Driver, status: int, error: type[ApiError]
) -> None:
    """With the problem's code, its detail, and the fields."""
    with deployment() as server:
        server.answers["POST", "/payments"] = [json_answer(status, PROBLEM)]
        with pytest.raises(error) as refused:
            driving(server.url).call("pay", PAYEE, 1_000)

    problem = refused.value
    assert type(problem) is error
    assert (problem.status, problem.code, problem.detail) == (status, "some_code", "Something is wrong.")
    assert problem.errors == (FieldError("amount", "is wrong"),)
    assert "amount is wrong" in str(problem)
    assert len(server.asked("POST", "/payments")) == 1


def test_missing_funds_and_a_low_fee_say_how_much() -> None:
    """Both are 402, and different errors."""
    with deployment() as server, Client(server.url, signer=PAYER) as client:
        server.answers["POST", "/payments"] = [
            json_answer(402, PROBLEM | {"free": "10", "needed": "11"}),
            json_answer(402, PROBLEM | {"floor": "30"}),
        ]
        with pytest.raises(InsufficientFundsError) as funds:
            client.pay(PAYEE, 1_000)
        with pytest.raises(FeeTooLowError) as fee:
            client.pay(PAYEE, 1_000)

    assert (funds.value.free, funds.value.needed) == (10, 11)
    assert fee.value.floor == 30


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"<html>"),
        json_answer(200, []),
        json_answer(200, {}),
        json_answer(200, record("DANCING")),
        json_answer(200, record(received_at="yesterday")),
        json_answer(200, record(intent=[])),
    ],
)
def test_what_is_no_answer_of_ferryman_s_is_said_so(driving: Driver, answer: Answer) -> None:
    """A wrong URL, or a proxy's page."""
    with deployment() as server:
        server.answers["GET", f"/transactions/{NAME}"] = [answer]
        with pytest.raises(ProtocolError):
            driving(server.url).call("get", NAME)


def test_a_field_that_a_later_version_adds_is_no_mistake(driving: Driver) -> None:
    """It is in `raw`."""
    with deployment() as server:
        server.answers["GET", f"/transactions/{NAME}"] = [json_answer(200, record(colour="blue"))]
        assert driving(server.url).call("get", NAME).raw["colour"] == "blue"


def test_what_the_call_needs_is_asked_for(driving: Driver) -> None:
    """A signer, one of several chains, one of several tokens."""
    with deployment() as server:
        offer: Any = __import__("json").loads(server.answer("GET", "/chains", {}).body)
        two_tokens = offer | {"chains": [offer["chains"][0] | {"tokens": [TOKEN, PAYEE]}]}
        two_chains = offer | {"chains": [offer["chains"][0], offer["chains"][0] | {"chain_id": 1}]}
        with pytest.raises(ConfigurationError, match="signer"):
            driving(server.url, signer=None).call("sign", PAYEE, 1)
        with pytest.raises(ConfigurationError, match="serves: 31337"):
            driving(server.url).call("sign", PAYEE, 1, chain_id=1)
        server.answers["GET", "/chains"] = [json_answer(200, two_tokens), json_answer(200, two_chains)]
        with pytest.raises(ConfigurationError, match="choose token"):
            driving(server.url).call("sign", PAYEE, 1, fee=0)
        with pytest.raises(ConfigurationError, match="choose chain_id"):
            driving(server.url).call("sign", PAYEE, 1)


def test_a_client_of_several_chains_means_the_one_it_was_made_for(driving: Driver) -> None:
    """Unless a call names another."""
    with deployment() as server:
        offer: Any = __import__("json").loads(server.answer("GET", "/chains", {}).body)
        both = offer | {"chains": [offer["chains"][0], offer["chains"][0] | {"chain_id": 1}]}
        server.answers["GET", "/chains"] = [json_answer(200, both)]
        client = driving(server.url, chain_id=1)

        usual = client.call("sign", PAYEE, 1, fee=0)
        other = client.call("sign", PAYEE, 1, fee=0, chain_id=CHAIN_ID)

    assert [usual.body["chain_id"], other.body["chain_id"]] == [1, CHAIN_ID]


def test_lists_events_quotes_and_the_offer_are_typed(driving: Driver) -> None:
    """With the parameters that were given, and no other."""
    with deployment() as server:
        client = driving(server.url)
        page = client.call("list", status="CONFIRMED", limit=5, cursor="abc")
        events = client.call("events", NAME, after=2)
        quote = client.call("quote", priority="fast")
        offer = client.call("deployment")

    assert [one.transaction_id for one in page.records] == [NAME]
    assert page.next_cursor is None
    assert server.asked("GET", "/transactions") == [
        {"sender": PAYER.address, "status": "CONFIRMED", "limit": "5", "cursor": "abc"}
    ]
    assert events == ()
    assert server.asked("GET", f"/transactions/{NAME}/events") == [{"after": "2"}]
    assert quote.fee == 25
    assert server.asked("POST", "/quote")[0]["priority"] == "fast"
    assert offer.chain(CHAIN_ID).tokens == (TOKEN,)


def test_the_package_exports_what_it_documents() -> None:
    """Every name of `__all__` is there, and every error has a line in the tree."""
    errors = [name for name in package.__all__ if name.endswith("Error") and name != "FieldError"]
    tree = package.errors.__doc__ or ""

    assert all(hasattr(package, name) for name in package.__all__)
    assert all(name in tree for name in errors)
