"""Bad input over HTTPS: a clear answer that names the field, nothing stored, no gas spent."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.stack import Stack

Body = dict[str, Any]
Change = Callable[[Body, Stack], Body]


def having(**changes: object) -> Change:
    """A good payment but for some fields."""
    return lambda body, _stack: {**body, **{name.rstrip("_"): value for name, value in changes.items()}}


def without(name: str) -> Change:
    """A good payment but for a missing field."""
    return lambda body, _stack: {field: value for field, value in body.items() if field != name}


def resigned(**arguments: Any) -> Change:  # noqa: ANN401 (arguments of Payer.pay)
    """A well-signed payment of something that cannot be."""
    return lambda _body, stack: stack.payer(5).pay(
        **{"amount": 1_000, "deadline": stack.deadline(arguments.pop("seconds", 3_600)), **arguments}
    )


def high_s(body: Body, _stack: Stack) -> Body:
    """The other signature of the same message, which the contract refuses."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    raw = bytes.fromhex(body["signature"][2:])
    other = raw[:32] + (order - int.from_bytes(raw[32:64])).to_bytes(32) + bytes([55 - raw[64]])
    return {**body, "signature": "0x" + other.hex()}


def other_contract(_body: Body, stack: Stack) -> Body:
    """Signed for another escrow."""
    payer = stack.payer(5)
    elsewhere = stack.settings.model_copy(update={"escrow": stack.settings.tokens[0]})
    return type(payer)(payer.key, elsewhere, payer.nonce).pay(1_000, deadline=stack.deadline())


def other_chain(_body: Body, stack: Stack) -> Body:
    """Signed for another chain, and sent to ours."""
    payer = stack.payer(5)
    elsewhere = stack.settings.model_copy(update={"chain_id": 1})
    signed = type(payer)(payer.key, elsewhere, payer.nonce).pay(1_000, deadline=stack.deadline())
    return {**signed, "chain_id": stack.settings.chain_id}


def wrong_checksum(body: Body, _stack: Stack) -> Body:
    """Mixed case that is not the checksum."""
    return {**body, "to": body["to"].swapcase().replace("0X", "0x")}


CASES: list[tuple[str, Change, int, str, str]] = [
    ("wrong checksum", wrong_checksum, 422, "invalid_fields", "to"),
    ("unknown field", having(tip="1"), 422, "invalid_fields", "tip"),
    ("missing field", without("nonce"), 422, "invalid_fields", "nonce"),
    ("negative amount", having(amount="-1"), 422, "invalid_fields", "amount"),
    ("huge amount", having(amount="1" + "0" * 36), 422, "invalid_fields", "amount"),
    ("longer than any number", having(amount="9" * 5_000), 422, "invalid_fields", "amount"),
    ("float amount", having(amount=1.5), 422, "invalid_fields", "amount"),
    ("number for a string", having(amount=1_000), 422, "invalid_fields", "amount"),
    ("exponent amount", having(amount="1e6"), 422, "invalid_fields", "amount"),
    ("zero amount", having(amount="0"), 422, "invalid_fields", "amount"),
    ("nonce over 256 bits", having(nonce=str(2**256)), 422, "invalid_fields", "nonce"),
    ("past deadline", resigned(seconds=-10), 410, "deadline_passed", "deadline"),
    ("far deadline", resigned(seconds=90_000), 422, "invalid_fields", "deadline"),
    ("deadline as text", having(deadline="tomorrow"), 422, "invalid_fields", "deadline"),
    ("short signature", having(signature="0x" + "11" * 64), 422, "invalid_fields", "signature"),
    ("long signature", having(signature="0x" + "11" * 66), 422, "invalid_fields", "signature"),
    ("high-s signature", high_s, 422, "invalid_fields", "signature"),
    ("wrong v", having(signature="0x" + "11" * 64 + "05"), 422, "invalid_fields", "signature"),
    ("signed another amount", having(amount="1001"), 401, "wrong_signer", "signature"),
    ("other contract", other_contract, 401, "wrong_signer", "signature"),
    ("other chain", other_chain, 401, "wrong_signer", "signature"),
    ("unserved chain", having(chain_id=1), 422, "invalid_fields", "chain_id"),
    ("unknown priority", having(priority="now"), 422, "invalid_fields", "priority"),
    ("more than locked", resigned(amount=10**15), 402, "insufficient_funds", "amount"),
]


@pytest.mark.parametrize(
    ("change", "status", "code", "field"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_bad_input_gets_a_clear_answer_and_costs_nothing(
    stack: Stack, change: Change, status: int, code: str, field: str
) -> None:
    """problem+json with the field and the reason; no nonce of any wallet is spent."""
    relayed = stack.relayed()
    good = stack.payer(5).pay(1_000, deadline=stack.deadline())

    answer = stack.post(change(good, stack))

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert all(error["reason"] for error in answer.json()["errors"])
    assert stack.relayed() == relayed


def test_from_and_to_must_differ_and_lower_case_addresses_are_fine(stack: Stack) -> None:
    """Case is a matter of taste; paying oneself is not a payment."""
    payer = stack.payer(5)
    to_itself = stack.post(payer.pay(1_000, to=payer.address, deadline=stack.deadline()))
    body = payer.pay(1_000, deadline=stack.deadline())
    lower = stack.post({**body, "from": body["from"].lower(), "to": body["to"].lower()})

    assert to_itself.status_code == 422
    assert [error["field"] for error in to_itself.json()["errors"]] == ["to"]
    assert lower.status_code == 202


def test_a_nonce_is_used_once(stack: Stack) -> None:
    """By another message that holds it, or on chain."""
    payer = stack.payer(6)
    first = stack.post(payer.pay(1_000, nonce=77, deadline=stack.deadline()))
    held = stack.post(payer.pay(2_000, nonce=77, deadline=stack.deadline()))
    stack.ended(first.json()["transaction_id"])
    used = stack.post(payer.pay(3_000, nonce=77, deadline=stack.deadline()))

    assert (held.status_code, held.json()["code"]) == (409, "nonce_used")
    assert (used.status_code, used.json()["code"]) == (409, "nonce_used")


def test_insufficient_funds_say_how_much_is_free(stack: Stack) -> None:
    """402, with the numbers."""
    payer = stack.payer(7)
    token = stack.description.contracts["MockUSDC"]
    locked = stack.contracts.escrow.functions.balanceOf(token, payer.address).call()

    refused = stack.post(payer.pay(locked + 1, deadline=stack.deadline()))

    assert refused.status_code == 402
    assert (refused.json()["free"], refused.json()["needed"]) == (str(locked), str(locked + 1))


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b'{"amount":"' + b"1" * 1_000_000 + b'"}', "application/json", 413),
        (b"[" * 15_000, "application/json", 400),
        (b'{"a":' * 2_000 + b"1" + b"}" * 2_000, "application/json", 400),
        (b"not json", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"amount": NaN}', "application/json", 400),
        (b'{"amount":"1","amount":"2"}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"\xff\xfe", "application/json", 400),
    ],
    ids=["1 MB", "deep list", "deep object", "text", "empty", "list", "NaN", "twice", "text/plain", "bytes"],
)
def test_a_body_that_is_no_request_is_refused(
    stack: Stack, content: bytes, media_type: str, status: int
) -> None:
    """Whatever it is, it is said what is wrong with it."""
    answer = stack.http.post("/payments", content=content, headers={"Content-Type": media_type})

    assert answer.status_code == status, answer.text
    assert answer.json()["code"]


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/transactions/0x12", 422, "transaction_id"),
        ("/transactions/0x" + "00" * 32, 404, "transaction_id"),
        ("/transactions/0x" + "00" * 32 + "/events", 404, "transaction_id"),
        ("/transactions", 422, "sender"),
        ("/transactions?sender=me", 422, "sender"),
        ("/transactions?sender=0x70997970C51812dc3A010C7d01b50e0d17dc79C8&limit=0", 422, "limit"),
        ("/transactions?sender=0x70997970C51812dc3A010C7d01b50e0d17dc79C8&status=LOST", 422, "status"),
        ("/transactions?sender=0x70997970C51812dc3A010C7d01b50e0d17dc79C8&cursor=abc", 422, "cursor"),
        ("/transactions?sender=0x70997970C51812dc3A010C7d01b50e0d17dc79C8&page=2", 422, "page"),
    ],
)
def test_a_bad_read_names_the_parameter(stack: Stack, path: str, status: int, field: str) -> None:
    """The read side is as strict."""
    answer = stack.http.get(path, headers=stack.reader)

    assert answer.status_code == status, answer.text
    assert field in [error["field"] for error in answer.json()["errors"]]
