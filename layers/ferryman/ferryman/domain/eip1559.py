"""Type-2 transactions (EIP-1559, EIP-2718): the bytes a wallet signs and a node takes."""

from dataclasses import dataclass, field
from typing import Any, Final

import rlp
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address

from ferryman.domain.fees import Eip1559Fees
from ferryman.domain.signatures import Signature
from ferryman.domain.units import Address, ChainId, Gas, TxHash, WalletNonce, Wei, checked_address

TYPE: Final = b"\x02"

NOTHING: Final = Wei(0)
_NO_GAS: Final = Gas(0)


@dataclass(frozen=True, slots=True)
class Call:
    """What a transaction does: a call to a contract."""

    to: Address
    data: bytes
    value: Wei = NOTHING
    least_gas: Gas = field(default=_NO_GAS, compare=False)
    """What its transaction needs, even if an estimate says less; no part of what it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eip1559Transaction:
    """An unsigned type-2 transaction without an access list."""

    chain_id: ChainId
    nonce: WalletNonce
    fees: Eip1559Fees
    gas_limit: Gas
    call: Call

    @classmethod
    def of(cls, raw: bytes) -> "Eip1559Transaction":
        """Read back what a signed envelope of ours carries out."""
        fields: list[Any] = rlp.decode(raw[1:])
        chain_id, nonce, tip, most, gas_limit, to, value, data = fields[:8]
        return cls(
            chain_id=ChainId(int.from_bytes(chain_id)),
            nonce=WalletNonce(int.from_bytes(nonce)),
            fees=Eip1559Fees(
                max_fee_per_gas=Wei(int.from_bytes(most)), max_priority_fee_per_gas=Wei(int.from_bytes(tip))
            ),
            gas_limit=Gas(int.from_bytes(gas_limit)),
            call=Call(checked_address("0x" + to.hex()), data, Wei(int.from_bytes(value))),
        )

    def signing_hash(self) -> bytes:
        """What the wallet signs, 32 bytes."""
        return keccak(_envelope(self._fields()))

    def signed(self, signature: Signature) -> bytes:
        """Give the envelope a node takes."""
        return _envelope([*self._fields(), signature.y_parity, signature.r, signature.s])

    def _fields(self) -> list[object]:
        return [
            self.chain_id,
            self.nonce,
            self.fees.max_priority_fee_per_gas,
            self.fees.max_fee_per_gas,
            self.gas_limit,
            to_canonical_address(self.call.to),
            self.call.value,
            self.call.data,
            [],
        ]


def transaction_hash(raw: bytes) -> TxHash:
    """Hash of a signed envelope: the name a transaction has on chain."""
    return TxHash("0x" + keccak(raw).hex())


def _envelope(fields: list[object]) -> bytes:
    return TYPE + bytes(rlp.encode(fields))
