"""The payment parser: whatever a client sends, it gets a payment or the fields that are wrong."""

import json
import math
from typing import Any

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import assume, given
from hypothesis import strategies as st

from ferryman.domain.errors import FieldProblem, InvalidFieldsError
from ferryman.domain.fees import Tier
from ferryman.domain.units import MONEY_LIMIT, UINT256_MAX
from ferryman.intents.kind import SignedIntent
from ferryman.intents.payment import PAYMENT
from tests.support.payments import (
    CHAIN_ID,
    ESCROW,
    PAYEE,
    PAYER,
    TOKEN,
    address_of,
    chain_settings,
    digest_of,
    payment_message,
    request_body,
    signable,
    signature_of,
    signed_request,
)
from tests.support.strategies import json_values, payment_messages

CHAINS = {CHAIN_ID: chain_settings()}
VALID = signed_request()
FIELDS = ("chain_id", "token", "from", "to", "amount", "fee", "nonce", "deadline", "signature", "priority")
REQUIRED = FIELDS[:-1]
DECIMAL = "must be a whole decimal number: no sign, point, exponent or leading zero"
Problems = dict[str, str]


def parse(**changes: object) -> SignedIntent:
    """Parse a good request with some fields changed."""
    return PAYMENT.parse(VALID | changes, CHAINS)


def problems(body: object) -> Problems:
    """Parse a request that must be refused, and give the reason of each field."""
    with pytest.raises(InvalidFieldsError) as refused:
        PAYMENT.parse(body, CHAINS)
    assert refused.value.detail
    return {problem.field: problem.reason for problem in refused.value.problems}


def problems_of(**changes: object) -> Problems:
    """Change some fields of a good request, and give the reasons it is refused for."""
    return problems(VALID | changes)


# -- what is taken ------------------------------------------------------------------------------


def test_a_signed_payment_is_read_as_it_was_signed() -> None:
    """The id is the digest that the payer's wallet signed, and the sender is who pays."""
    intent = parse()

    assert intent.digest == digest_of(signable(payment_message()))
    assert intent.transaction_id == "0x" + intent.digest.hex()
    assert intent.sender == address_of(PAYER)
    assert intent.signature == signature_of(payment_message())
    assert intent.kind == PAYMENT.name
    assert intent.chain_id == CHAIN_ID
    assert intent.deadline_seconds == VALID["deadline"]
    assert intent.priority is Tier.NORMAL


def test_addresses_in_lower_case_are_the_same_payment() -> None:
    """Also the same payload, so that the two requests are one."""
    lowered = {name: str(VALID[name]).lower() for name in ("token", "from", "to")}

    assert parse(**lowered) == parse()


def test_a_signature_in_upper_case_hex_is_the_same_payment() -> None:
    """Hex digits have two cases and one meaning."""
    assert parse(signature="0x" + VALID["signature"][2:].upper()) == parse()


@pytest.mark.parametrize("tier", list(Tier))
def test_the_priority_is_chosen_by_the_client(tier: Tier) -> None:
    """It is no part of what was signed, so the id stays the same."""
    intent = parse(priority=tier.value)

    assert intent.priority is tier
    assert intent.transaction_id == parse().transaction_id


def test_the_default_priority_said_aloud_is_the_same_request() -> None:
    """Leaving it out and sending `normal` are one request: the repeat is answered 200, not 409."""
    assert parse(priority="normal").payload == parse().payload


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "1"),
        ("amount", str(MONEY_LIMIT - 1)),
        ("fee", "0"),
        ("fee", str(MONEY_LIMIT - 1)),
        ("nonce", "0"),
        ("nonce", str(UINT256_MAX)),
        ("deadline", 0),
        ("deadline", 2**53 - 1),
        ("signature", "0x00"),
        ("signature", "0x" + "00" * 4096),
    ],
)
def test_the_last_value_inside_each_bound_is_taken(field: str, value: object) -> None:
    """The parser judges the form; time and signature are judged later, each with its own words."""
    assert parse(**{field: value}).payload[field] == value


@given(message=payment_messages())
def test_a_parsed_payment_is_written_back_as_it_came(message: dict[str, Any]) -> None:
    """The payload that is stored says everything that was sent: it goes round through JSON."""
    chains = {CHAIN_ID: chain_settings(tokens=(message["token"],))}
    body = request_body(message, b"\x01" * 65) | {"priority": "fast"}
    nowhere = {message["from"], message["token"], ESCROW, "0x" + "00" * 20}
    assume(message["to"] not in nowhere and message["amount"] > 0)

    intent = PAYMENT.parse(json.loads(json.dumps(body)), chains)

    assert dict(intent.payload) == body | {"escrow": ESCROW}


# -- anything at all ----------------------------------------------------------------------------


@given(body=json_values)
def test_any_json_is_refused_by_field(body: object) -> None:
    """Never another error: that would be a 500."""
    with pytest.raises(InvalidFieldsError) as refused:
        PAYMENT.parse(body, CHAINS)

    assert refused.value.problems
    assert all(problem.reason for problem in refused.value.problems)


@given(field=st.sampled_from(FIELDS), value=json_values)
def test_any_json_in_any_field_is_taken_or_refused_by_that_field(field: str, value: object) -> None:
    """The reason is told for the field that is wrong, and for no other."""
    try:
        intent = parse(**{field: value})
    except InvalidFieldsError as refused:
        assert {problem.field for problem in refused.problems} == {field}  # noqa: PT017 (it may also parse)
        return

    sent = {name: given for name, given in intent.payload.items() if name != "escrow"}
    assert PAYMENT.parse(sent, CHAINS) == intent


@given(
    field=st.sampled_from(("amount", "fee", "nonce")),
    text=st.text(alphabet="0123456789+-_.,eE xX\n\u0665\u00b2", max_size=8) | st.integers().map(str),
)
def test_only_one_spelling_of_a_number_is_taken(field: str, text: str) -> None:
    """Two spellings would be two bodies of one message; Python's int() takes many more."""
    is_plain = text.isascii() and text.isdigit() and str(int(text)) == text
    limit = UINT256_MAX + 1 if field == "nonce" else MONEY_LIMIT
    is_in_range = is_plain and int(text) < limit and not (field == "amount" and text == "0")

    if is_in_range:
        assert parse(**{field: text}).payload[field] == text
    else:
        assert problems_of(**{field: text}).keys() == {field}


@given(extra=st.text(max_size=100).filter(lambda name: name not in FIELDS), value=json_values)
def test_an_unknown_field_is_named(extra: str, value: object) -> None:
    """A misspelt `priorty` must not be dropped in silence."""
    found = problems(VALID | {extra: value})

    assert list(found.values()) == ["is not a field of this request"]
    assert list(found) == [extra[:60]]


# -- bad input, tried ---------------------------------------------------------------------------


@pytest.mark.parametrize("field", REQUIRED)
def test_a_missing_field_is_named(field: str) -> None:
    """Each of them, alone."""
    body = {name: value for name, value in VALID.items() if name != field}

    assert problems(body) == {field: "is required"}


@pytest.mark.parametrize("field", REQUIRED)
def test_null_is_not_a_value(field: str) -> None:
    """A field that is there and empty is wrong, not missing."""
    found = problems_of(**{field: None})

    assert found.keys() == {field}
    assert found[field].startswith("must be")


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """A client mends its request in one go."""
    found = problems({"chain_id": "1", "amount": -1, "to": "nobody", "tip": 1})

    assert found.keys() == {*REQUIRED, "tip"}


@pytest.mark.parametrize("field", ["token", "from", "to"])
def test_a_wrong_checksum_is_refused(field: str) -> None:
    """Swapping the case of one letter is how a mistyped address looks."""
    address = str(VALID[field])
    last = max(place for place, digit in enumerate(address) if digit.isalpha())
    mistyped = address[:last] + address[last].swapcase() + address[last + 1 :]

    found = problems_of(**{field: mistyped})

    assert found == {field: "has a wrong EIP-55 checksum; check the address, or send it in lower case"}


@pytest.mark.parametrize("field", ["token", "from", "to"])
@pytest.mark.parametrize("value", ["", "0x", PAYEE[2:], PAYEE[:-1], PAYEE + "0", "vitalik.eth"])
def test_what_is_no_address_is_refused(field: str, value: str) -> None:
    """Names are not resolved: only the signed address counts."""
    assert problems_of(**{field: value}) == {field: "must be 0x followed by 40 hex digits"}


@pytest.mark.parametrize("field", ["amount", "fee", "nonce"])
@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "+1",
        "1.0",
        "1.5",
        "1e6",
        "1E6",
        "01",
        "0x10",
        " 1",
        "1 ",
        "1\n",
        "1_000",
        "1,000",
        "",
        "1\u0665",
    ],
)
def test_another_spelling_of_an_amount_is_refused(field: str, value: str) -> None:
    """Negative, float, exponent, hex, padded: an amount has one spelling."""
    assert problems_of(**{field: value}) == {field: DECIMAL}


@pytest.mark.parametrize("field", ["amount", "fee", "nonce"])
@pytest.mark.parametrize("value", [1, -1, 1.5, 1e6, math.nan, math.inf, True, [], {}])
def test_an_amount_that_is_no_string_is_refused(field: str, value: object) -> None:
    """JSON numbers lose digits above 2^53 on the way."""
    assert problems_of(**{field: value}) == {field: "must be a string"}


def test_an_amount_of_nothing_is_refused() -> None:
    """It would cost gas and move nothing."""
    assert problems_of(amount="0") == {"amount": "must be more than 0"}


@pytest.mark.parametrize("field", ["amount", "fee"])
@pytest.mark.parametrize("value", [MONEY_LIMIT, UINT256_MAX])
def test_a_huge_amount_is_refused(field: str, value: int) -> None:
    """Sums of amounts must fit the 38 digits of a DynamoDB number."""
    assert problems_of(**{field: str(value)}) == {field: "must be below 10^36"}


@pytest.mark.parametrize("field", ["amount", "fee", "nonce"])
def test_a_number_of_too_many_digits_is_refused_unread(field: str) -> None:
    """Python reads a long number in quadratic time."""
    found = problems_of(**{field: "9" * 5_000})

    assert found.keys() == {field}
    assert "78" in found[field]


def test_a_nonce_above_256_bits_is_refused() -> None:
    """The contract's nonce is a uint256."""
    assert problems_of(nonce=str(UINT256_MAX + 1)) == {"nonce": "must fit 256 bits"}


@pytest.mark.parametrize("value", [PAYER.address, PAYER.address.lower()])
def test_a_payment_to_oneself_is_refused(value: str) -> None:
    """In either spelling of the address."""
    assert problems_of(to=value) == {"to": "must not be the payer"}


def test_a_payment_to_nobody_is_refused() -> None:
    """The token would refuse it on chain, after the gas was spent."""
    assert problems_of(to="0x" + "00" * 20) == {"to": "must not be the zero address"}


@pytest.mark.parametrize("value", [ESCROW, ESCROW.lower(), TOKEN, TOKEN.lower()])
def test_a_payment_to_one_of_the_contracts_is_refused(value: str) -> None:
    """Tokens sent to the escrow or to the token itself belong to nobody."""
    found = problems_of(to=value)

    assert found.keys() == {"to"}
    assert "neither the escrow nor the token" in found["to"]


@pytest.mark.parametrize("value", [1, 31338, 2**53 - 1])
def test_another_chain_is_refused_with_those_that_are_served(value: int) -> None:
    """The contract of another chain would give another digest: a wrong signer, which says less."""
    found = problems_of(chain_id=value)

    assert found == {"chain_id": f"is not served here; served: {CHAIN_ID}"}


@pytest.mark.parametrize("field", ["chain_id", "deadline"])
@pytest.mark.parametrize("value", ["31337", 31337.0, 31337.5, 1e400, math.nan, True, [31337]])
def test_a_number_that_is_no_whole_json_number_is_refused(field: str, value: object) -> None:
    """Strings, floats and booleans are not converted."""
    assert problems_of(**{field: value}) == {field: "must be a whole number"}


@pytest.mark.parametrize(("field", "value"), [("chain_id", 0), ("chain_id", -1), ("deadline", -1)])
def test_a_number_below_its_bound_is_refused(field: str, value: int) -> None:
    """EIP-155 ids begin at 1, Unix time at 0."""
    bound = {"chain_id": 1, "deadline": 0}[field]

    assert problems_of(**{field: value}) == {field: f"must be greater than or equal to {bound}"}


@pytest.mark.parametrize("field", ["chain_id", "deadline"])
@pytest.mark.parametrize("value", [2**53, 2**256, 10**4_000])
def test_a_number_above_what_json_carries_is_refused(field: str, value: int) -> None:
    """2^53 and more is rounded by most JSON readers."""
    found = problems_of(**{field: value})

    assert found.keys() == {field}
    assert "less than or equal to" in found[field]


def test_a_token_that_is_not_allowed_is_refused_with_those_that_are() -> None:
    """A token is foreign code, and we pay its gas."""
    other = to_checksum_address("0x" + "12" * 20)

    assert problems_of(token=other) == {"token": f"is not accepted on this chain; accepted: {TOKEN}"}


@pytest.mark.parametrize("value", ["", "0x", "1b" * 65, "0x1", "0x" + "zz" * 65, "0x" + "1b" * 4097])
def test_a_signature_that_is_no_hex_is_refused(value: str) -> None:
    """Empty, without prefix, half a byte, no hex digits, longer than any wallet's."""
    assert problems_of(signature=value).keys() == {"signature"}


@pytest.mark.parametrize("value", ["", "FAST", "Slow", "urgent", 1, None, ["fast"]])
def test_an_unknown_priority_is_refused_with_those_there_are(value: object) -> None:
    """Written as they are, in lower case."""
    found = problems_of(priority=value)

    assert found.keys() == {"priority"}
    assert all(tier.value in found["priority"] for tier in Tier)


@pytest.mark.parametrize("name", ["payer", "payee", "status", "transaction_id"])
def test_our_own_names_are_not_fields_of_the_request(name: str) -> None:
    """The model's names and the record's fields are not for clients to set."""
    assert problems_of(**{name: PAYEE}) == {name: "is not a field of this request"}


@pytest.mark.parametrize("body", [None, [], "payment", 7, [VALID]])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    """Batches have no route here."""
    with pytest.raises(InvalidFieldsError):
        PAYMENT.parse(body, CHAINS)


def test_a_reason_never_repeats_the_value() -> None:
    """It may be a signature, or 16 kB of anything."""
    secret = "s3cr3t" * 100
    bad: dict[str, object] = dict.fromkeys(FIELDS, secret)

    with pytest.raises(InvalidFieldsError) as refused:
        PAYMENT.parse(bad, CHAINS)

    told = repr([FieldProblem(problem.field, problem.reason) for problem in refused.value.problems])
    assert "s3cr3t" not in told
