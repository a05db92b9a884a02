"""The forwarder's bytes: what we send and read is what web3 does from the compiler's artifact."""

from typing import Any, Final

from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3
from web3.contract import Contract

from ferryman.contracts import load
from ferryman.domain.eip712 import Eip712Domain
from ferryman.domain.units import Address, ChainId, Gas, Seconds, Wei
from ferryman.intents.forward_request import forwarder
from tests.support.forward_requests import (
    FORWARDER,
    NAME,
    forward_request,
    signable_forward_request,
)
from tests.support.payments import CHAIN_ID, PAYER, address_of, digest_of

ARTIFACT: Final = load("ERC2771Forwarder")
CONTRACT: Final[Contract] = Web3().eth.contract(Web3.to_checksum_address(FORWARDER), abi=ARTIFACT.abi)
SEPARATOR: Final = Eip712Domain(NAME, "1", ChainId(CHAIN_ID), Address(FORWARDER)).separator()
ERRORS: Final = {
    "0x" + Web3.keccak(text=f"{one['name']}({','.join(part['type'] for part in one['inputs'])})")[:4].hex()
    for one in ARTIFACT.abi
    if one["type"] == "error"
}


def of(message: dict[str, Any]) -> forwarder.ForwardRequest:
    """Give the message that eth_account signs as ours."""
    return forwarder.ForwardRequest(
        signer=Address(message["from"]),
        target=Address(message["to"]),
        value=Wei(message["value"]),
        gas=Gas(message["gas"]),
        nonce=message["nonce"],
        deadline_seconds=Seconds(message["deadline"]),
        data=message["data"],
    )


@given(
    gas=st.integers(1, 10**9),
    nonce=st.integers(0, 2**256 - 1),
    deadline=st.integers(0, 2**48 - 1),
    data=st.binary(min_size=4, max_size=100),
)
def test_the_digest_and_the_calls_are_those_of_a_wallet_and_of_web3(
    gas: int, nonce: int, deadline: int, data: bytes
) -> None:
    """Whatever is asked for."""
    message = forward_request(gas=gas, nonce=nonce, deadline=deadline, data=data)
    signature = b"\x1b" * 65
    struct = {**{name: value for name, value in message.items() if name != "nonce"}, "signature": signature}

    ours = of(message)

    assert ours.digest(SEPARATOR) == digest_of(signable_forward_request(message))
    assert "0x" + ours.execute(signature).hex() == CONTRACT.encode_abi("execute", [struct])
    assert "0x" + ours.verify(signature).hex() == CONTRACT.encode_abi("verify", [struct])
    assert "0x" + forwarder.nonces(address_of(PAYER)).hex() == CONTRACT.encode_abi("nonces", [PAYER.address])


def test_every_error_that_we_know_is_one_of_the_forwarders() -> None:
    """A slip in a signature would never match."""
    known = {*forwarder.PERMANENT_ERRORS, *forwarder.PASSING_ERRORS}

    assert known <= ERRORS
    assert forwarder.INVALID_SIGNER in ERRORS
    assert not set(forwarder.PERMANENT_ERRORS) & forwarder.PASSING_ERRORS


def test_what_the_forwarder_tells_is_read_as_the_compiler_wrote_it() -> None:
    """Its event's topic and members."""
    (event,) = [one for one in ARTIFACT.abi if one.get("name") == "ExecutedForwardRequest"]
    types = [part["type"] for part in event["inputs"]]
    plain = [part["type"] for part in event["inputs"] if not part["indexed"]]

    assert Web3.keccak(text=f"ExecutedForwardRequest({','.join(types)})") == forwarder.EXECUTED
    assert forwarder.executed(encode(plain, [7, True])) == (7, True)
