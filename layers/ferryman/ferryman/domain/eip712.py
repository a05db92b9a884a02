"""EIP-712 digests: what a person's wallet signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ferryman.domain.units import Address, ChainId, TransactionId

_DOMAIN_TYPE_HASH: Final = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)


@dataclass(frozen=True, slots=True)
class Eip712Domain:
    """The contract a message is for. It comes from our configuration, never from a request."""

    name: str
    version: str
    chain_id: ChainId
    verifying_contract: Address

    def separator(self) -> bytes:
        """Hash of the domain (EIP-712, `domainSeparator`), 32 bytes."""
        return keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [
                    _DOMAIN_TYPE_HASH,
                    keccak(self.name.encode()),
                    keccak(self.version.encode()),
                    self.chain_id,
                    self.verifying_contract,
                ],
            )
        )


def struct_hash(type_hash: bytes, types: Sequence[str], values: Sequence[object]) -> bytes:
    """Hash of a struct whose members are all of static types (EIP-712, `hashStruct`), 32 bytes."""
    return keccak(type_hash + encode(types, values))


def typed_data_digest(separator: bytes, hashed_struct: bytes) -> bytes:
    """What is signed: keccak256(0x1901 ‖ separator ‖ struct hash), 32 bytes."""
    return keccak(b"\x19\x01" + separator + hashed_struct)


def transaction_id(digest: bytes) -> TransactionId:
    """Name a transaction after the digest that was signed."""
    return TransactionId("0x" + digest.hex())
