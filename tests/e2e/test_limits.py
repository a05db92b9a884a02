"""Sender limits over HTTPS: 429 says whose limit and for how long, and is right."""

import time
from typing import Any

import httpx

from tests.e2e.stack import Stack

_BURST_US = 10_000_000
"""What a full bucket of the local stack is worth: local/deployment.py."""


def ledger_key(stack: Stack, payer: str) -> dict[str, Any]:
    """Where a payer's limits are."""
    settings = stack.settings
    return {
        "account": {"S": f"{settings.chain_id}:{payer}"},
        "item": {"S": f"ledger#{settings.escrow}#{settings.tokens[0]}"},
    }


def test_a_sender_over_its_limit_is_refused_for_as_long_as_the_answer_says(stack: Stack) -> None:
    """Its bucket is emptied as a burst would; then the very same body passes, and a repeat always does."""
    payer, accounts = stack.payer(11), stack.output("AccountsTableName")
    first = payer.pay(1, deadline=stack.deadline())
    assert stack.post(first).status_code == httpx.codes.ACCEPTED
    empty_for = time.time_ns() // 1_000 + _BURST_US + 3_000_000
    stack.aws("dynamodb").update_item(
        TableName=accounts,
        Key=ledger_key(stack, payer.address),
        UpdateExpression="SET full_at_us = :full",
        ExpressionAttributeValues={":full": {"N": str(empty_for)}},
    )
    late = payer.pay(1, deadline=stack.deadline())

    limited, repeated = stack.post(late), stack.post(first)

    assert limited.status_code == httpx.codes.TOO_MANY_REQUESTS, limited.text
    assert limited.headers["Content-Type"] == "application/problem+json"
    problem = limited.json()
    assert (problem["code"], problem["limit"]) == ("sender_limited", "rate")
    assert [error["field"] for error in problem["errors"]] == ["sender"]
    assert repeated.status_code == httpx.codes.OK
    time.sleep(int(limited.headers["Retry-After"]))
    assert stack.post(late).status_code == httpx.codes.ACCEPTED


def test_accepted_payments_are_counted_and_refused_ones_are_not(stack: Stack) -> None:
    """In the deployed table, by the deployed permissions."""
    payer, accounts = stack.payer(32), stack.output("AccountsTableName")

    def counted() -> int:
        found = stack.aws("dynamodb").get_item(TableName=accounts, Key=ledger_key(stack, payer.address))
        return int(found.get("Item", {}).get("day_count", {"N": "0"})["N"])

    stack.stay_within_a_day()
    stack.post(payer.pay(1, deadline=stack.deadline()))  # what is counted may still be yesterday's
    before = counted()
    for _ in range(2):
        stack.post(payer.pay(1, deadline=stack.deadline()))
    stack.post(payer.pay(10**30, deadline=stack.deadline()))

    assert counted() == before + 2
