"""A chain as one endpoint tells it: away, behind, or lying."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.fees import FeeHistory
from ferryman.domain.units import (
    Address,
    BlockHash,
    BlockNumber,
    Gas,
    Instant,
    Milliseconds,
    TxHash,
    WalletNonce,
    Wei,
)
from ferryman.ports import (
    Block,
    Chain,
    Counted,
    Depth,
    EndpointProbe,
    EventLog,
    LogFilter,
    LogRange,
    Read,
    Reading,
    Reverted,
    SendResult,
    Simulation,
    TransactionReceipt,
    Trial,
)

if TYPE_CHECKING:
    from tests.fakes.chain import FakeChain

_OTHER_BRANCH: Final = BlockHash("0x" + "ba" * 32)
Lie = Callable[[TransactionReceipt], TransactionReceipt | None]
"""From a true receipt to what is told instead."""


def probed(number: int, endpoint: Chain) -> EndpointProbe:
    """Ask one endpoint for its newest block."""
    took = Milliseconds(0)
    try:
        head = endpoint.head()
    except ChainUnreachableError as error:
        return EndpointProbe(number=number, took_ms=took, head=None, trouble=error.cause, rests=False)
    return EndpointProbe(number=number, took_ms=took, head=head, trouble=None, rests=False)


class FakeWitness:
    """The Chain port, as one endpoint of a FakeChain: honest until a test says otherwise."""

    def __init__(self, chain: "FakeChain") -> None:
        self.is_reachable = True
        self.lag = 0
        """How many blocks it is behind."""
        self.branch_from: BlockNumber | None = None
        """The first block of another branch, which it alone is on."""
        self.receipt_lie: Lie | None = None
        self.counts: dict[Address, WalletNonce] = {}
        """Wrong counts of mined transactions, by wallet."""
        self.is_blank = False
        """Whether the state of every account it reads is all zeros."""
        self.verdict: Reverted | Callable[[Call], Reverted | None] | None = None
        """What every simulated call ends in, or what each does; None: the truth."""
        self.answer_to_sends: SendResult | None = None
        """What it says of a broadcast, which it then drops."""
        self.asked: list[str] = []
        """The methods it was asked, in order."""
        self._chain = chain

    def doubt(self) -> None:
        """Have its chain ask others next."""
        self._chain.doubt()

    def by_endpoint(self) -> Mapping[int, Chain]:
        """Give what its chain has."""
        return self._chain.by_endpoint()

    def probe(self) -> tuple[EndpointProbe, ...]:
        """Give what its chain's endpoints answer, as `witnesses`."""
        return self._chain.probe()

    def witnesses(self) -> tuple[Chain, ...]:
        """Give what its chain has: whoever reads by a lying endpoint may still ask the others."""
        return self._chain.witnesses()

    def read(self, reads: Sequence[Read], *, fresh: bool = False, at: BlockNumber | None = None) -> Reading:
        """Answer truly, or with zeros."""
        self._answer("read")
        truth = self._chain.read(reads, fresh=fresh, at=at)
        if not self.is_blank:
            return truth
        states = {read.data for read in reads if read.depth is Depth.CONFIRMED}
        blank = (
            bytes(len(answer)) if isinstance(answer, bytes) and read.data in states else answer
            for read, answer in zip(reads, truth.answers, strict=True)
        )
        return replace(truth, answers=tuple(blank))

    def heard_of(self, head: BlockNumber, *, at: Instant) -> None:
        """Tell its chain."""
        self._chain.heard_of(head, at=at)

    def simulate(
        self,
        calls: Sequence[Call],
        *,
        sender: Address,
        payers: Sequence[Address] = (),
        trials: Sequence[Trial] = (),
    ) -> Simulation:
        """Simulate at its own head."""
        self._answer("simulate")
        truth = self._chain.simulate(calls, sender=sender, payers=payers, trials=trials)
        outcomes = tuple(map(self._judged, calls, truth.outcomes))
        count = self.counts.get(sender, truth.sender_count)
        return replace(truth, block=self._seen_head(), outcomes=outcomes, sender_count=count)

    def fee_history(self) -> FeeHistory:
        """Answer truly."""
        self._answer("fee_history")
        return self._chain.fee_history()

    def head(self) -> Block:
        """The newest block it has."""
        self._answer("head")
        return self._seen_head()

    def finalized(self) -> BlockNumber | None:
        """The newest final block it has."""
        self._answer("finalized")
        final = self._chain.finalized()
        return None if final is None else min(final, self._seen_head().number)

    def transaction_count(self, wallet: Address) -> WalletNonce:
        """The true count, or the wrong one."""
        self._answer("transaction_count")
        return self.counts.get(wallet, self._chain.transaction_count(wallet))

    def transaction_counts(
        self, asked: Sequence[tuple[Address, Counted | BlockNumber]]
    ) -> tuple[WalletNonce, ...]:
        """The true counts, or the wrong ones."""
        self._answer("transaction_counts")
        truth = self._chain.transaction_counts(asked)
        return tuple(self.counts.get(wallet, count) for (wallet, _), count in zip(asked, truth, strict=True))

    def balances(self, wallets: Sequence[Address]) -> tuple[Wei, ...]:
        """Answer truly."""
        self._answer("balances")
        return self._chain.balances(wallets)

    def delegated(self, wallets: Sequence[Address]) -> frozenset[Address]:
        """Answer truly."""
        self._answer("delegated")
        return self._chain.delegated(wallets)

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Take transactions, or only say so."""
        if self.answer_to_sends is not None:
            return tuple(self.answer_to_sends for _ in envelopes)
        return self._chain.send(envelopes)

    def block_receipts(self, numbers: Sequence[BlockNumber]) -> tuple[TransactionReceipt, ...]:
        """Receipts of the blocks it has."""
        self._answer("block_receipts")
        if any(number > self._seen_head().number for number in numbers):
            raise ChainUnreachableError(self._chain.settings.chain_id, "a block is not there yet")
        told = (self._told(receipt) for receipt in self._chain.block_receipts(numbers))
        return tuple(receipt for receipt in told if receipt)

    def receipts(self, hashes: Sequence[TxHash]) -> tuple[TransactionReceipt | None, ...]:
        """Receipts by hash, as it tells them."""
        self._answer("receipts")
        found = self._chain.receipts(hashes)
        return tuple(self._told(receipt) if receipt else None for receipt in found)

    def calls(self, hashes: Sequence[TxHash]) -> tuple[Call, ...]:
        """Answer truly."""
        self._answer("calls")
        return self._chain.calls(hashes)

    def receipts_with_head(
        self, hashes: Sequence[TxHash]
    ) -> tuple[Block, tuple[TransactionReceipt | None, ...]]:
        """The newest block it has, and receipts by hash as it tells them."""
        self._answer("receipts_with_head")
        told = (self._told(receipt) if receipt else None for receipt in self._chain.receipts(hashes))
        return self._seen_head(), tuple(told)

    def blocks(self, numbers: Sequence[BlockNumber]) -> tuple[Block, ...]:
        """Headers of the blocks it has."""
        self._answer("blocks")
        if any(number > self._seen_head().number for number in numbers):
            raise ChainUnreachableError(self._chain.settings.chain_id, "a block is not there")
        return tuple(self._seen(block) for block in self._chain.blocks(numbers))

    def block_logs(self, blocks: Sequence[Block], wanted: LogFilter) -> tuple[EventLog, ...]:
        """Answer truly."""
        self._answer("block_logs")
        return self._chain.block_logs(blocks, wanted)

    def range_logs(self, first: BlockNumber, last: BlockNumber, wanted: LogFilter) -> LogRange:
        """Answer truly."""
        self._answer("range_logs")
        return self._chain.range_logs(first, last, wanted)

    def read_at(self, reads: Sequence[tuple[Block, Read]]) -> tuple[bytes | Reverted, ...]:
        """Answer truly."""
        self._answer("read_at")
        return self._chain.read_at(reads)

    # -- inside -------------------------------------------------------------------------------

    def _answer(self, method: str) -> None:
        self.asked.append(method)
        if not self.is_reachable:
            raise ChainUnreachableError(self._chain.settings.chain_id, "this endpoint is switched off")

    def _judged(self, call: Call, truth: Gas | Reverted) -> Gas | Reverted:
        said = self.verdict(call) if callable(self.verdict) else self.verdict
        return truth if said is None else said

    def _seen_head(self) -> Block:
        head = self._chain.head()
        if not self.lag:
            return self._seen(head)
        (behind,) = self._chain.blocks([BlockNumber(max(head.number - self.lag, 0))])
        return behind

    def _seen(self, block: Block) -> Block:
        if self.branch_from is None or block.number < self.branch_from:
            return block
        return replace(block, hash=_OTHER_BRANCH, parent_hash=_OTHER_BRANCH)

    def _told(self, receipt: TransactionReceipt) -> TransactionReceipt | None:
        if receipt.block_number > self._seen_head().number:
            return None
        return self.receipt_lie(receipt) if self.receipt_lie else receipt


def hidden(_: TransactionReceipt) -> None:
    """Tell of no receipt at all: the Lie of a node that lost its index."""
