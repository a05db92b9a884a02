"""Decoding as contracts do: each call once, as a chain in memory reads the same few over and over."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode as decoded_by_eth_abi


def decode(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """Give the values of these ABI types that data holds."""
    return _decoded(tuple(types), bytes(data))


@lru_cache(maxsize=1_024)
def _decoded(types: tuple[str, ...], data: bytes) -> tuple[Any, ...]:
    return decoded_by_eth_abi(types, data)
