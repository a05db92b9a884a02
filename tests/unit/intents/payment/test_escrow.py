"""What we encode for the escrow; the oracle is web3 over the ABI that the compiler gave."""

from typing import Any, cast

import pytest
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_signature_to_4byte_selector
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from ferryman.contracts import load
from ferryman.domain.units import Address, ChainId, Seconds, TokenUnits
from ferryman.intents.erc5267 import EIP712_DOMAIN
from ferryman.intents.payment import PAYMENT, escrow
from tests.support.payments import CHAIN_ID, ESCROW, chain_settings, signed_request
from tests.support.strategies import payment_messages

ABI = load("PaymentEscrow").abi
CONTRACT = Web3().eth.contract(address=Web3.to_checksum_address(ESCROW), abi=ABI)


def payment_of(message: dict[str, Any]) -> escrow.Payment:
    """Give a message as the package's own type."""
    return escrow.Payment(
        token=message["token"],
        payer=message["from"],
        payee=message["to"],
        amount=TokenUnits(message["amount"]),
        fee=TokenUnits(message["fee"]),
        nonce=message["nonce"],
        deadline_seconds=Seconds(message["deadline"]),
    )


def abi_entry(kind: str, name: str) -> dict[str, Any]:
    """Find the one entry of that name."""
    (entry,) = [entry for entry in ABI if entry["type"] == kind and entry.get("name") == name]
    return entry


def selector(entry: dict[str, Any]) -> str:
    """Compute an entry's selector from its canonical types."""
    types = ",".join(_canonical(member) for member in entry["inputs"])
    return "0x" + function_signature_to_4byte_selector(f"{entry['name']}({types})").hex()


def _canonical(member: dict[str, Any]) -> str:
    if not member["type"].startswith("tuple"):
        return cast("str", member["type"])
    return f"({','.join(_canonical(part) for part in member['components'])}){member['type'][5:]}"


@given(message=payment_messages(), signature=st.binary(min_size=1, max_size=200))
def test_our_calldata_is_byte_for_byte_that_of_web3(message: dict[str, Any], signature: bytes) -> None:
    """Any payment, and signatures of any length: contract wallets have long ones."""
    expected = CONTRACT.encode_abi("executePayment", [tuple(message.values()), signature])

    assert "0x" + escrow.execute_payment(payment_of(message), signature).hex() == expected


@given(batch=st.lists(st.tuples(payment_messages(), st.binary(max_size=100)), max_size=5))
def test_our_calldata_of_a_batch_is_byte_for_byte_that_of_web3(
    batch: list[tuple[dict[str, Any], bytes]],
) -> None:
    """Any number of payments, with signatures that end within a word, at its end, or have nothing."""
    signatures = [signature for _, signature in batch]
    structs = [tuple(message.values()) for message, _ in batch]
    expected = CONTRACT.encode_abi("executePayments", [structs, signatures])

    ours = escrow.execute_payments([payment_of(message) for message, _ in batch], signatures)

    assert "0x" + ours.hex() == expected


@given(message=payment_messages())
def test_our_question_for_the_state_is_that_of_web3(message: dict[str, Any]) -> None:
    """Token, payer, nonce, in this order."""
    expected = CONTRACT.encode_abi("paymentState", [message["token"], message["from"], message["nonce"]])

    assert "0x" + escrow.payment_state_call(payment_of(message)).hex() == expected


def test_a_parsed_request_becomes_the_call_that_web3_would_make() -> None:
    """From the JSON body to the bytes that a wallet signs."""
    settings = chain_settings()
    body = signed_request()
    payload = PAYMENT.parse(body, {CHAIN_ID: settings}).payload

    call = PAYMENT.to_call(payload)

    message = [body[name] for name in ("token", "from", "to")]
    message += [int(body[name]) for name in ("amount", "fee", "nonce", "deadline")]
    expected = CONTRACT.encode_abi("executePayment", [tuple(message), body["signature"]])
    assert (call.to, call.value, "0x" + call.data.hex()) == (ESCROW, 0, expected)


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (escrow.EXECUTE_PAYMENT, "executePayment"),
        (escrow.PAYMENT_STATE, "paymentState"),
        (EIP712_DOMAIN, "eip712Domain"),
        (escrow.GRACE_PERIOD, "gracePeriod"),
    ],
)
def test_our_selectors_are_those_of_the_contract(ours: bytes, name: str) -> None:
    """A selector the contract does not have answers nothing, or reverts."""
    assert "0x" + ours.hex() == selector(abi_entry("function", name))


def test_every_permanent_error_is_one_of_the_contracts() -> None:
    """An error that was renamed in the contract would wait for ever here."""
    errors = {selector(entry): entry["name"] for entry in ABI if entry["type"] == "error"}

    named = {errors[code]: reason for code, reason in escrow.PERMANENT_ERRORS.items()}

    assert named == {
        "PaymentExpired": "deadline_passed",
        "PaymentNonceUsed": "nonce_used",
        "PaymentNonceInvalidated": "nonce_invalidated",
        "PaymentSignatureInvalid": "signature_invalid",
        "PaymentRecipientInvalid": "recipient_invalid",
        "PaymentAmountZero": "amount_zero",
    }


def test_missing_funds_and_a_missing_role_are_not_permanent() -> None:
    """Both may pass: a deposit arrives, an operator grants the role."""
    errors = {entry["name"]: selector(entry) for entry in ABI if entry["type"] == "error"}

    passing = ("PaymentInsufficientBalance", "EnforcedPause", "AccessControlUnauthorizedAccount")

    assert not {errors[name] for name in passing} & escrow.PERMANENT_ERRORS.keys()


def test_the_signed_type_has_the_members_of_the_contracts_struct() -> None:
    """The same names and types in the same order, or no signature ever verifies on chain."""
    (payment, _signature) = abi_entry("function", "executePayment")["inputs"]

    members = ",".join(f"{member['type']} {member['name']}" for member in payment["components"])

    assert f"Payment({members})" == escrow.PAYMENT_TYPE


def test_the_answers_are_decoded_by_the_contracts_own_types() -> None:
    """The views we decode return what we take them for."""
    outputs = {
        name: [member["type"] for member in abi_entry("function", name)["outputs"]]
        for name in ("paymentState", "eip712Domain", "gracePeriod")
    }

    assert outputs == {
        "paymentState": ["uint256", "uint256", "uint256", "bool", "uint256"],
        "eip712Domain": ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"],
        "gracePeriod": ["uint256"],
    }


def test_the_domain_is_the_contracts() -> None:
    """Name and version are spelt in the contract's constructor; the integration tests ask it."""
    ours = escrow.domain(ChainId(5), Address(ESCROW))

    assert (ours.name, ours.version, ours.chain_id, ours.verifying_contract) == (
        "AION PaymentEscrow",
        "1",
        5,
        ESCROW,
    )


@given(
    numbers=st.lists(st.integers(0, 2**256 - 1) | st.integers(0, 2), min_size=4, max_size=6),
    more=st.binary(max_size=31),
)
def test_an_accounts_state_is_read_as_the_general_decoder_reads_it_and_refused_as_it_refuses(
    numbers: list[int], more: bytes
) -> None:
    """An endpoint may answer with anything: too short, too long, or a bool that is neither."""
    answer = b"".join(number.to_bytes(32) for number in numbers) + more

    try:
        balance, withdrawal, claimable_at, _used, _from = decode(
            ["uint256", "uint256", "uint256", "bool", "uint256"], answer
        )
    except DecodingError as refusal:
        with pytest.raises(type(refusal)):
            escrow.account_state(answer)
    else:
        assert escrow.account_state(answer) == (balance, withdrawal, claimable_at)
