"""Witnessing: what is deep enough ends only by the word of every witness."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import BlockNumber, TxHash
from ferryman.ports import Block, Chain, Log, Metrics, TransactionReceipt
from ferryman.services.agreement import Hearing, hear

_UNEQUAL: Final = "the endpoints say different things"

Seen = tuple[Block, tuple[TransactionReceipt | None, ...]]


@dataclass(frozen=True, slots=True)
class Word:
    """What all witnesses say of one transaction."""

    receipt: TransactionReceipt | None
    """None: it is in no block."""
    witnesses: int
    head: BlockNumber
    """The oldest of their heads: the depth is counted from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessing:
    """Asks the witnesses of a chain for receipts: one batch each, whatever their number."""

    settings: ChainSettings
    chain: Chain
    log: Log
    metrics: Metrics

    def __call__(self, deep: Sequence[TransactionReceipt], head: Block) -> dict[TxHash, Word]:
        """Hear of transactions that one endpoint says are deep enough.

        Args:
            deep: their receipts by that endpoint.
            head: its newest block.

        Returns:
            The word on each that all witnesses agree on; what is left out has to wait.

        """
        if not deep:
            return {}
        names = [receipt.hash for receipt in deep]
        try:
            heard = hear(self.chain, lambda witness: witness.receipts_with_head(names))
        except ChainUnreachableError as error:
            self._tell(deep, head, error.cause)
            return {}
        words = dict(_words(names, heard))
        self._tell([receipt for receipt in deep if receipt.hash not in words], head, _UNEQUAL)
        return words

    def _tell(self, waiting: Sequence[TransactionReceipt], head: Block, cause: str) -> None:
        """Say what waits for the second endpoint, once that takes longer than a block."""
        required = self.settings.required_confirmations
        late = [receipt.hash for receipt in waiting if head.number - receipt.block_number + 1 > required]
        if late:
            chain_id = self.settings.chain_id
            self.log.warning("ends wait for a second endpoint", chain_id=chain_id, cause=cause, hashes=late)
            self.metrics.add(Metric.UNWITNESSED, len(late), chain_id=chain_id)


def _words(names: Sequence[TxHash], heard: Hearing[Seen]) -> Iterator[tuple[TxHash, Word]]:
    head = min(block.number for block, _ in heard.answers)
    for position, name in enumerate(names):
        told = heard.about(_receipt_at(position))
        if told.is_unanimous(by=_end):
            yield name, Word(told.answers[0], told.witnesses, head)


def _receipt_at(position: int) -> Callable[[Seen], TransactionReceipt | None]:
    return lambda seen: seen[1][position]


def _end(receipt: TransactionReceipt | None) -> object:
    """Give what decides how a transaction ends; what it cost may be told with more or fewer fields."""
    return receipt and (receipt.block_hash, receipt.block_number, receipt.succeeded, receipt.logs)
