"""Which block: its number says where, its hash says on which branch of the chain."""

from dataclasses import dataclass

from ferryman.domain.units import BlockHash, BlockNumber


@dataclass(frozen=True, slots=True)
class BlockId:
    """One block of one branch."""

    number: BlockNumber
    hash: BlockHash
