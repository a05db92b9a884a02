"""Accounts that sign messages of each kind the short way; conformance checks our encoding by eth_account."""

from dataclasses import dataclass, field
from typing import Any, Final

from coincurve import PrivateKey
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.abi import words
from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import Eip712Domain, typed_data_digest
from ferryman.domain.units import Address, Gas, Seconds, TokenUnits, Wei
from ferryman.intents import eip3009, permit2
from ferryman.intents.forward_request import forwarder
from ferryman.intents.meta_transaction import relay
from ferryman.intents.payment import escrow

PAYEE: Final = Address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
TARGET: Final = Address("0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9")
SELECTOR: Final = keccak(b"note(uint256,uint256)")[:4]
"""What users have the relay call."""
FORWARDED: Final = Address("0x5FC8d32690cc91D4c39d9d3abcBD16989F875707")
"""Whose function of that name they have the forwarder call."""
_RECEIVE_TYPE_HASH: Final = keccak(relay.RECEIVE_TYPE.encode())


@dataclass
class Payer:
    """An account that signs messages, each with the next nonce unless told otherwise."""

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
        return {
            "chain_id": self.settings.chain_id,
            "token": payment.token,
            "from": payment.payer,
            "to": payment.payee,
            "amount": str(amount),
            "fee": str(fee),
            "nonce": str(payment.nonce),
            "deadline": deadline,
            "signature": self._signature(payment.digest(domain.separator())),
            "priority": priority,
        }

    def settle(
        self, value: int, *, to: Address = PAYEE, deadline: int, priority: str = "normal"
    ) -> dict[str, Any]:
        """Give the body of a signed transfer of the chain's first token, of the payer's own balance."""
        self.nonce += 1
        authorization = eip3009.Authorization(
            payer=self.address,
            payee=to,
            value=TokenUnits(value),
            valid_after=Seconds(0),
            valid_before=Seconds(deadline),
            nonce=self.nonce.to_bytes(32),
        )
        return {
            "chain_id": self.settings.chain_id,
            "asset": self.settings.tokens[0],
            "from": self.address,
            "to": to,
            "value": str(value),
            "valid_after": 0,
            "valid_before": deadline,
            "nonce": "0x" + authorization.nonce.hex(),
            "signature": self._signature(authorization.digest(self._token_separator())),
            "priority": priority,
        }

    def permit(
        self, amount: int, *, to: Address = PAYEE, deadline: int, priority: str = "normal"
    ) -> dict[str, Any]:
        """Give the body of the same, signed for Permit2."""
        ours = self.settings.permit2
        assert ours
        permit = permit2.Permit(**self._members(amount, to, deadline), spender=ours.proxy)
        return self._permitted(permit, priority)

    def permit_upto(
        self, maximum: int, *, amount: int, to: Address = PAYEE, deadline: int, priority: str = "normal"
    ) -> dict[str, Any]:
        """Give the body of the same, signed up to a maximum of which an amount is taken."""
        ours = self.settings.permit2
        assert ours
        assert ours.upto
        permit = permit2.UptoPermit(
            **self._members(amount, to, deadline),
            spender=ours.upto.proxy,
            most=TokenUnits(maximum),
            facilitator=ours.upto.settler,
        )
        return self._permitted(permit, priority) | {"maximum": str(maximum)}

    def _members(self, amount: int, payee: Address, deadline: int) -> dict[str, Any]:
        """Give what every permit says, with the next nonce."""
        self.nonce += 1
        return {
            "payer": self.address,
            "payee": payee,
            "asset": self.settings.tokens[0],
            "units": TokenUnits(amount),
            "nonce": self.nonce,
            "deadline": Seconds(deadline),
            "valid_after": Seconds(0),
        }

    def _permitted(self, permit: permit2.Permit, priority: str) -> dict[str, Any]:
        """Sign a permit, and write what every body of one says."""
        assert self.settings.permit2
        separator = permit2.separator(self.settings.chain_id, self.settings.permit2.address)
        return {
            "chain_id": self.settings.chain_id,
            "asset": permit.asset,
            "from": permit.payer,
            "to": permit.payee,
            "amount": str(permit.units),
            "valid_after": permit.valid_after,
            "deadline": permit.deadline,
            "nonce": str(permit.nonce),
            "signature": self._signature(permit.digest(separator)),
            "priority": priority,
        }

    def call(self, max_fee: int, *, deadline: int, priority: str = "normal") -> dict[str, Any]:
        """Give the body of a signed meta-transaction, with what pays for it."""
        assert self.settings.relay
        self.nonce += 1
        request = relay.MetaTransaction(
            user=self.address,
            target=TARGET,
            data=SELECTOR + words([1, 2]),
            gas_level=priority,
            gas_limit=Gas(100_000),
            max_fee=TokenUnits(max_fee),
            nonce=self.nonce,
            deadline_seconds=Seconds(deadline),
        )
        ours = self.settings.relay.address
        paid = words([_RECEIVE_TYPE_HASH, self.address, ours, max_fee, 0, deadline + 1, request.hashed()])
        domain = relay.domain(self.settings.chain_id, ours)
        return {
            "chain_id": self.settings.chain_id,
            "target": request.target,
            "calldata": "0x" + request.data.hex(),
            "gasLevel": priority,
            "userAddress": self.address,
            "gasLimit": request.gas_limit,
            "maxFee": str(max_fee),
            "nonce": str(request.nonce),
            "deadline": deadline,
            "signature": self._signature(request.digest(domain.separator())),
            "feeAuthorization": {
                "validAfter": 0,
                "validBefore": deadline + 1,
                "signature": self._signature(typed_data_digest(self._token_separator(), keccak(paid))),
            },
        }

    def forward(self, nonce: int, *, gas: int, deadline: int) -> dict[str, Any]:
        """Give the body of a signed forward request, by a nonce that the forwarder counts."""
        ours = self.settings.forwarder
        assert ours
        request = forwarder.ForwardRequest(
            signer=self.address,
            target=FORWARDED,
            value=Wei(0),
            gas=Gas(gas),
            nonce=nonce,
            deadline_seconds=Seconds(deadline),
            data=SELECTOR + words([1, 2]),
        )
        domain = Eip712Domain(ours.name, ours.version, self.settings.chain_id, ours.address)
        return {
            "chain_id": self.settings.chain_id,
            "from": self.address,
            "to": FORWARDED,
            "value": "0",
            "gas": gas,
            "nonce": str(nonce),
            "deadline": deadline,
            "data": "0x" + request.data.hex(),
            "signature": self._signature(request.digest(domain.separator())),
        }

    def want(self, *, deadline: int) -> dict[str, Any]:
        """Give a grant of the chain's first token, as its faucet writes it: as many units as its nonce."""
        self.nonce += 1
        return {
            "chain_id": self.settings.chain_id,
            "token": self.settings.tokens[0],
            "to": self.address,
            "units": str(self.nonce),
            "mint": 1,
            "window": self.nonce,
            "deadline": deadline,
        }

    def _token_separator(self) -> bytes:
        """Of the chain's first token, for what is signed for the token itself."""
        asset = self.settings.tokens[0]
        ours = self.settings.authorized_tokens[asset]
        return Eip712Domain(ours.name, ours.version, self.settings.chain_id, asset).separator()

    def _signature(self, digest: bytes) -> str:
        """Sign a digest: r, s, v."""
        signed = PrivateKey(self.key).sign_recoverable(digest, hasher=None)
        return "0x" + (signed[:64] + bytes([signed[64] + 27])).hex()
