"""Fees over HTTPS: a quote, the payment that pays it, the one that does not; and the data fee of an L2."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.e2e.reconfigured import deployed_with
from tests.e2e.stack import Stack
from tests.faults.real_chain import request

ORACLE = "0x420000000000000000000000000000000000000F"
L1_FEE_WEI = 5 * 10**13
_ANSWERS_L1_FEE = f"0x66{L1_FEE_WEI:014x}5f5260205ff3"
"""PUSH7 the fee, MSTORE it at 0, RETURN 32 bytes: what the oracle answers to any question."""


def at_market(stack: Stack) -> dict[str, Any]:
    """Give the settings of a chain that charges for gas and for its data."""
    schedule = {"base_units": 1_000, "units_per_native": 2_000_000_000, "gas": 100_000}
    return {"fees": {stack.settings.tokens[0]: schedule}, "l1_fee_oracle": ORACLE}


@contextmanager
def configured(stack: Stack, changes: dict[str, Any]) -> Iterator[None]:
    """Change the chain's settings of ingest as a deploy would, by a new version; and change them back."""
    functions, name = stack.aws("lambda"), stack.output("IngestFunctionName")
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    chains = json.dumps([json.loads(before["CHAINS"])[0] | changes])
    with deployed_with(stack, "ingest", {"CHAINS": chains}):
        yield


def quote(stack: Stack, **changes: object) -> httpx.Response:
    """Ask for a fee."""
    settings = stack.settings
    body = {"kind": "payment", "chain_id": settings.chain_id, "token": settings.tokens[0], **changes}
    return stack.http.post("/quote", json=body)


def test_by_default_a_fee_is_optional(stack: Stack) -> None:
    """The local stack charges nothing."""
    answer = quote(stack)

    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["fee"] == "0"


def test_a_payment_that_pays_its_quote_is_confirmed_and_one_unit_less_is_refused(stack: Stack) -> None:
    """Gas and L1 fee are of the real chain; the oracle is a contract at its usual address."""
    request(stack.web3, "anvil_setCode", ORACLE, _ANSWERS_L1_FEE)
    payer = stack.payer(13)
    with configured(stack, at_market(stack)):
        said = quote(stack, **{"from": payer.address}).json()
        fee = int(said["fee"])
        cheap = stack.post(payer.pay(1_000, fee=fee - 1, deadline=stack.deadline()))
        time.sleep(12)
        paid = stack.post(payer.pay(1_000, fee=fee, deadline=stack.deadline()))

    assert said["l1_fee"] == str(L1_FEE_WEI)
    assert int(said["breakdown"]["l1"]) == L1_FEE_WEI * 2_000_000_000 // 10**18
    assert fee == sum(int(said["breakdown"][part]) for part in ("base", "gas", "l1"))
    assert cheap.status_code == httpx.codes.PAYMENT_REQUIRED
    assert cheap.json()["code"] == "fee_too_low"
    assert [error["field"] for error in cheap.json()["errors"]] == ["fee"]
    assert paid.status_code == httpx.codes.ACCEPTED, paid.text
    record = stack.ended(paid.json()["transaction_id"])
    assert record["status"] == "CONFIRMED"
    assert record["predicted_gas"] == 100_000
    assert int(record["predicted_cost"]) > L1_FEE_WEI
    assert record["fee_taken"] == str(fee)
    # anvil takes no data fee, so the transaction costs less than was predicted.
    assert int(record["gas_cost"]) == record["gas_used"] * int(record["effective_gas_price"])
    assert record["cost_error_bps"] < 0


def test_a_bad_question_names_the_field(stack: Stack) -> None:
    """Clear, and before anything is read."""
    cases = {"kind": "other", "chain_id": 1, "token": "0x12", "from": "me", "priority": "now", "tip": "1"}

    for field, value in cases.items():
        answer = quote(stack, **{field: value})
        assert answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY, (field, answer.text)
        assert [error["field"] for error in answer.json()["errors"]] == [field]
