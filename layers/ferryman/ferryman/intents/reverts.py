"""What foreign contracts say as they revert, in words."""

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

_ERROR: Final = keccak(b"Error(string)")[:4]
_SHOWN: Final = 100
"""Characters of a contract's words that are repeated."""


def revert_text(revert: bytes) -> str:
    """Say what a contract reverted with: its words, or else the error's selector."""
    if revert[:4] == _ERROR:
        try:
            (text,) = decode(["string"], revert[4:])
        except DecodingError:
            return "an error that cannot be read"
        return str(text)[:_SHOWN]
    return f"error 0x{revert[:4].hex()}" if revert else "it gives no reason"
