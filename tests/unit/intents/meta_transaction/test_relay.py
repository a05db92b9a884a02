"""What we encode for the relay; the oracles are web3 over the compiler's ABI, and eth_account."""

from typing import Any, Final

from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from ferryman.contracts import load
from ferryman.domain.units import Address, Gas, Seconds, TokenUnits
from ferryman.intents.erc5267 import EIP712_DOMAIN
from ferryman.intents.meta_transaction import relay
from tests.support.meta_transactions import (
    RELAY,
    meta_transaction,
    signable_meta_transaction,
)
from tests.support.payments import CHAIN_ID, PAYER, address_of
from tests.support.settlements import ASSET

CONTRACT: Final = Web3().eth.contract(address=Web3.to_checksum_address(RELAY), abi=load("MetaTxRelay").abi)
TOKEN: Final = Web3().eth.contract(address=Web3.to_checksum_address(ASSET), abi=load("MockUSDC").abi)
_UINT: Final = st.integers(min_value=0, max_value=2**256 - 1)
_ERRORS: Final = [one for one in load("MetaTxRelay").abi if one["type"] == "error"]
_SELECTORS: Final = {
    "0x" + Web3.keccak(text=f"{one['name']}({','.join(part['type'] for part in one['inputs'])})")[:4].hex()
    for one in _ERRORS
}
"""Of the relay's errors: none has a member of a type of its own but contracts."""


def message_of(message: dict[str, Any]) -> relay.MetaTransaction:
    """Give a message as the package's own type."""
    return relay.MetaTransaction(
        user=message["user"],
        target=message["target"],
        data=message["data"],
        gas_level=message["gasLevel"],
        gas_limit=Gas(message["gasLimit"]),
        max_fee=TokenUnits(message["maxFee"]),
        nonce=message["nonce"],
        deadline_seconds=Seconds(message["deadline"]),
    )


@st.composite
def messages(draw: st.DrawFn) -> dict[str, Any]:
    """Give requests with calls of any length, and numbers of any size."""
    return meta_transaction(
        data=draw(st.binary(min_size=4, max_size=100)),
        gasLevel=draw(st.sampled_from(["slow", "normal", "fast"])),
        gasLimit=draw(_UINT),
        maxFee=draw(_UINT),
        nonce=draw(_UINT),
        deadline=draw(_UINT),
    )


@given(message=messages(), signature=st.binary(max_size=100), paid=st.binary(max_size=100), price=_UINT)
def test_our_calldata_is_byte_for_byte_that_of_web3(
    message: dict[str, Any], signature: bytes, paid: bytes, price: int
) -> None:
    """Calls and signatures that end within a word, at its end, or have nothing."""
    payment = relay.FeeAuthorization(
        token=Address(ASSET), valid_after=Seconds(1), valid_before=Seconds(2), signature=paid
    )
    expected = CONTRACT.encode_abi(
        "executeMetaTx", [tuple(message.values()), signature, (ASSET, 1, 2, paid), price]
    )

    ours = relay.execute(message_of(message), signature, payment, TokenUnits(price))

    assert "0x" + ours.hex() == expected


@given(message=messages())
def test_the_digest_is_what_a_wallet_signs(message: dict[str, Any]) -> None:
    """By eth_account's own encoder; its struct hash is the nonce of the payment."""
    signable = signable_meta_transaction(message)

    ours = message_of(message)

    assert ours.hashed() == signable.body
    digest = ours.digest(relay.domain(CHAIN_ID, Address(RELAY)).separator())
    assert digest == Web3.keccak(b"\x19" + signable.version + signable.header + signable.body)


@given(message=messages(), signature=st.binary(min_size=66, max_size=200))
def test_the_collection_that_is_tried_is_the_tokens_own_function(
    message: dict[str, Any], signature: bytes
) -> None:
    """With v, r and s where a key signed, and as bytes where a contract vouches: as the relay calls it."""
    request, members = message_of(message), [PAYER.address, RELAY, message["maxFee"], 1, 2]
    by_key = bytes([1]) * 32 + bytes([2]) * 32 + bytes([27])

    def tried(signed: bytes) -> str:
        payment = relay.FeeAuthorization(
            token=Address(ASSET), valid_after=Seconds(1), valid_before=Seconds(2), signature=signed
        )
        return "0x" + payment.receive(request, Address(RELAY)).hex()

    nonce = request.hashed()
    short = TOKEN.get_function_by_signature(
        "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
    )
    long = TOKEN.get_function_by_signature(
        "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
    )
    assert (
        tried(by_key)
        == short(*members, nonce, 27, bytes([1]) * 32, bytes([2]) * 32)._encode_transaction_data()
    )
    assert tried(signature) == long(*members, nonce, signature)._encode_transaction_data()


def test_our_questions_are_those_of_web3() -> None:
    """Each view, by its name and types."""
    user, target, selector = PAYER.address, RELAY, b"\x01\x02\x03\x04"

    ours = {
        "isNonceUsed": (relay.is_nonce_used(address_of(PAYER), 7), [user, 7]),
        "nextNonce": (relay.next_nonce(address_of(PAYER)), [user]),
        "isTargetAllowed": (relay.is_target_allowed(Address(target), selector), [target, selector]),
        "feeTerms": (relay.fee_terms(Address(ASSET)), [ASSET]),
        "eip712Domain": (EIP712_DOMAIN, []),
    }

    for name, (data, arguments) in ours.items():
        assert "0x" + data.hex() == CONTRACT.encode_abi(name, arguments)


def test_every_error_that_we_know_is_one_of_the_relays() -> None:
    """A slip in a signature would never match."""
    known = {*relay.PERMANENT_ERRORS, *relay.PASSING_ERRORS}

    assert known <= _SELECTORS
    assert not set(relay.PERMANENT_ERRORS) & relay.PASSING_ERRORS


def test_what_the_relay_tells_is_read_as_the_compiler_wrote_it() -> None:
    """Its event's topic and members."""
    (event,) = [one for one in load("MetaTxRelay").abi if one.get("name") == "MetaTxExecuted"]
    types = [part["type"] for part in event["inputs"]]
    plain = [part["type"] for part in event["inputs"] if not part["indexed"]]

    told = relay.executed(encode(plain, [7, True, ASSET, 1_234, 90_000, b"why"]))

    assert Web3.keccak(text=f"MetaTxExecuted({','.join(types)})") == relay.EXECUTED
    assert (told.succeeded, told.token, told.fee, told.gas_used, told.reason) == (
        True,
        ASSET,
        1_234,
        90_000,
        b"why",
    )
