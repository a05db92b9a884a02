"""Payers that sign payments the short way; the unit tests check that way against eth_account."""

from dataclasses import dataclass, field
from typing import Any, Final

from coincurve import PrivateKey
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address, Seconds, TokenUnits
from ferryman.intents.payment import escrow

PAYEE: Final = Address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")


@dataclass
class Payer:
    """An account that signs payments, each with the next nonce unless told otherwise."""

    key: bytes
    settings: ChainSettings
    address: Address = field(init=False)
    nonce: int = 0
    """The last one used."""

    def __post_init__(self) -> None:
        point = PrivateKey(self.key).public_key.format(compressed=False)[1:]
        self.address = Address(to_checksum_address(keccak(point)[-20:]))

    def pay(
        self,
        amount: int,
        *,
        fee: int = 0,
        to: Address = PAYEE,
        nonce: int | None = None,
        deadline: int,
        priority: str = "normal",
    ) -> dict[str, Any]:
        """Give the body of a signed payment of the chain's first token."""
        self.nonce += nonce is None
        payment = escrow.Payment(
            token=self.settings.tokens[0],
            payer=self.address,
            payee=to,
            amount=TokenUnits(amount),
            fee=TokenUnits(fee),
            nonce=self.nonce if nonce is None else nonce,
            deadline_seconds=Seconds(deadline),
        )
        domain = escrow.domain(self.settings.chain_id, self.settings.escrow)
        signed = PrivateKey(self.key).sign_recoverable(payment.digest(domain.separator()), hasher=None)
        signature = signed[:64] + bytes([signed[64] + 27])
        return {
            "chain_id": self.settings.chain_id,
            "token": payment.token,
            "from": payment.payer,
            "to": payment.payee,
            "amount": str(amount),
            "fee": str(fee),
            "nonce": str(payment.nonce),
            "deadline": deadline,
            "signature": "0x" + signature.hex(),
            "priority": priority,
        }
