"""Settlements: their bytes on the wire, and what the token's logs say of them."""

from typing import Any, Final

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from ferryman.contracts import load
from ferryman.domain.errors import InvalidFieldsError
from ferryman.domain.units import Address, BlockHash, BlockNumber, TxHash, hex_bytes
from ferryman.intents import eip3009
from ferryman.intents.kind import SignedIntent
from ferryman.intents.settlement import SETTLEMENT, settler
from ferryman.ports import EventLog
from tests.support.payments import CHAIN_ID, PAYEE, PAYER, digest_of
from tests.support.settlements import (
    ASSET,
    SETTLER,
    authorization,
    settlement_settings,
    signable_authorization,
    signed_settlement,
)

CHAIN: Final = settlement_settings(settler=SETTLER)
NONCE: Final = b"\x2c" * 32
OTHER: Final = b"\x2d" * 32
STRANGER: Final = "0x" + "ab" * 20


def parsed(**members: object) -> SignedIntent:
    """Parse a signed settlement."""
    body: dict[str, Any] = signed_settlement(**dict[str, Any](members))
    return SETTLEMENT.parse(body, {CHAIN_ID: CHAIN})


def word(address: str) -> bytes:
    """Write an address as a topic."""
    return hex_bytes(address.lower()).rjust(32, b"\0")


def log(*topics: bytes, data: bytes = b"", contract: str = ASSET) -> EventLog:
    """Tell something, in the block that matters."""
    return EventLog(
        contract=Address(contract),
        topics=topics,
        data=data,
        block_number=BlockNumber(7),
        block_hash=BlockHash("0x" + "0b" * 32),
        transaction_hash=TxHash("0x" + "0c" * 32),
    )


def used(nonce: bytes = NONCE, **changes: Any) -> EventLog:  # noqa: ANN401 (of a log)
    """Tell of an authorization that was used."""
    return log(eip3009.AUTHORIZATION_USED, word(PAYER.address), nonce, **changes)


def moved(to: str = PAYEE, value: int = 1_000_000, **changes: Any) -> EventLog:  # noqa: ANN401 (of a log)
    """Tell of a transfer."""
    data = value.to_bytes(32)
    return log(eip3009.TRANSFERRED, word(PAYER.address), word(to), **{"data": data, **changes})


def test_the_digest_is_what_a_wallet_signs() -> None:
    """By eth_account, from the token's own domain."""
    assert parsed().digest == digest_of(signable_authorization(authorization()))


def test_the_call_is_the_tokens_transfer_with_v_r_and_s() -> None:
    """By the general encoder."""
    intent = parsed()
    types = ["address", "address", "uint256", "uint256", "uint256", "bytes32", "uint8", "bytes32", "bytes32"]
    signature = intent.signature
    values = [*authorization().values(), signature[64], signature[:32], signature[32:64]]
    name = b"transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"

    call = SETTLEMENT.to_call(intent.payload)

    assert (call.to, call.value) == (ASSET, 0)
    assert call.data == keccak(name)[:4] + encode(types, values)


def test_a_signature_of_another_length_goes_to_the_other_function() -> None:
    """As a contract wallet gives it, to a token that takes it."""
    payload = dict(parsed().payload) | {"signature": "0x" + "ab" * 100}
    types = ["address", "address", "uint256", "uint256", "uint256", "bytes32", "bytes"]
    name = b"transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"

    call = SETTLEMENT.to_call(payload)

    assert call.data == keccak(name)[:4] + encode(types, [*authorization().values(), b"\xab" * 100])


def test_a_batch_is_a_call_of_the_settler() -> None:
    """By the general encoder, and the artifact's own signature."""
    intents = [parsed(nonce=bytes([number]) * 32) for number in (1, 2, 3)]
    legs = [
        (
            *authorization(nonce=bytes([number]) * 32).values(),
            intent.signature[64],
            intent.signature[:32],
            intent.signature[32:64],
        )
        for number, intent in zip((1, 2, 3), intents, strict=True)
    ]
    (settle,) = [one for one in load("BatchSettler").abi if one.get("name") == "settle"]
    types = [_type_of(one) for one in settle["inputs"]]

    call = SETTLEMENT.to_batch_call([intent.payload for intent in intents], CHAIN)

    assert call
    assert call.to == SETTLER
    assert call.data[:4] == keccak(f"settle({','.join(types)})".encode())[:4]
    assert call.data[4:] == encode(types, [ASSET, settler.LEG_GAS, legs, []])


def _type_of(parameter: dict[str, Any]) -> str:
    """Write a parameter's type out."""
    if not parameter["type"].startswith("tuple"):
        return str(parameter["type"])
    members = ",".join(_type_of(one) for one in parameter["components"])
    return f"({members}){parameter['type'].removeprefix('tuple')}"


@pytest.mark.parametrize(
    ("signature", "chain"),
    [("0x" + "ab" * 100, CHAIN), (None, settlement_settings())],
    ids=["of a contract", "no settler"],
)
def test_what_cannot_share_a_transaction_goes_alone(signature: str | None, chain: Any) -> None:  # noqa: ANN401 (settings)
    """Nobody knows what a contract wallet burns."""
    payload = dict(parsed().payload) | ({"signature": signature} if signature else {})

    assert SETTLEMENT.to_batch_call([payload, payload], chain) is None


# -- what counts as paid ------------------------------------------------------------------------

PAID: Final = {
    "by itself": [used(), moved()],
    "amid others": [used(OTHER), moved(STRANGER), used(), moved(), used(OTHER), moved()],
    "with other contracts between": [used(), log(b"\x01" * 32, contract=STRANGER), moved()],
}
UNPAID: Final = {
    "nothing": [],
    "another nonce": [used(OTHER), moved()],
    "another payee": [used(), moved(STRANGER)],
    "another value": [used(), moved(value=999_999)],
    "another token's": [used(contract=STRANGER), moved(contract=STRANGER)],
    "the nonce alone": [used()],
    "the transfer alone": [moved()],
    "the transfer of another authorization": [used(), moved(STRANGER), used(OTHER), moved()],
    "the wrong way round": [moved(), used()],
}


@pytest.mark.parametrize("name", PAID)
def test_a_transfer_right_after_its_nonce_is_the_settlement(name: str) -> None:
    """Whoever sent it."""
    intent = parsed()

    assert SETTLEMENT.is_execution(intent.transaction_id, intent.payload, PAID[name])
    assert SETTLEMENT.leg(intent.transaction_id, intent.payload, PAID[name]).is_done


@pytest.mark.parametrize("name", UNPAID)
def test_anything_else_is_not(name: str) -> None:
    """One transfer never counts for two nonces."""
    intent = parsed()

    assert not SETTLEMENT.is_execution(intent.transaction_id, intent.payload, UNPAID[name])
    assert not SETTLEMENT.leg(intent.transaction_id, intent.payload, UNPAID[name]).is_done


def test_a_nonce_that_was_used_for_something_else_never_comes_back() -> None:
    """A leg that the token did not mention may be tried again."""
    intent = parsed()

    spent = SETTLEMENT.leg(intent.transaction_id, intent.payload, [used(), moved(STRANGER)])
    unseen = SETTLEMENT.leg(intent.transaction_id, intent.payload, [])

    assert (spent.reason, unseen.reason) == ("transfer_mismatch", None)
    assert unseen.cause


# -- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "0x" + "00" * 20),
        ("to", PAYER.address),
        ("to", ASSET),
        ("value", "0"),
        ("value", "1e6"),
        ("nonce", "0x2c"),
        ("nonce", "7"),
        ("valid_before", "1893456000"),
        ("resource", ""),
        ("asset", STRANGER),
        ("signature", "0x" + "11" * 32 + "6492" * 16),
    ],
)
def test_a_field_that_is_wrong_is_named(field: str, value: object) -> None:
    """And nothing else is."""
    with pytest.raises(InvalidFieldsError) as refused:
        SETTLEMENT.parse(signed_settlement() | {field: value}, {CHAIN_ID: CHAIN})

    assert {problem.field for problem in refused.value.problems} == {field}


def test_a_signature_of_another_length_is_refused_where_the_token_takes_none() -> None:
    """No call could carry it."""
    domain = CHAIN.authorized_tokens[ASSET].model_copy(update={"takes_bytes": False})
    chain = CHAIN.model_copy(update={"authorized_tokens": {ASSET: domain}})

    with pytest.raises(InvalidFieldsError) as refused:
        SETTLEMENT.parse(signed_settlement() | {"signature": "0x" + "ab" * 100}, {CHAIN_ID: chain})

    assert [problem.field for problem in refused.value.problems] == ["signature"]


def test_a_resource_is_kept_as_its_hash_and_is_part_of_the_request() -> None:
    """A row has a kilobyte; and a payment for one resource is none for another."""
    bodies = [signed_settlement() | {"resource": f"https://example.com/{name}"} for name in "ab"]
    one, other = (SETTLEMENT.parse(body, {CHAIN_ID: CHAIN}) for body in bodies)

    assert one.transaction_id == other.transaction_id
    assert one.payload["resource"] != other.payload["resource"]
    assert len(str(one.payload["resource"])) == 66


def test_a_token_that_claims_more_than_there_can_be_is_not_believed_that_far() -> None:
    """The tables take 38 digits."""
    intent = parsed()
    most = b"\xff" * 32

    room = SETTLEMENT.assess(intent.payload, [most, most, bytes(32), bytes(32)])

    assert 0 < room < 10**36


def test_the_contract_has_to_have_the_configured_domain() -> None:
    """It is asked for its separator."""
    payload = parsed().payload
    (read,) = SETTLEMENT.contract_reads(CHAIN, payload)
    domain = CHAIN.authorized_tokens[ASSET]
    other = CHAIN.model_copy(
        update={"authorized_tokens": {ASSET: domain.model_copy(update={"version": "1"})}}
    )
    separator = parsed_separator()

    assert (read.to, read.data) == (ASSET, eip3009.DOMAIN_SEPARATOR)
    assert SETTLEMENT.is_our_contract([separator], CHAIN, payload)
    assert not SETTLEMENT.is_our_contract([separator], other, payload)
    assert not SETTLEMENT.is_our_contract([b""], CHAIN, payload)


def parsed_separator() -> bytes:
    """Give the domain separator by eth_account."""
    return bytes(signable_authorization(authorization()).header)
