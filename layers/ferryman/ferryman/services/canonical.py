"""Which blocks are still part of the chain: a receipt that is missing proves nothing, another block does."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ferryman.domain.blocks import BlockId
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.units import BlockNumber
from ferryman.ports import Block, Chain, Log
from ferryman.services.agreement import hear, hear_each

_NONE: Final[frozenset[BlockId]] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of some blocks."""

    gone: frozenset[BlockId]
    """Another block has taken their place."""
    unknown: frozenset[BlockId]
    """Nobody can say yet: the chain is not as long now, or an endpoint does not answer."""


NOTHING_ASKED: Final = Judgement(_NONE, _NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canonical:
    """Asks the chain for its own blocks."""

    chain: Chain
    log: Log

    def holds(self, block: BlockId, head: Block) -> bool:
        """Whether the branch that a head ends holds a block, and so all blocks before it.

        Only where the head does not say so itself, one header is asked for. A head below the block says
        nothing against it: an endpoint may be behind.

        Raises:
            ChainUnreachableError: as `Chain.blocks`.

        """
        if head.number == block.number:
            return head.hash == block.hash
        if head.number < block.number or head.parent_hash == block.hash:
            return True
        (theirs,) = self.chain.blocks([block.number])
        return theirs.id == block

    def judge(self, blocks: Iterable[BlockId], head: Block) -> Judgement:
        """Say which blocks are gone: all witnesses must have others in their places."""
        asked = frozenset(blocks)
        if not asked:
            return NOTHING_ASKED
        there = sorted({block.number for block in asked if block.number <= head.number})
        try:
            heard = hear_each(self.chain, lambda one: one.blocks(there)) if there else ()
        except ChainUnreachableError as error:
            self.log.warning("blocks not judged", chain_id=error.chain_id, cause=error.cause)
            return Judgement(_NONE, asked)
        theirs = dict(zip(there, heard, strict=True))
        gone = {one for one in asked if one.number in theirs and theirs[one.number].confirms(_differs(one))}
        present = {one for one in asked if one.number in theirs and theirs[one.number].confirms(_is(one))}
        return Judgement(frozenset(gone), asked - gone - present)

    def finalized(self) -> tuple[BlockNumber | None, ...]:
        """Give the newest block that each witness calls final; None: it does not say.

        Raises:
            ChainUnreachableError: one of them does not answer.

        """
        return hear(self.chain, lambda one: one.finalized()).answers


def _is(block: BlockId) -> Callable[[Block], bool]:
    return lambda theirs: theirs.hash == block.hash


def _differs(block: BlockId) -> Callable[[Block], bool]:
    return lambda theirs: theirs.hash != block.hash
