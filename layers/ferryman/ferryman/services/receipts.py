"""Receipts of our attempts: what the chain says was mined, and how deep it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.nonces import NonceRow, TransactionAttempt
from ferryman.domain.units import BlockNumber, TxHash
from ferryman.ports import Block, Chain, TransactionReceipt
from ferryman.services.outcomes import Mined
from ferryman.services.witnessing import Witnessing, Word

MOST_BLOCKS: Final = 20
"""Further behind than this, receipts are asked for by hash instead of block by block."""

ByBlock = tuple[TransactionReceipt, ...]


@dataclass(slots=True, kw_only=True)
class Receipts:
    """What one run knows of the receipts of open nonces, until they are deep enough."""

    settings: ChainSettings
    chain: Chain
    witnessing: Witnessing
    _known: dict[TxHash, TransactionReceipt] = field(default_factory=dict)
    _words: dict[TxHash, Word] = field(default_factory=dict)
    """What the witnesses said just now of those that are deep enough."""

    def since(self, last: BlockNumber | None, head: Block) -> ByBlock | None:
        """Read all receipts of the blocks since the last look; None if they are to be asked by hash.

        Raises:
            ChainUnreachableError: as `Chain.block_receipts`.

        """
        if last is None or head.number - last > MOST_BLOCKS or head.number < last:
            return None
        if head.number == last:
            return ()
        return self.chain.block_receipts([BlockNumber(number) for number in range(last + 1, head.number + 1)])

    def learn(
        self,
        rows: Sequence[NonceRow],
        by_block: ByBlock | None,
        head: Block,
        *,
        is_overdue: Callable[[NonceRow], bool],
    ) -> frozenset[TxHash]:
        """Learn the receipts of the attempts of open nonces.

        Args:
            rows: the nonces.
            by_block: what `since` gave.
            head: the newest block.
            is_overdue: whether a nonce should long be in a block: it is asked for by hash.

        Returns:
            Hashes that were asked or found just now: their answer need not be asked again.

        Raises:
            ChainUnreachableError: as `Chain.receipts`.

        """
        attempts = [attempt.hash for row in rows for attempt in row.attempts]
        if by_block is None:
            asked, receipts = attempts, self._by_hash(attempts)
        else:
            silent = [row for row in rows if self.of(row) is None and is_overdue(row)]
            asked = [attempt.hash for row in silent for attempt in row.attempts]
            receipts = {receipt.hash: receipt for receipt in by_block} | self._by_hash(asked)
        for name in asked:
            self._known.pop(name, None)
        found = {name: receipts[name] for name in attempts if name in receipts}
        self._known |= {
            name: receipt for name, receipt in found.items() if receipt.block_number <= head.number
        }
        fresh = frozenset([*asked, *found])
        return fresh | self._hear([name for name in attempts if name in self._known], fresh, head)

    def _hear(self, names: Sequence[TxHash], fresh: frozenset[TxHash], head: Block) -> frozenset[TxHash]:
        """Have what is deep enough confirmed by the witnesses; a single one need not repeat itself.

        Returns:
            Hashes that were asked.

        """
        deep = [self._known[name] for name in names if self._is_deep(self._known[name], head)]
        is_alone = bool(deep) and len(self.chain.witnesses()) == 1
        told = [receipt for receipt in deep if is_alone and receipt.hash in fresh]
        asked = [receipt for receipt in deep if receipt not in told]
        self._words = {receipt.hash: Word(receipt, 1, head.number) for receipt in told}
        self._words |= self.witnessing(asked, head)
        for name, word in self._words.items():
            if word.receipt:
                self._known[name] = word.receipt
            else:
                del self._known[name]
        return frozenset(receipt.hash for receipt in asked)

    def of(self, row: NonceRow) -> TransactionReceipt | None:
        """Give the receipt of what was mined with a nonce, if it is known."""
        attempt = self._mined_attempt(row)
        return self._known[attempt.hash] if attempt else None

    def mined(self, row: NonceRow, head: Block) -> Mined | None:
        """Give the same with its depth."""
        attempt = self._mined_attempt(row)
        if attempt is None:
            return None
        receipt, word = self._known[attempt.hash], self._words.get(attempt.hash)
        if word is None:
            depth = self._depth(receipt, head.number)
            return Mined(receipt, depth, is_deep=False, purpose=attempt.purpose)
        depth = self._depth(receipt, min(head.number, word.head))
        is_deep = depth >= self.settings.required_confirmations
        return Mined(receipt, depth, is_deep, attempt.purpose, word.witnesses)

    def is_awaited(self, row: NonceRow, head: Block) -> bool:
        """Whether a nonce only waits for the second endpoint to see the block that its end came with."""
        return self._depth_without_word(row, head) == self.settings.required_confirmations

    def lacks_word(self, row: NonceRow, head: Block) -> bool:
        """Whether a nonce is deep enough by the endpoint that answered, and by no second one yet."""
        return self._depth_without_word(row, head) >= self.settings.required_confirmations

    def _depth_without_word(self, row: NonceRow, head: Block) -> int:
        receipt = self.of(row)
        if receipt is None or receipt.hash in self._words:
            return 0
        return self._depth(receipt, head.number)

    def forget(self, row: NonceRow) -> None:
        """Drop what is known of a nonce that is settled."""
        for attempt in row.attempts:
            self._known.pop(attempt.hash, None)

    def _mined_attempt(self, row: NonceRow) -> TransactionAttempt | None:
        return next((attempt for attempt in row.attempts if attempt.hash in self._known), None)

    def _by_hash(self, names: Sequence[TxHash]) -> dict[TxHash, TransactionReceipt]:
        found = self.chain.receipts(names) if names else ()
        return {receipt.hash: receipt for receipt in found if receipt}

    def _depth(self, receipt: TransactionReceipt, head: BlockNumber) -> int:
        return head - receipt.block_number + 1

    def _is_deep(self, receipt: TransactionReceipt, head: Block) -> bool:
        return self._depth(receipt, head.number) >= self.settings.required_confirmations
