"""Following over a real WebSocket that drops, doubles, delays and loses; and over none."""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from ferryman_client import (
    ApiError,
    AsyncClient,
    ConnectionFailedError,
    Event,
    ProtocolError,
    Status,
    TransactionFailedError,
    WaitTimeoutError,
)
from tests.support.deployments import NAME, Deployed, Talk, deployment, event, json_answer, well

Driver = Callable[..., Any]
ALL = [1, 2, 3, 4]
FAILURE = (("payment_accepted", "VALIDATED"), ("payment_failed", "FAILED"))


def sequences(events: list[Event]) -> list[int]:
    """Give their numbers."""
    return [one.sequence for one in events]


def pushes(*frames: object, then: Talk = well) -> Talk:
    """Answer the subscription with nothing, then push frames."""

    def talk(server: Deployed, connection: ServerConnection) -> None:
        server.subscribed(connection)
        server.replay(connection, 10**6)
        for frame in frames:
            connection.send(frame if isinstance(frame, str) else json.dumps(frame))
        then(server, connection)

    return talk


def hangs_up(_server: Deployed, connection: ServerConnection) -> None:
    """End the connection."""
    connection.close()


def says_nothing(_server: Deployed, connection: ServerConnection) -> None:
    """Take everything, and answer nothing."""
    while True:
        connection.recv()


def test_events_are_given_as_they_happen_until_the_last(driving: Driver) -> None:
    """Typed, in order."""
    with deployment(pushes(*map(event, ALL))) as server:
        told = driving(server.url).followed(NAME)

    assert sequences(told) == ALL
    assert [one.name for one in told][-1] == "payment_confirmed"
    assert told[-1].status is Status.CONFIRMED
    assert server.asked("GET", f"/transactions/{NAME}/events") == []


def test_what_is_known_is_not_given_again(driving: Driver) -> None:
    """Doubled pushes, and an `after` of the caller's own."""
    with deployment(pushes(event(1), event(3), event(3), event(2), event(4), event(4))) as server:
        server.events = list(map(event, ALL))
        told = driving(server.url).followed(NAME)
    with deployment() as again:
        again.events = list(map(event, ALL))
        rest = driving(again.url).followed(NAME, after=2)

    assert sequences(told) == ALL
    assert sequences(rest) == [3, 4]
    assert again.subscriptions[0]["after"] == 2


def test_a_push_that_is_lost_is_asked_for(driving: Driver) -> None:
    """The next one shows the gap; nothing is given out of order."""
    with deployment(pushes(event(1), event(3))) as server:
        server.events = list(map(event, ALL))
        told = driving(server.url).followed(NAME)

    assert sequences(told) == ALL
    assert [one["after"] for one in server.subscriptions] == [0, 1]


def test_the_very_last_push_may_be_the_one_that_is_lost(driving: Driver) -> None:
    """Silence is asked through."""
    with deployment(pushes(event(1), event(2), event(3))) as server:
        server.events = list(map(event, ALL))
        told = driving(server.url).followed(NAME)

    assert sequences(told) == ALL
    assert server.subscriptions[-1]["after"] == 3


def test_a_connection_that_is_lost_is_made_again_and_what_was_missed_is_replayed(driving: Driver) -> None:
    """In the middle, again and again."""
    talks = [pushes(event(1), then=hangs_up), pushes(event(2), then=hangs_up), hangs_up]
    with deployment(*talks) as server:
        server.answers["GET", f"/transactions/{NAME}/events"] = [json_answer(200, {"events": []})] * 3
        server.events = list(map(event, ALL))
        told = driving(server.url).followed(NAME)

    assert sequences(told) == ALL
    assert [one["after"] for one in server.subscriptions][:2] == [0, 1]


def test_a_connection_that_is_dead_is_given_up(driving: Driver) -> None:
    """It takes everything and answers nothing: the next one does better."""
    with deployment(says_nothing) as server:
        server.answers["GET", f"/transactions/{NAME}/events"] = [json_answer(200, {"events": []})]
        server.events = list(map(event, ALL))
        told = driving(server.url).followed(NAME)

    assert sequences(told) == ALL


def test_where_websockets_are_blocked_the_events_are_read(driving: Driver) -> None:
    """Over HTTPS, as they come."""
    with deployment(has_socket=False) as server:
        server.answers["GET", f"/transactions/{NAME}/events"] = [
            json_answer(200, {"events": [event(one) for one in range(after + 1, until + 1)]})
            for after, until in ((0, 0), (0, 1), (1, 1), (1, 3), (3, 3), (3, 4))
        ]
        told = driving(server.url).followed(NAME)

    assert sequences(told) == ALL
    assert server.asked("GET", f"/transactions/{NAME}/events")[-1] == {"after": "3"}


def test_one_may_follow_what_is_still_to_be_sent(driving: Driver) -> None:
    """Unknown to the deployment is not an error yet."""
    unknown = json_answer(404, {"code": "not_found", "detail": "", "errors": []})
    with deployment(has_socket=False) as server:
        server.answers["GET", f"/transactions/{NAME}/events"] = [unknown, unknown]
        server.events = list(map(event, ALL))
        assert sequences(driving(server.url).followed(NAME)) == ALL


def test_what_is_not_of_this_transaction_is_not_given(driving: Driver) -> None:
    """Nor a pong, nor another's event."""
    other = event(1, name="0x" + "99" * 32)
    with deployment(pushes({"event": "pong"}, other, *map(event, ALL))) as server:
        told = driving(server.url).followed(NAME)

    assert {one.transaction_id for one in told} == {NAME}
    assert sequences(told) == ALL


def test_a_passing_trouble_of_the_server_is_asked_through(driving: Driver) -> None:
    """It did not take the subscription: so it is sent again."""
    trouble = {"event": "error", "code": "unavailable", "detail": "Later.", "errors": []}
    with deployment(pushes(trouble)) as server:
        server.events = list(map(event, ALL))
        told = driving(server.url).followed(NAME)

    assert sequences(told) == ALL
    assert len(server.subscriptions) >= 2


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ({"event": "error", "code": "invalid_fields", "detail": "No topic.", "errors": []}, ApiError),
        ("<html>", ProtocolError),
        ("[]", ProtocolError),
        ({"event": "subscribed"}, ProtocolError),
        (event(1) | {"status": "DANCING"}, ProtocolError),
        (event(1) | {"sequence": None}, ProtocolError),
    ],
    ids=["refused", "no json", "no object", "no events", "unknown status", "no number"],
)
def test_what_cannot_be_followed_is_said_so(driving: Driver, frame: object, error: type[Exception]) -> None:
    """Not retried for ever."""
    with deployment(pushes(frame)) as server, pytest.raises(error):
        driving(server.url).followed(NAME)


def test_a_deployment_that_is_gone_altogether_ends_it(driving: Driver) -> None:
    """Neither a WebSocket nor HTTPS answers, for as long as the client is patient."""
    with deployment(has_socket=False) as server:
        offer = server.answer("GET", "/chains", {})
        server.answers["GET", "/chains"] = [offer]
        server.answers["GET", f"/transactions/{NAME}/events"] = [json_answer(503, {})] * 999
        with pytest.raises((ConnectionFailedError, ApiError)):
            driving(server.url, patience=0.5).followed(NAME)


def test_a_caller_that_has_heard_enough_may_stop(driving: Driver) -> None:
    """The connection goes with the iterator."""
    with deployment(pushes(*map(event, ALL))) as server:
        assert sequences(driving(server.url).followed(NAME, most=2)) == [1, 2]


def test_a_stream_that_nobody_reads_any_more_ends_with_its_client() -> None:
    """The server hears of it at once, though the iterator is still there."""
    gone = threading.Event()

    def hears(_server: Deployed, connection: ServerConnection) -> None:
        with pytest.raises(ConnectionClosed):
            connection.recv()
        gone.set()

    async def left(url: str) -> bool:
        client = AsyncClient(url)
        events = client.follow(NAME)
        await anext(events)
        await client.close()
        return await asyncio.to_thread(gone.wait, 5.0)

    with deployment(pushes(event(1), then=hears)) as server:
        assert asyncio.run(left(server.url))


# -- waiting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["VALIDATED", "PENDING", "CONFIRMED"])
def test_a_status_is_waited_for_and_a_later_one_is_as_good(driving: Driver, status: str) -> None:
    """The record as it is then."""
    with deployment(pushes(*map(event, ALL))) as server:
        server.answers["GET", f"/transactions/{NAME}/events"] = []
        server.events = list(map(event, ALL))
        found = driving(server.url).call("wait_for", NAME, status, timeout=10)

    assert found.status is Status.CONFIRMED


def test_a_payment_that_fails_ends_the_wait(driving: Driver) -> None:
    """With its record; who waits for FAILED gets what he waited for."""
    events = [event(one, steps=FAILURE) for one in (1, 2)]
    with deployment() as server:
        server.events = events
        with pytest.raises(TransactionFailedError) as failed:
            driving(server.url).call("wait_for", NAME, timeout=10)
        found = driving(server.url).call("wait_for", NAME, "FAILED", timeout=10)

    assert failed.value.record.reason == "deadline_passed"
    assert found.status is Status.FAILED


@pytest.mark.parametrize("has_socket", [True, False])
def test_a_wait_ends_when_its_time_is_over(driving: Driver, *, has_socket: bool) -> None:
    """With and without a WebSocket; the transaction goes on."""
    with deployment(has_socket=has_socket) as server:
        server.events = [event(1)]
        began = time.monotonic()
        with pytest.raises(WaitTimeoutError):
            driving(server.url).call("wait_for", NAME, timeout=0.7)

    assert time.monotonic() - began < 5.0
