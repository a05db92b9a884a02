"""Signing payments as a payer's wallet does: EIP-712 typed data, by eth-account."""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak

from local.contracts import ONE_USDC
from local.description import StackDescription

_VALID_SECONDS = 3600
_PAYMENT_FIELDS = [
    {"name": "token", "type": "address"},
    {"name": "from", "type": "address"},
    {"name": "to", "type": "address"},
    {"name": "amount", "type": "uint256"},
    {"name": "fee", "type": "uint256"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]


@dataclass(frozen=True)
class SignedPayment:
    """A payment ready to be posted."""

    transaction_id: str
    """The digest that was signed, which identifies the payment."""
    body: dict[str, Any]
    """The JSON body of `POST /payments`."""


def sign_payment(
    stack: StackDescription,
    payer: LocalAccount,
    payee: ChecksumAddress,
    *,
    amount: int = ONE_USDC,
    fee: int = 0,
    valid_seconds: int = _VALID_SECONDS,
) -> SignedPayment:
    """Sign a payment from the payer's locked funds with a fresh random nonce.

    Args:
        stack: whose escrow and token to use.
        payer: signs.
        payee: receives.
        amount: smallest units of the token for the payee.
        fee: smallest units of the token for the treasury.
        valid_seconds: from now to the deadline.

    """
    message = {
        "token": stack.contracts["MockUSDC"],
        "from": payer.address,
        "to": payee,
        "amount": amount,
        "fee": fee,
        "nonce": secrets.randbits(256),
        "deadline": int(time.time()) + valid_seconds,
    }
    signable = encode_typed_data(_domain(stack), {"Payment": _PAYMENT_FIELDS}, message)
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    signature = payer.sign_message(signable).signature
    as_strings = {name: str(message[name]) for name in ("amount", "fee", "nonce")}
    body = message | as_strings | {"chain_id": stack.chain_id, "signature": signature.to_0x_hex()}
    return SignedPayment(f"0x{digest.hex()}", body)


def _domain(stack: StackDescription) -> dict[str, Any]:
    return {
        "name": "AION PaymentEscrow",
        "version": "1",
        "chainId": stack.chain_id,
        "verifyingContract": stack.contracts["PaymentEscrow"],
    }
