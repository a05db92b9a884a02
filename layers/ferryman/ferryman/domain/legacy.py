"""Type-0 transactions with a chain id (EIP-155): for chains that know no base fee."""

from dataclasses import dataclass
from typing import Any, Final

import rlp
from eth_hash.auto import keccak
from eth_utils.address import to_canonical_address

from ferryman.domain.eip1559 import Call
from ferryman.domain.fees import Eip1559Fees
from ferryman.domain.signatures import Signature
from ferryman.domain.units import ChainId, Gas, WalletNonce, Wei, checked_address

_V_BASE: Final = 35
"""EIP-155: v = 2 x chain id + 35 + parity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyTransaction:
    """An unsigned type-0 transaction that only one chain takes."""

    chain_id: ChainId
    nonce: WalletNonce
    fees: Eip1559Fees
    """The maximum is its gas price."""
    gas_limit: Gas
    call: Call

    @classmethod
    def of(cls, raw: bytes) -> "LegacyTransaction":
        """Read back what signed bytes of ours carry out."""
        fields: list[Any] = rlp.decode(raw)
        nonce, gas_price, gas_limit, to, value, data, v, _r, _s = fields
        price = Wei(int.from_bytes(gas_price))
        return cls(
            chain_id=ChainId((int.from_bytes(v) - _V_BASE) // 2),
            nonce=WalletNonce(int.from_bytes(nonce)),
            fees=Eip1559Fees(max_fee_per_gas=price, max_priority_fee_per_gas=price),
            gas_limit=Gas(int.from_bytes(gas_limit)),
            call=Call(checked_address("0x" + to.hex()), data, Wei(int.from_bytes(value))),
        )

    def signing_hash(self) -> bytes:
        """What the wallet signs, 32 bytes."""
        return keccak(rlp.encode([*self._fields(), self.chain_id, 0, 0]))

    def signed(self, signature: Signature) -> bytes:
        """Give the bytes a node takes."""
        v = 2 * self.chain_id + _V_BASE + signature.y_parity
        return bytes(rlp.encode([*self._fields(), v, signature.r, signature.s]))

    def _fields(self) -> list[object]:
        return [
            self.nonce,
            self.fees.max_fee_per_gas,
            self.gas_limit,
            to_canonical_address(self.call.to),
            self.call.value,
            self.call.data,
        ]
