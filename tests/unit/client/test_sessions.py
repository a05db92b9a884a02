"""Signing in, and following all of a sender's transactions."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from websockets.sync.server import ServerConnection

from ferryman_client import Event, ForbiddenError, ProtocolError, UnauthorizedError
from tests.support.deployments import MESSAGE, NAME, STEPS, Deployed, deployment, event, json_answer, record
from tests.support.payments import CHAIN_ID, PAYER

Driver = Callable[..., Any]
SECOND, THIRD = "0x" + "22" * 32, "0x" + "33" * 32
NOT_KNOWN = json_answer(401, {"code": "not_authenticated", "detail": "Sign in.", "errors": []})


def test_the_signer_signs_the_message_it_is_given_and_then_sends_its_token(driving: Driver) -> None:
    """EIP-191, as `personal_sign` does; until it signs out."""
    with deployment() as server:
        driving(server.url).calls("sign_in", "list", "sign_out", "list")

    (challenge,), (signed,) = server.asked("POST", "/sign-in/challenge"), server.asked("POST", "/sign-in")
    assert challenge == {"address": PAYER.address, "chain_id": CHAIN_ID}
    assert signed["message"] == MESSAGE
    signer = Account.recover_message(encode_defunct(text=MESSAGE), signature=signed["signature"])
    assert signer == PAYER.address
    sent = [one.get("Authorization") for one in server.headers]
    assert sent == [None, None, None, "Bearer token-1", "Bearer token-1", None]


def test_a_session_that_has_run_out_is_begun_again_once(driving: Driver) -> None:
    """The call does not notice; a refusal that stays is told."""
    with deployment() as server:
        client = driving(server.url)
        server.answers["GET", "/transactions"] = [NOT_KNOWN]
        _, page = client.calls("sign_in", "list")
        server.answers["GET", "/transactions"] = [NOT_KNOWN] * 5
        with pytest.raises(UnauthorizedError):
            client.calls("sign_in", "list")

    assert len(page.records) == 1
    assert len(server.asked("POST", "/sign-in")) == 4


def test_who_never_signed_in_is_told_to(driving: Driver) -> None:
    """Nothing is signed that the caller did not ask for."""
    with deployment() as server:
        server.answers["GET", "/transactions"] = [NOT_KNOWN]
        with pytest.raises(UnauthorizedError, match="not_authenticated"):
            driving(server.url).call("list")

    assert server.asked("POST", "/sign-in") == []


def test_a_session_without_a_token_is_no_answer_of_ferryman_s(driving: Driver) -> None:
    """Rather than sending `Bearer None`."""
    with deployment() as server:
        server.answers["POST", "/sign-in"] = [json_answer(200, {})]
        with pytest.raises(ProtocolError, match="token"):
            driving(server.url).call("sign_in")


# -- all of a sender's --------------------------------------------------------------------------


def told(events: list[Event]) -> list[tuple[str, int]]:
    """Give transaction and number of each."""
    return [(one.transaction_id, one.sequence) for one in events]


def subscribed(server: Deployed, connection: ServerConnection) -> None:
    """Answer a subscription to a sender."""
    topic = server.subscribed(connection)["topic"]
    connection.send(json.dumps({"event": "subscribed", "topic": topic, "records": []}))


def test_a_sender_s_events_are_told_from_now_on(driving: Driver) -> None:
    """What has been is known; what comes is told once, also of transactions that begin later."""

    def talk(server: Deployed, connection: ServerConnection) -> None:
        subscribed(server, connection)
        for one in (event(1), event(2), event(2), event(1, name=SECOND), event(3)):
            connection.send(json.dumps(one))
        connection.recv()

    with deployment(talk) as server:
        server.events = [event(1)]
        found = driving(server.url).sender_followed(most=3)

    assert told(found) == [(NAME, 2), (SECOND, 1), (NAME, 3)]
    assert server.subscriptions[0]["topic"] == f"sender:{PAYER.address}"
    assert server.tickets == ["ticket=ticket/1"]


def test_a_sender_s_push_that_is_lost_is_read(driving: Driver) -> None:
    """The next one shows the gap, also the first of a transaction nobody knew."""

    def talk(server: Deployed, connection: ServerConnection) -> None:
        subscribed(server, connection)
        server.others[SECOND] = [event(number, name=SECOND) for number in (1, 2)]
        connection.send(json.dumps(event(2, name=SECOND)))
        connection.recv()

    with deployment(talk) as server:
        found = driving(server.url).sender_followed(most=2)

    assert told(found) == [(SECOND, 1), (SECOND, 2)]


def test_what_begins_and_ends_while_no_connection_is_open_is_told_too(driving: Driver) -> None:
    """The list shows it; each connection has a ticket of its own."""

    def talk(server: Deployed, connection: ServerConnection) -> None:
        subscribed(server, connection)
        connection.send(json.dumps(event(1, name=SECOND)))
        connection.recv()

    def away(server: Deployed, connection: ServerConnection) -> None:
        server.others = {
            SECOND: [event(number, name=SECOND) for number in (1, 2)],
            THIRD: [event(number, name=THIRD) for number in (1, 2, 3, 4)],
        }
        server.listed = [
            record("CONFIRMED", transaction_id=THIRD, sequence=4),
            record("PENDING", transaction_id=SECOND, sequence=2),
            record(),
        ]
        connection.close()

    with deployment(away, talk) as server:
        found = driving(server.url).sender_followed(most=6)

    assert sorted(told(found)) == sorted([(SECOND, 1), (SECOND, 2), *((THIRD, one) for one in (1, 2, 3, 4))])
    assert len(set(server.tickets)) == len(server.tickets)


def test_a_sender_is_followed_where_websockets_are_blocked(driving: Driver) -> None:
    """By the list and the events alone."""
    with deployment(has_socket=False) as server:
        pages = [[record()], [record()], [record("PENDING", sequence=2)]]
        server.answers["GET", "/transactions"] = [
            json_answer(200, {"transactions": page, "next_cursor": None}) for page in pages
        ]
        server.listed = [record("PENDING", sequence=3)]
        server.events = [event(number) for number in (1, 2, 3)]
        found = driving(server.url).sender_followed(most=2)

    assert told(found) == [(NAME, 2), (NAME, 3)]


def test_what_a_reorg_opens_again_is_told_though_it_was_over(driving: Driver) -> None:
    """Nobody was connected when it happened: its record has gone on."""
    with deployment(has_socket=False) as server:
        server.answers["GET", "/transactions"] = [
            json_answer(200, {"transactions": [record("CONFIRMED", sequence=4)], "next_cursor": None})
        ]
        server.listed = [record("CONFIRMED", sequence=6)]
        steps = (*STEPS, ("payment_reorged", "PENDING"), ("payment_confirmed", "CONFIRMED"))
        server.events = [event(number, steps=steps) for number in range(1, 7)]
        found = driving(server.url).sender_followed(most=2)

    assert told(found) == [(NAME, 5), (NAME, 6)]


def test_more_than_a_page_that_began_meanwhile_is_found(driving: Driver) -> None:
    """Page by page, back to what is known."""
    with deployment(has_socket=False) as server:
        pages: list[tuple[list[dict[str, Any]], str | None]] = [
            ([record()], None),
            ([record(transaction_id=THIRD)], "more"),
            ([record(transaction_id=SECOND), record()], "even more"),
        ]
        server.answers["GET", "/transactions"] = [
            json_answer(200, {"transactions": page, "next_cursor": cursor}) for page, cursor in pages
        ]
        server.others = {SECOND: [event(1, name=SECOND)], THIRD: [event(1, name=THIRD)]}
        found = driving(server.url).sender_followed(most=2)

    assert sorted(told(found)) == [(SECOND, 1), (THIRD, 1)]
    assert [one.get("cursor") for one in server.asked("GET", "/transactions")] == [None, None, "more"]


def test_a_sender_s_connection_that_is_dead_is_given_up(driving: Driver) -> None:
    """Two silences; what is new is read meanwhile."""

    def nothing(server: Deployed, connection: ServerConnection) -> None:
        server.listed, server.events = [record("PENDING", sequence=2)], [event(1), event(2)]
        while True:
            connection.recv()

    with deployment(nothing) as server:
        assert told(driving(server.url).sender_followed(most=1)) == [(NAME, 2)]


def test_a_sender_that_is_not_the_caller_s_is_refused(driving: Driver) -> None:
    """By the list, or by the ticket."""
    refused = json_answer(403, {"code": "not_allowed", "detail": "Not yours.", "errors": []})
    for route in (("GET", "/transactions"), ("POST", "/socket-tickets")):
        with deployment() as server:
            server.answers[route] = [refused]
            with pytest.raises(ForbiddenError, match="not_allowed"):
                driving(server.url).sender_followed(most=1)
