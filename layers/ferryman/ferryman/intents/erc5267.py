"""What a contract says of its own EIP-712 domain (ERC-5267)."""

from typing import Final

from eth_abi.abi import decode
from eth_hash.auto import keccak

from ferryman.domain.eip712 import Eip712Domain

EIP712_DOMAIN: Final = keccak(b"eip712Domain()")[:4]
_TYPES: Final = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")


def is_domain(answer: bytes, expected: Eip712Domain) -> bool:
    """Whether an answer to `eip712Domain` names the domain that we sign for.

    Raises:
        DecodingError: it is no such answer.

    """
    _fields, name, version, chain_id, contract, _salt, _extensions = decode(_TYPES, answer)
    ours = expected.verifying_contract.lower()
    return (name, version, chain_id, contract) == (expected.name, expected.version, expected.chain_id, ours)
