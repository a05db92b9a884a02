"""Following one chain: what was mined, how deep it is, and what was never broadcast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferryman.domain.chain import ChainSettings
from ferryman.domain.lanes import Lane, window_of
from ferryman.domain.nonces import NonceRow, Wallet, WalletState
from ferryman.domain.units import BlockNumber, TxHash, WalletNonce
from ferryman.domain.windows import grown
from ferryman.intents.kind import IntentKind
from ferryman.ports import Block, Chain, Clock, Log, Metrics, Queue, TransactionStore, WalletStore
from ferryman.services.chains import ChainAccess
from ferryman.services.gaps import Gaps
from ferryman.services.positions import Positions
from ferryman.services.receipts import Receipts
from ferryman.services.recording import Recording
from ferryman.services.strangers import NonceKey, Strangers
from ferryman.services.wanting import Wanting
from ferryman.services.witnessing import Witnessing


@dataclass(frozen=True, slots=True)
class Pass:
    """What one look at the chain found."""

    head: Block
    open_nonces: int
    freed: int


@dataclass(slots=True, kw_only=True)
class Follower:
    """One run's view of one chain; it reads the chain and writes facts, and never signs."""

    settings: ChainSettings
    chain: Chain
    store: TransactionStore
    wallets: WalletStore
    receipts: Receipts
    recording: Recording
    positions: Positions
    strangers: Strangers
    gaps: Gaps
    wanting: Wanting
    _last_block: BlockNumber | None = None
    """Newest block whose receipts were read; None: ask by hash."""

    @classmethod
    def of(
        cls,
        access: ChainAccess,
        *,
        kinds: Mapping[str, IntentKind],
        store: TransactionStore,
        wallets: WalletStore,
        queue: Queue,
        clock: Clock,
        log: Log,
        metrics: Metrics,
    ) -> "Follower":
        """Begin to follow a chain."""
        settings, chain = access.settings, access.chain
        recording = Recording(
            kinds=kinds, settings=settings, store=store, wallets=wallets, clock=clock, log=log
        )
        return cls(
            settings=settings,
            chain=chain,
            store=store,
            wallets=wallets,
            receipts=Receipts(
                settings=settings,
                chain=chain,
                witnessing=Witnessing(settings=settings, chain=chain, log=log, metrics=metrics),
            ),
            recording=recording,
            positions=Positions(settings=settings, chain=chain, clock=clock, log=log),
            strangers=Strangers(
                kinds=kinds,
                settings=settings,
                chain=chain,
                store=store,
                recording=recording,
                log=log,
                metrics=metrics,
            ),
            gaps=Gaps(settings=settings, wallets=wallets, clock=clock, log=log),
            wanting=Wanting(
                settings=settings, chain=chain, wallets=wallets, queue=queue, clock=clock, log=log
            ),
        )

    def look(self) -> Pass:
        """Look at the chain once.

        Receipts are read before rows: whatever was mined in those blocks had its bytes stored
        before, so its row is among those read afterwards.

        Raises:
            ChainUnreachableError, StoreUnavailableError: as its ports say; the next look reads
                by hash whatever this one may have missed.

        """
        last, self._last_block = self._last_block, None
        head = self.chain.head()
        by_block = self.receipts.since(last, head)
        wallets = {wallet: self.wallets.open_nonces(wallet) for wallet in self._wallets()}
        rows = [row for found in wallets.values() for row in found]
        fresh = self.receipts.learn(rows, by_block, head, is_overdue=self.wanting.is_overdue)
        settled = self._recorded(rows, fresh, head, all_rows=by_block is None)
        unmined = [row for row in rows if self.receipts.of(row) is None]
        positions = self.positions(unmined, is_first=by_block is None)
        settled |= self.strangers(unmined, positions, head)
        moved = self.gaps(wallets, positions)
        for wallet, found in wallets.items():
            if wallet not in moved:
                self._free_window(wallet, [row.nonce for row in found if _key(row) not in settled])
        self.wanting(
            [row for row in unmined if _key(row) not in settled],
            head,
            is_forgotten=lambda row: self.positions.is_forgotten(row, positions),
        )
        self._last_block = head.number
        return Pass(head, len(rows) - len(settled), len(settled))

    def _wallets(self) -> tuple[Wallet, ...]:
        """Give the wallets that may have something open."""
        wallets = self.wallets.wallets(self.settings.chain_id)
        return tuple(wallet for wallet in wallets if wallet.state is not WalletState.RETIRED)

    def _recorded(
        self, rows: Sequence[NonceRow], fresh: frozenset[TxHash], head: Block, *, all_rows: bool
    ) -> frozenset[NonceKey]:
        """Record what was asked just now; give the settled nonces.

        What the second endpoint will see in a moment is not told as included first: that is a write more.
        """
        news = [
            row
            for row in rows
            if (all_rows or any(attempt.hash in fresh for attempt in row.attempts))
            and not self.receipts.is_awaited(row, head)
        ]
        names = [name for row in news for name in row.intents]
        intents = {intent.transaction_id: intent for intent in self.store.get_many(names)} if names else {}
        settled = [
            row
            for row in news
            if self.recording(
                row,
                [intents[name] for name in row.intents if name in intents],
                self.receipts.mined(row, head),
            )
        ]
        for row in settled:
            self.receipts.forget(row)
        return frozenset(map(_key, settled))

    def _free_window(self, wallet: Wallet, open_nonces: Sequence[WalletNonce]) -> None:
        lowest = min(open_nonces, default=wallet.next_nonce)
        if lowest > wallet.lowest_open:
            window = grown(
                wallet.window,
                used=wallet.open_count,
                usual=window_of(Lane.STANDARD, wallet.window, self.settings),
                most=self.settings.widest_window,
            )
            self.wallets.raise_lowest_open(wallet, lowest, window=window)


def _key(row: NonceRow) -> NonceKey:
    return row.wallet, row.nonce
