"""Type-2 envelopes; the oracle is eth_account, which takes them apart and makes its own."""

from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_keys.datatypes import PrivateKey
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.eip1559 import Call, Eip1559Transaction, transaction_hash
from ferryman.domain.envelopes import opened
from ferryman.domain.fees import Eip1559Fees
from ferryman.domain.signatures import Signature
from ferryman.domain.units import Address, ChainId, Gas, WalletNonce, Wei
from tests.support.strategies import addresses, keys


@st.composite
def transactions(draw: st.DrawFn) -> Eip1559Transaction:
    """Draw any unsigned transaction."""
    tip = draw(st.integers(0, 10**12))
    return Eip1559Transaction(
        chain_id=ChainId(draw(st.integers(1, 2**53 - 1))),
        nonce=WalletNonce(draw(st.integers(0, 2**32))),
        fees=Eip1559Fees(
            max_fee_per_gas=Wei(tip + draw(st.integers(0, 10**12))), max_priority_fee_per_gas=Wei(tip)
        ),
        gas_limit=Gas(draw(st.integers(21_000, 30_000_000))),
        call=Call(draw(addresses), draw(st.binary(max_size=300)), Wei(draw(st.integers(0, 10**20)))),
    )


def as_eth_account(transaction: Eip1559Transaction) -> dict[str, Any]:
    """Give the same transaction in eth_account's terms."""
    return {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "maxPriorityFeePerGas": transaction.fees.max_priority_fee_per_gas,
        "maxFeePerGas": transaction.fees.max_fee_per_gas,
        "gas": transaction.gas_limit,
        "to": transaction.call.to,
        "value": transaction.call.value,
        "data": transaction.call.data,
        "accessList": [],
    }


def signed(transaction: Eip1559Transaction, account: LocalAccount) -> bytes:
    """Sign our signing hash with a key, and give our envelope."""
    signature = PrivateKey(bytes(account.key)).sign_msg_hash(transaction.signing_hash())
    return transaction.signed(Signature(signature.r, signature.s, signature.v))


@given(transaction=transactions(), account=keys)
def test_our_envelope_is_byte_for_byte_that_of_eth_account(
    transaction: Eip1559Transaction, account: LocalAccount
) -> None:
    """The same key, hash and RFC 6979 nonce give the same signature, so the bytes must be equal."""
    expected = account.sign_transaction(as_eth_account(transaction))

    raw = signed(transaction, account)

    assert raw == bytes(expected.raw_transaction)
    assert transaction_hash(raw) == "0x" + bytes(expected.hash).hex()


@given(transaction=transactions(), account=keys)
def test_a_node_reads_out_of_our_envelope_what_we_put_in(
    transaction: Eip1559Transaction, account: LocalAccount
) -> None:
    """Sender and every field."""
    raw = HexBytes(signed(transaction, account))

    assert Account.recover_transaction(raw) == account.address
    read = TypedTransaction.from_bytes(raw).as_dict()
    expected = as_eth_account(transaction)
    for name in expected.keys() - {"to", "data", "accessList"}:
        assert read[name] == expected[name]
    assert Address(to_checksum_address(read["to"])) == transaction.call.to
    assert bytes(read["data"]) == transaction.call.data
    assert not read["accessList"]


@given(transaction=transactions(), account=keys)
def test_what_was_signed_is_read_back_as_it_was(
    transaction: Eip1559Transaction, account: LocalAccount
) -> None:
    """A bump signs the same call again: it is taken from the bytes that stand."""
    assert opened(signed(transaction, account)) == transaction


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 255, 256])
def test_integers_have_no_leading_zero_bytes(nonce: int) -> None:
    """RLP is canonical; nodes refuse an integer with a leading zero, and 0 is the empty string."""
    account = Account.from_key("0x" + "11" * 32)
    transaction = Eip1559Transaction(
        chain_id=ChainId(1),
        nonce=WalletNonce(nonce),
        fees=Eip1559Fees(max_fee_per_gas=Wei(0), max_priority_fee_per_gas=Wei(0)),
        gas_limit=Gas(21_000),
        call=Call(Address(account.address), b""),
    )

    raw = signed(transaction, account)

    assert raw == bytes(account.sign_transaction(as_eth_account(transaction)).raw_transaction)


@given(transaction=transactions(), signature=st.tuples(st.integers(1, 2**200), st.integers(1, 2**200)))
def test_short_signature_numbers_are_encoded_as_numbers(
    transaction: Eip1559Transaction, signature: tuple[int, int]
) -> None:
    """One r in 256 starts with a zero byte, which must not be in the envelope."""
    r, s = signature

    read = TypedTransaction.from_bytes(HexBytes(transaction.signed(Signature(r, s, 0)))).as_dict()

    assert (read["r"], read["s"], read["v"]) == (r, s, 0)
