"""What operators' machines see of the running stack."""

import json
import time

from tests.e2e.stack import Stack
from tests.e2e.test_permissions import log_lines


def test_every_dependency_of_the_stack_is_well(stack: Stack) -> None:
    """Tables, queues, keys and endpoints answer, with the rights that the template gives."""
    stack.ended(stack.post(stack.payer(30).pay(1_000, deadline=stack.deadline())).json()["transaction_id"])

    answer = stack.http.get("/health/deep", headers=stack.reader)

    report = answer.json()
    states = {one["name"]: one for one in report["dependencies"]}
    # confirm's schedule and watch beat once a minute: on a young stack they may not have yet.
    beating = {name for name in states if name.startswith(("confirm ", "watch "))}
    failed = {name for name, one in states.items() if one["status"] == "failed"} - beating
    assert not failed, report
    assert {"table transactions", "queue submit", "wallet key 1", "rpc 31337/1"} <= states.keys()
    assert states["rpc 31337/1"]["head"] > 0
    assert answer.status_code == (503 if states["confirm 31337"]["status"] == "failed" else 200)


def test_metrics_count_what_was_paid(stack: Stack) -> None:
    """In the format that Prometheus reads."""
    stack.ended(stack.post(stack.payer(30).pay(1_000, deadline=stack.deadline())).json()["transaction_id"])

    answer = stack.http.get("/metrics", headers=stack.reader)

    assert answer.headers["Content-Type"].startswith("text/plain")
    assert 'ferryman_accepted_total{chain_id="31337",kind="payment"}' in answer.text


def test_both_are_for_readers(stack: Stack) -> None:
    """Without a key 401, before any function runs."""
    for path in ("/health/deep", "/metrics"):
        assert stack.http.get(path).status_code == 401


def test_one_search_finds_the_whole_way_of_a_payment(stack: Stack) -> None:
    """By the client's own name of its request, over the logs of all functions."""
    body = stack.payer(30).pay(1_000, deadline=stack.deadline())
    posted = stack.http.post("/payments", json=body, headers={"X-Request-Id": "e2e-order-8"})
    stack.ended(posted.json()["transaction_id"])

    def steps() -> set[tuple[str, str]]:
        lines = [line for line in log_lines(stack, '"e2e-order-8"') if "step taken" in line]
        return {(one["service"], one["step"]) for one in map(json.loads, lines)}

    wanted = {("ingest", "accepted"), ("submit", "bound"), ("confirm", "confirmed")}
    until = time.monotonic() + 15
    while steps() != wanted and time.monotonic() < until:
        time.sleep(1)
    assert steps() == wanted


def test_a_request_keeps_its_name(stack: Stack) -> None:
    """In the answer, for whoever asks an operator about it."""
    body = stack.payer(30).pay(1_000, deadline=stack.deadline())

    named = stack.http.post("/payments", json=body, headers={"X-Request-Id": "order-7"})
    unnamed = stack.http.get("/health")

    assert named.headers["X-Request-Id"] == "order-7"
    assert unnamed.headers["X-Request-Id"]
