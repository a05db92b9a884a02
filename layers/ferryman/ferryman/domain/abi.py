"""Solidity's ABI of what a payment's way encodes thousands of times: words, and arrays of bytes.

The general encoder looks at every value's type again each time, which was a quarter of what submit computes.
Anything rarer than this is encoded by it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

WORD: Final = 32
"""Bytes."""


def words(values: Iterable[int | str | bytes]) -> bytes:
    """Encode static values, one word each.

    Args:
        values: a uint256 as an integer, an address as 0x text, a bytes32 as bytes.

    Raises:
        OverflowError: an integer is no uint256.

    """
    return b"".join(map(_word, values))


def numbers(encoded: bytes) -> tuple[int, ...]:
    """Decode words as a uint256 each; what is less than a word at the end is left out."""
    ends = range(WORD, len(encoded) + 1, WORD)
    return tuple(int.from_bytes(encoded[end - WORD : end]) for end in ends)


def padded(content: bytes) -> bytes:
    """Encode the tail of a `bytes`: its length, and itself in whole words."""
    return len(content).to_bytes(WORD) + content + bytes(-len(content) % WORD)


def bytes_array(members: Sequence[bytes]) -> bytes:
    """Encode the tail of a `bytes[]`: how many, where each begins, and each."""
    tails = [padded(member) for member in members]
    offsets, position = list[int](), WORD * len(members)
    for tail in tails:
        offsets.append(position)
        position += len(tail)
    return words([len(members), *offsets]) + b"".join(tails)


def _word(value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(WORD)
    content = bytes.fromhex(value[2:]) if isinstance(value, str) else value
    return content.rjust(WORD, b"\0")
