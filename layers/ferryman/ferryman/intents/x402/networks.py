"""Networks: CAIP-2 names of version 2, and the names of version 1."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ferryman.domain.units import ChainId

_CAIP_2: Final = re.compile(r"eip155:([1-9][0-9]{0,15})")
_NAMES: Final[Mapping[str, ChainId]] = MappingProxyType(
    {
        name: ChainId(number)
        for name, number in {
            "ethereum": 1,
            "sepolia": 11155111,
            "base": 8453,
            "base-sepolia": 84532,
            "polygon": 137,
            "polygon-amoy": 80002,
            "avalanche": 43114,
            "avalanche-fuji": 43113,
            "abstract": 2741,
            "abstract-testnet": 11124,
            "iotex": 4689,
            "sei": 1329,
            "sei-testnet": 1328,
            "peaq": 3338,
            "story": 1514,
            "educhain": 41923,
            "skale-base-sepolia": 324705682,
            "megaeth": 4326,
            "monad": 143,
            "monad-testnet": 10143,
            "stable": 988,
            "stable-testnet": 2201,
            "celo": 42220,
            "flare": 14,
        }.items()
    }
)
"""Version 1's names, of the reference packages (npm @x402/evm 2.27, PyPI x402 2.25); no other chain has one.

Where these differ it is npm's, whose ids the chains themselves answer with. PyPI has 1513 for `story`
(a test chain that is gone), 656476 for `educhain` (its test chain), and 1444673419 for
`skale-base-sepolia` (another chain of SKALE's). `sepolia` is npm's alone, `monad-testnet` PyPI's.
"""


def chain_id_of(network: str) -> ChainId | None:
    """Give the chain of a network, by either version's name."""
    if named := _CAIP_2.fullmatch(network):
        return ChainId(int(named[1]))
    return _NAMES.get(network)


def network_of(chain_id: ChainId) -> str:
    """Name a chain as version 2 does."""
    return f"eip155:{chain_id}"


def old_network_of(chain_id: ChainId) -> str | None:
    """Name a chain as version 1 does, if it can."""
    return next((name for name, number in _NAMES.items() if number == chain_id), None)
