"""Acceptance by what watch has cached, on the deployed stack."""

import time

import pytest

from tests.e2e.stack import Stack

_SECONDS = 120.0
"""A quiet chain is looked at once a minute."""


def wait_until_followed(stack: Stack, block: int) -> None:
    """Wait until watch is past a block, and at the head this very moment."""
    cursors, deadline = stack.output("CursorsTableName"), time.monotonic() + _SECONDS
    key = {"cursor": {"S": f"{stack.description.chain_id}:watch"}}
    while time.monotonic() < deadline:
        item = stack.aws("dynamodb").get_item(TableName=cursors, Key=key, ConsistentRead=True).get("Item", {})
        number, seen_at = (int(item[name]["N"]) if name in item else 0 for name in ("number", "seen_at"))
        if number >= block and time.time() * 1000 - seen_at < stack.settings.block_time_ms:
            return
        time.sleep(0.1)
    pytest.fail(f"watch is not at the head: {item}")


def test_a_known_payer_is_assured_while_the_chain_does_not_answer(stack: Stack) -> None:
    """A payment wakes watch, the next makes the payer known; from then on it needs only a fresh cursor."""
    payer = stack.payer(20)
    for _ in range(2):
        posted = stack.post(payer.pay(1_000, deadline=stack.deadline())).json()
        wait_until_followed(stack, stack.ended(posted["transaction_id"])["block_number"])

    with stack.chain_stopped():
        answer = stack.post(payer.pay(1_000, deadline=stack.deadline()))

    record = answer.json()
    assert (answer.status_code, record["status"], record["assured"]) == (202, "VALIDATED", True)
    assert stack.ended(record["transaction_id"])["status"] == "CONFIRMED"
