"""The BatchSettler: many authorizations of one token in one transaction, each failing alone."""

from collections.abc import Sequence
from typing import Final

from eth_hash.auto import keccak

from ferryman.domain.abi import WORD, words
from ferryman.domain.units import Address, Gas
from ferryman.intents.eip3009 import Authorization

_MEMBERS: Final = "address,address,uint256,uint256,uint256,bytes32"
_KEY_LEGS: Final = f"({_MEMBERS},uint8,bytes32,bytes32)[]"
_CONTRACT_LEGS: Final = f"({_MEMBERS},bytes)[]"
SETTLE: Final = keccak(f"settle(address,uint256,{_KEY_LEGS},{_CONTRACT_LEGS})".encode())[:4]
_HEADS: Final = 4 * WORD
LEG_GAS: Final = Gas(150_000)
"""The most that one transfer may burn; what the others are not waiting for."""


def settle(token: Address, legs: Sequence[tuple[Authorization, bytes]]) -> bytes:
    """Calldata of `settle`.

    Args:
        token: of all of them.
        legs: authorizations, each with a key's signature: r, s, v.

    """
    structs = words(
        word
        for authorization, signature in legs
        for word in (*authorization.members(), signature[-1], signature[:WORD], signature[WORD : 2 * WORD])
    )
    of_contracts = _HEADS + WORD + len(structs)
    heads = words([token, LEG_GAS, _HEADS, of_contracts, len(legs)])
    return SETTLE + heads + structs + words([0])
