"""Payments as a payer's wallet makes them: EIP-712 typed data, signed by eth_account."""

from collections.abc import Mapping
from typing import Any, Final

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address, ChainId

CHAIN_ID: Final = ChainId(31337)
ESCROW: Final = Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
TOKEN: Final = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
PAYEE: Final = Address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
NOW_SECONDS: Final = 1_800_000_000
"""The moment tests take for now, where they choose it."""
DEADLINE: Final = NOW_SECONDS + 3_600

PAYER: Final[LocalAccount] = Account.from_key(
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
)
"""A key that every development chain publishes: worthless anywhere else."""
STRANGER: Final[LocalAccount] = Account.from_key("0x" + "a1" * 32)


def address_of(account: LocalAccount) -> Address:
    """Give an account's address as the type the package uses."""
    return Address(account.address)


PAYMENT_MEMBERS: Final = (
    ("token", "address"),
    ("from", "address"),
    ("to", "address"),
    ("amount", "uint256"),
    ("fee", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)


def chain_settings(**changes: object) -> ChainSettings:
    """Configure the chain that the payments here are for."""
    values: dict[str, Any] = {
        "chain_id": CHAIN_ID,
        "block_time_ms": 1_000,
        "escrow": ESCROW,
        "tokens": (TOKEN,),
    }
    return ChainSettings(**values | changes)


def payment_message(**changes: object) -> dict[str, Any]:
    """Write the seven members of a payment that is right in every way."""
    message: dict[str, Any] = {
        "token": TOKEN,
        "from": PAYER.address,
        "to": PAYEE,
        "amount": 1_000_000,
        "fee": 1_000,
        "nonce": 7,
        "deadline": DEADLINE,
    }
    return message | changes


def signable(
    message: Mapping[str, object], *, chain_id: int = CHAIN_ID, escrow: str = ESCROW
) -> SignableMessage:
    """Give what a wallet signs, encoded by eth_account."""
    return encode_typed_data(
        domain_data={
            "name": "AION PaymentEscrow",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": escrow,
        },
        message_types={"Payment": [{"name": name, "type": kind} for name, kind in PAYMENT_MEMBERS]},
        message_data=dict(message),
    )


def digest_of(one: SignableMessage) -> bytes:
    """Hash a signable message (EIP-191): the EIP-712 digest."""
    return keccak(b"\x19" + one.version + one.header + one.body)


def signature_of(
    message: Mapping[str, object],
    *,
    by: LocalAccount = PAYER,
    chain_id: int = CHAIN_ID,
    escrow: str = ESCROW,
) -> bytes:
    """Sign a payment: r, s, v."""
    return bytes(by.sign_message(signable(message, chain_id=chain_id, escrow=escrow)).signature)


def request_body(message: Mapping[str, Any], signature: bytes, **changes: object) -> dict[str, Any]:
    """Write the body of `POST /payments`."""
    strings = {name: str(message[name]) for name in ("amount", "fee", "nonce")}
    return {
        "chain_id": CHAIN_ID,
        **message,
        **strings,
        "signature": "0x" + signature.hex(),
        **changes,
    }


def signed_request(*, by: LocalAccount = PAYER, **members: object) -> dict[str, Any]:
    """Write the body of a post of a really signed payment; `members` change the signed message."""
    message = payment_message(**{"from": by.address, **members})
    return request_body(message, signature_of(message, by=by))
