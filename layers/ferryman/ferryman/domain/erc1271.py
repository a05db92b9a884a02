"""ERC-1271: asking a contract wallet whether a signature is its own."""

from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ferryman.domain.units import Gas

_SELECTOR: Final = keccak(b"isValidSignature(bytes32,bytes)")[:4]
_MAGIC: Final = _SELECTOR.ljust(32, b"\0")
GAS_LIMIT: Final = Gas(200_000)
"""A wallet is foreign code: it gets this much to say yes."""


def is_valid_signature_call(digest: bytes, signature: bytes) -> bytes:
    """Calldata of `isValidSignature`."""
    return _SELECTOR + encode(["bytes32", "bytes"], [digest, signature])


def is_magic(answer: bytes) -> bool:
    """Whether the answer is exactly the magic value; an account without code answers nothing."""
    return answer == _MAGIC
