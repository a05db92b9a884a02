"""Following one chain: what was mined, how deep it is, and what was never broadcast."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from ferryman.domain.blocks import BlockId
from ferryman.domain.chain import ChainSettings
from ferryman.domain.lanes import Lane, window_of
from ferryman.domain.nonces import NonceRow, Wallet, WalletState
from ferryman.domain.quotas import day_of
from ferryman.domain.units import BlockNumber, TxHash, Wei
from ferryman.domain.windows import grown
from ferryman.ports import Block, Chain, Clock, TransactionStore, WalletStore, Workers
from ferryman.services.canonical import Canonical
from ferryman.services.finality import Finality
from ferryman.services.gaps import Gaps
from ferryman.services.positions import Positions
from ferryman.services.questions import Question, ask_together
from ferryman.services.receipts import Receipts
from ferryman.services.recording import Finding, Recording
from ferryman.services.reopening import Reopening, Seen
from ferryman.services.resting import Resting
from ferryman.services.strangers import NonceKey, Strangers
from ferryman.services.wanting import Wanting

_NOTHING_FINAL: Final = BlockNumber(0)
"""What is final to a look that could not judge all that was settled before."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one look at the chain found."""

    head: Block
    open_nonces: int
    freed: int
    is_through: bool
    """Whether only a new block, or time, will tell more: no other endpoint has still to see what one saw."""


@dataclass(slots=True)
class _Recorded:
    """What one look wrote down."""

    settled: set[NonceKey] = field(default_factory=set)
    costs: dict[NonceKey, Wei] = field(default_factory=dict)
    """Of those that a transaction of ours settled."""
    vanished: set[NonceKey] = field(default_factory=set)
    """Their block is gone."""
    is_sure: bool = True
    """Whether nothing has to be asked again."""


@dataclass(slots=True, kw_only=True)
class Follower:
    """One run's view of one chain; it reads the chain and writes facts, and never signs."""

    settings: ChainSettings
    chain: Chain
    store: TransactionStore
    wallets: WalletStore
    canonical: Canonical
    finality: Finality
    receipts: Receipts
    reopening: Reopening
    resting: Resting
    recording: Recording
    positions: Positions
    strangers: Strangers
    gaps: Gaps
    wanting: Wanting
    workers: Workers
    """Wallets are asked for at the same time."""
    clock: Clock
    anchor: BlockId | None = None
    """The newest block of the last look, also of another run's: all that was settled rests on its branch.

    None: nobody knows, since a look failed or a run died; what is settled and not final is judged anew.
    """
    _last_block: BlockNumber | None = None
    """Newest block whose receipts were read; None: ask by hash."""

    def has_seen(self, head: Block) -> bool:
        """Say whether the last look was at that very block, and all it saw rests on it."""
        return self.anchor == head.id

    def look(self, head: Block | None = None) -> Pass:
        """Look at the chain once.

        Receipts are read before rows: whatever was mined in those blocks had its bytes stored
        before, so its row is among those read afterwards.

        Args:
            head: the newest block, if it was read a moment ago.

        Raises:
            ChainUnreachableError, StoreUnavailableError: as its ports say; the next look reads
                by hash whatever this one may have missed.

        """
        last, self._last_block = self._last_block, None
        anchor, self.anchor = self.anchor, None
        head = head or self.chain.head()
        done = _Recorded()
        if anchor is None or not self.canonical.holds(anchor, head):
            last = None  # what was read of receipts may be of blocks that are gone
            opened = self.reopening.nonces(head, anchor)
            done.vanished |= opened.nonces
            done.is_sure = opened.is_sure
        by_block = self.receipts.since(last, head)
        wallets = self._open_nonces()
        rows = [row for found in wallets.values() for row in found]
        fresh = self.receipts.learn(rows, by_block, head, is_overdue=self.wanting.is_overdue)
        awaits = any(self.receipts.lacks_word(row, head) for row in rows)
        self._record(rows, fresh, head, done, all_rows=by_block is None)
        unmined = [row for row in rows if self.receipts.of(row) is None]
        positions = self.positions(unmined, is_first=by_block is None)
        done.settled |= self.strangers(unmined, positions, head)
        moved = self.gaps(wallets, positions)
        for wallet, found in wallets.items():
            if wallet not in moved:
                spent = Wei(sum(done.costs.get(_key(row), 0) for row in found))
                still_open = [row for row in found if _key(row) not in done.settled]
                self._free_window(wallet, still_open, spent, head, is_sure=done.is_sure)
        self.wanting(
            [row for row in unmined if _key(row) not in done.settled],
            head,
            is_forgotten=lambda row: (
                _key(row) in done.vanished or self.positions.is_forgotten(row, positions)
            ),
        )
        if done.is_sure:
            self._last_block = head.number
            self.anchor = _anchored(anchor, head, has_settled=bool(done.settled))
        open_nonces, freed = len(rows) - len(done.settled), len(done.settled)
        return Pass(head, open_nonces, freed, is_through=done.is_sure and not awaits)

    def _open_nonces(self) -> dict[Wallet, tuple[NonceRow, ...]]:
        """Read what is open of each wallet that may have something."""
        wallets = self.wallets.wallets(self.settings.chain_id)
        asked = {
            wallet: Question(partial(self.wallets.open_nonces, wallet))
            for wallet in wallets
            if wallet.state is not WalletState.RETIRED
        }
        ask_together(self.workers, *asked.values())
        return {wallet: question.answer() for wallet, question in asked.items()}

    def _record(
        self,
        rows: Sequence[NonceRow],
        fresh: frozenset[TxHash],
        head: Block,
        done: _Recorded,
        *,
        all_rows: bool,
    ) -> None:
        """Record what was asked just now.

        What the second endpoint will see in a moment is not told as included first: that is a write more.
        """
        news = [
            row
            for row in rows
            if (all_rows or any(attempt.hash in fresh for attempt in row.attempts))
            and not self.receipts.is_awaited(row, head)
        ]
        names = [name for row in news for name in row.intents]
        found = {intent.transaction_id: intent for intent in self.store.get_many(names)} if names else {}
        seen = [
            Seen(row, [found[name] for name in row.intents if name in found], self.receipts.mined(row, head))
            for row in news
        ]
        asked = (one.moved_from() | one.others_blocks() for one in seen)
        blocks = self.canonical.judge((block for found in asked for block in found), head)
        # All of them first: what one nonce has to let go, another may have carried out.
        opened = self.reopening.intents(seen, blocks)
        findings: list[Finding] = []
        for one in seen:
            if blocks.gone & (one.moved_from() | one.others_blocks()):
                done.vanished.add(one.key)
            done.is_sure = done.is_sure and blocks.gone >= one.moved_from()
            intents = [opened.get(intent.transaction_id, intent) for intent in one.intents]
            findings.append(Finding(one.row, intents, one.mined))
        for settled in self.recording(findings, blocks):
            done.settled.add(settled.key)
            if settled.mined:
                done.costs[settled.key] = settled.mined.receipt.cost
            self.receipts.forget(settled.row)

    def _free_window(
        self, wallet: Wallet, still_open: Sequence[NonceRow], spent: Wei, head: Block, *, is_sure: bool
    ) -> None:
        """Let go of what is settled below the lowest open nonce and what was kept for it; count the cost."""
        lowest = min(still_open, key=lambda row: row.nonce, default=None)
        lowest_open = lowest.nonce if lowest else wallet.next_nonce
        if lowest_open <= wallet.lowest_open and not spent:
            return
        window = grown(
            wallet.window,
            used=wallet.open_count,
            usual=window_of(Lane.STANDARD, wallet.window, self.settings),
            most=self.settings.widest_window,
        )
        final = self._final(wallet, head) if is_sure else _NOTHING_FINAL
        raised = wallet.raised(lowest_open, head=head.number, final=final)
        after = replace(raised.freed(still_open), window=window)
        self.wallets.raise_lowest_open(wallet, after.spending(spent, day_of(self.clock.now())))

    def _final(self, wallet: Wallet, head: Block) -> BlockNumber:
        """Give the newest final block, where that decides anything."""
        return self.finality(head) if wallet.mark else head.number


def _anchored(anchor: BlockId | None, head: Block, *, has_settled: bool) -> BlockId | None:
    """Say on which block everything settled rests after a look."""
    if anchor is None or head.number >= anchor.number:
        return head.id
    # An endpoint that is behind. What was settled by its word may be on another branch than the anchor.
    return None if has_settled else anchor


def _key(row: NonceRow) -> NonceKey:
    return row.wallet, row.nonce
