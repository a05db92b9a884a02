"""The chains a service works on, each with its settings."""

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import ChainId
from ferryman.ports import Chain


@dataclass(frozen=True, slots=True)
class ChainAccess:
    """A chain and what its operator said about it."""

    settings: ChainSettings
    chain: Chain


Chains = Mapping[ChainId, ChainAccess]
