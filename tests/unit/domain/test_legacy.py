"""Type-0 transactions; the oracle is eth_account."""

from typing import Any

from coincurve import PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.eip1559 import Call, transaction_hash
from ferryman.domain.envelopes import opened
from ferryman.domain.fees import Eip1559Fees
from ferryman.domain.legacy import LegacyTransaction
from ferryman.domain.signatures import Signature
from ferryman.domain.units import ChainId, Gas, WalletNonce, Wei
from tests.support.strategies import addresses, keys


@st.composite
def transactions(draw: st.DrawFn) -> LegacyTransaction:
    """Draw any unsigned transaction."""
    gas_price = Wei(draw(st.integers(0, 10**13)))
    return LegacyTransaction(
        chain_id=ChainId(draw(st.integers(1, 2**53 - 1))),
        nonce=WalletNonce(draw(st.integers(0, 2**32))),
        fees=Eip1559Fees(max_fee_per_gas=gas_price, max_priority_fee_per_gas=gas_price),
        gas_limit=Gas(draw(st.integers(21_000, 30_000_000))),
        call=Call(draw(addresses), draw(st.binary(max_size=300)), Wei(draw(st.integers(0, 10**20)))),
    )


def as_eth_account(transaction: LegacyTransaction) -> dict[str, Any]:
    """Give the same transaction in eth_account's terms."""
    return {
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "gasPrice": transaction.fees.max_fee_per_gas,
        "gas": transaction.gas_limit,
        "to": transaction.call.to,
        "value": transaction.call.value,
        "data": transaction.call.data,
    }


def signed(transaction: LegacyTransaction, account: LocalAccount) -> bytes:
    """Sign our signing hash with a key, and give our bytes."""
    key = PrivateKey(bytes(account.key))
    compact = key.sign_recoverable(transaction.signing_hash(), hasher=None)
    return transaction.signed(
        Signature(int.from_bytes(compact[:32]), int.from_bytes(compact[32:64]), compact[64])
    )


@given(transaction=transactions(), account=keys)
def test_our_bytes_are_those_of_eth_account(transaction: LegacyTransaction, account: LocalAccount) -> None:
    """The same key, hash and RFC 6979 nonce give the same signature; v holds the chain id (EIP-155)."""
    expected = account.sign_transaction(as_eth_account(transaction))

    raw = signed(transaction, account)

    assert raw == bytes(expected.raw_transaction)
    assert transaction_hash(raw) == "0x" + bytes(expected.hash).hex()
    assert Account.recover_transaction(HexBytes(raw)) == account.address


@given(transaction=transactions(), account=keys)
def test_what_was_signed_is_read_back_as_it_was(
    transaction: LegacyTransaction, account: LocalAccount
) -> None:
    """A bump signs the same call again: it is taken from the bytes that stand."""
    assert opened(signed(transaction, account)) == transaction
