"""EIP-712 digests: what a person's wallet signs."""

from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from ferryman.domain.abi import words
from ferryman.domain.units import Address, ChainId, TransactionId

_DOMAIN_TYPE_HASH: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_UNVERSIONED_TYPE_HASH: Final = keccak(b"EIP712Domain(string name,uint256 chainId,address verifyingContract)")


@dataclass(frozen=True, slots=True)
class Eip712Domain:
    """The contract a message is for. It comes from our configuration, never from a request."""

    name: str
    version: str | None
    """None: its domain has no such member, as Permit2's."""
    chain_id: ChainId
    verifying_contract: Address

    def told(self) -> dict[str, str | int]:
        """Give it by EIP-712's own names, as wallets take it."""
        version = {} if self.version is None else {"version": self.version}
        return {
            "name": self.name,
            **version,
            "chainId": self.chain_id,
            "verifyingContract": self.verifying_contract,
        }

    def separator(self) -> bytes:
        """Hash of the domain (EIP-712, `domainSeparator`), 32 bytes."""
        name, here = keccak(self.name.encode()), (self.chain_id, self.verifying_contract)
        if self.version is None:
            return keccak(words([_UNVERSIONED_TYPE_HASH, name, *here]))
        return keccak(words([_DOMAIN_TYPE_HASH, name, keccak(self.version.encode()), *here]))


def typed_data_digest(separator: bytes, hashed_struct: bytes) -> bytes:
    """What is signed: keccak256(0x1901 ‖ separator ‖ struct hash), 32 bytes."""
    return keccak(b"\x19\x01" + separator + hashed_struct)


def transaction_id(digest: bytes) -> TransactionId:
    """Name a transaction after the digest that was signed."""
    return TransactionId("0x" + digest.hex())
