"""EIP-712 digests; the oracle is eth_account's own encoder."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.eip712 import Eip712Domain, transaction_id
from ferryman.domain.units import Address, ChainId
from ferryman.intents.payment import escrow
from tests.support.payments import digest_of, payment_message, signable
from tests.support.strategies import addresses, payment_messages


def digest(message: dict[str, Any], *, chain_id: int, contract: str) -> bytes:
    """Give our own digest of a payment."""
    payment = escrow.Payment(
        token=message["token"],
        payer=message["from"],
        payee=message["to"],
        amount=message["amount"],
        fee=message["fee"],
        nonce=message["nonce"],
        deadline_seconds=message["deadline"],
    )
    return payment.digest(escrow.domain(ChainId(chain_id), Address(contract)).separator())


@given(message=payment_messages(), chain_id=st.integers(1, 2**53 - 1), contract=addresses)
def test_our_digest_is_the_one_every_wallet_signs(
    message: dict[str, Any], chain_id: int, contract: Address
) -> None:
    """A digest that differs in one bit recovers to a stranger, and every payment is refused."""
    expected = digest_of(signable(message, chain_id=chain_id, escrow=contract))

    assert digest(message, chain_id=chain_id, contract=contract) == expected


@given(chain_id=st.integers(1, 2**53 - 1), contract=addresses)
def test_the_separator_is_that_of_eth_account(chain_id: int, contract: Address) -> None:
    """Checked apart from the message, since one is cached and the other is not."""
    ours = Eip712Domain("AION PaymentEscrow", "1", ChainId(chain_id), contract)

    assert ours.separator() == signable(payment_message(), chain_id=chain_id, escrow=contract).header


def test_every_part_of_the_domain_changes_the_separator() -> None:
    """So a signature for another chain, contract, name or version is one by a stranger here."""
    contract, other = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
    domains = (
        Eip712Domain("A", "1", ChainId(1), contract),
        Eip712Domain("B", "1", ChainId(1), contract),
        Eip712Domain("A", "2", ChainId(1), contract),
        Eip712Domain("A", "1", ChainId(2), contract),
        Eip712Domain("A", "1", ChainId(1), other),
    )

    assert len({domain.separator() for domain in domains}) == len(domains)


@given(name=st.sampled_from(("token", "from", "to", "amount", "fee", "nonce", "deadline")), data=st.data())
def test_every_member_changes_the_digest(name: str, data: st.DataObject) -> None:
    """The digest is the id: two payments that differ anywhere must not share one."""
    one = payment_message()
    other = one | {name: data.draw(payment_messages())[name]}
    at = {"chain_id": 1, "contract": "0x" + "11" * 20}

    same = digest(one, **at) == digest(other, **at)  # type: ignore[arg-type]

    assert same == (one == other)


def test_an_id_is_the_digest_in_lower_case_hex() -> None:
    """One spelling only: ids are compared as strings."""
    assert transaction_id(bytes.fromhex("AB" * 32)) == "0x" + "ab" * 32
