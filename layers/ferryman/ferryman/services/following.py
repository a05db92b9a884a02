"""Following one chain: what was mined, how deep it is, and what was never broadcast."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.economics import Bill, outcome_of
from ferryman.domain.errors import StaleRowError
from ferryman.domain.events import Event, Step
from ferryman.domain.lanes import lane_at
from ferryman.domain.nonces import NonceRow, Wallet, Wanted
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.domain.units import Address, BlockNumber, Instant, TokenUnits, TxHash, WalletNonce
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    Block,
    Chain,
    Change,
    Clock,
    Log,
    NonceHint,
    Queue,
    TransactionReceipt,
    TransactionStore,
    WalletStore,
)
from ferryman.services.about import about
from ferryman.services.outcomes import Mined, is_carried, leg_of, steps_of

MOST_BLOCKS: Final = 20
"""Further behind than this, receipts are asked for by hash instead of block by block."""
_UNSIGNED_PAUSE_MS: Final = 3_000
"""How long submit has, after a bind, to sign before confirm asks it to."""
_RESEND_PAUSE_BLOCKS: Final = 5
_LONGEST_PAUSE_MS: Final = 60_000
_MOST_DOUBLINGS: Final = 6


@dataclass(frozen=True, slots=True)
class Pass:
    """What one look at the chain found."""

    head: Block
    open_nonces: int
    freed: int


@dataclass(slots=True, kw_only=True)
class Follower:
    """One run's view of one chain; it reads the chain and writes facts, and never signs."""

    kinds: Mapping[str, IntentKind]
    settings: ChainSettings
    chain: Chain
    store: TransactionStore
    wallets: WalletStore
    queue: Queue
    clock: Clock
    log: Log
    _last_block: BlockNumber | None = None
    """Newest block whose receipts were read; None: ask by hash."""
    _mined: dict[TxHash, TransactionReceipt] = field(default_factory=dict)
    """Receipts of open nonces, until they are deep enough."""

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
        by_block = self._receipts_since(last, head)
        wallets = {wallet: self.wallets.open_nonces(wallet) for wallet in self._wallets()}
        rows = [row for found in wallets.values() for row in found]
        fresh = self._learn(rows, by_block, head)
        settled = self._write_facts(rows, fresh, head, all_rows=by_block is None)
        for wallet, found in wallets.items():
            self._free_window(wallet, [row.nonce for row in found if (row.wallet, row.nonce) not in settled])
        self._ask_for_sends(row for row in rows if self._receipt_of(row) is None)
        self._last_block = head.number
        return Pass(head, len(rows) - len(settled), len(settled))

    # -- reading ------------------------------------------------------------------------------

    def _receipts_since(self, last: BlockNumber | None, head: Block) -> tuple[TransactionReceipt, ...] | None:
        """All receipts of the blocks since the last look; None if they are to be asked by hash."""
        if last is None or head.number - last > MOST_BLOCKS or head.number < last:
            return None
        if head.number == last:
            return ()
        return self.chain.block_receipts([BlockNumber(number) for number in range(last + 1, head.number + 1)])

    def _wallets(self) -> tuple[Wallet, ...]:
        return self.wallets.wallets(self.settings.chain_id)

    def _learn(
        self, rows: Sequence[NonceRow], by_block: Sequence[TransactionReceipt] | None, head: Block
    ) -> frozenset[TxHash]:
        """Learn the receipts of our attempts.

        Returns:
            Hashes that were asked or found just now: their answer need not be asked again.

        """
        attempts = [attempt.hash for row in rows for attempt in row.attempts]
        if by_block is None:
            asked, receipts = attempts, self._by_hash(attempts)
        else:
            # Before a receipt is believed deep it is read again, unless this look read it.
            again = [
                name for name in attempts if name in self._mined and self._is_deep(self._mined[name], head)
            ]
            silent = [row for row in rows if self._receipt_of(row) is None and self._is_overdue(row)]
            asked = [*again, *(attempt.hash for row in silent for attempt in row.attempts)]
            receipts = {receipt.hash: receipt for receipt in by_block} | self._by_hash(asked)
        for name in asked:
            self._mined.pop(name, None)
        found = {name: receipts[name] for name in attempts if name in receipts}
        self._mined |= {
            name: receipt for name, receipt in found.items() if receipt.block_number <= head.number
        }
        return frozenset([*asked, *found])

    def _by_hash(self, names: Sequence[TxHash]) -> dict[TxHash, TransactionReceipt]:
        found = self.chain.receipts(names) if names else ()
        return {receipt.hash: receipt for receipt in found if receipt}

    def _receipt_of(self, row: NonceRow) -> TransactionReceipt | None:
        found = (self._mined.get(attempt.hash) for attempt in row.attempts)
        return next((receipt for receipt in found if receipt), None)

    def _depth(self, receipt: TransactionReceipt, head: Block) -> int:
        return head.number - receipt.block_number + 1

    def _is_deep(self, receipt: TransactionReceipt, head: Block) -> bool:
        return self._depth(receipt, head) >= self.settings.required_confirmations

    # -- writing facts ------------------------------------------------------------------------

    def _write_facts(
        self, rows: Sequence[NonceRow], fresh: frozenset[TxHash], head: Block, *, all_rows: bool
    ) -> frozenset[tuple[Address, WalletNonce]]:
        """Write inclusion, end or disappearance of what was asked just now; give the settled nonces."""
        news = [row for row in rows if all_rows or any(attempt.hash in fresh for attempt in row.attempts)]
        names = [name for row in news for name in row.intents]
        intents = {intent.transaction_id: intent for intent in self.store.get_many(names)} if names else {}
        return frozenset(
            (row.wallet, row.nonce)
            for row in news
            if self._written(row, [intents[name] for name in row.intents if name in intents], head)
        )

    def _written(self, row: NonceRow, intents: Sequence[Transaction], head: Block) -> bool:
        """Write what is new of one nonce; give whether it is settled."""
        receipt = self._receipt_of(row)
        mined = Mined(receipt, self._depth(receipt, head), self._is_deep(receipt, head)) if receipt else None
        deep = mined is not None and mined.is_deep
        carried = [intent for intent in intents if is_carried(intent, row)]
        try:
            for intent in carried:
                self._write_intent(intent, row, mined, closes=deep and intent is carried[-1])
            if deep and not carried:
                # A fill, or all of its intents have ended or gone: nobody else closes it.
                self.wallets.replace_nonce_row(row, row.settled())
        except StaleRowError:
            self.log.info("the row moved; the next look sees it", wallet=row.wallet, nonce=row.nonce)
            return False
        if deep:
            for attempt in row.attempts:
                self._mined.pop(attempt.hash, None)
        return deep

    def _write_intent(self, intent: Transaction, row: NonceRow, mined: Mined | None, *, closes: bool) -> None:
        """Write the steps of one intent in one write, with its funds let go if it is over."""
        kind = self.kinds[intent.kind]
        leg = leg_of(intent, mined, kind) if mined else None
        after, events = intent, list[Event]()
        for step, facts in steps_of(intent, row, mined, leg):
            money = self._outcome(intent, mined.receipt, step) if mined and step in _ENDS else {}
            name, now = kind.events[step], self.clock.now()
            after, event = take_step(after, step, name=name, at=now, **facts, **money)
            events.append(event)
        if not events:
            return
        closing = row if closes else None
        if leg and after.status is Status.VALIDATED:
            self.log.warning("left out of its batch", cause=leg.cause, **about(intent))
            after = replace(after, due_at=self.clock.now(), last_error=f"left out of its batch: {leg.cause}")
        change = Change(before=intent, after=after, events=tuple(events))
        if not mined or not after.status.is_terminal:
            self.store.write(change, nonce_row=closing)
            return
        held = kind.reservation(intent.payload)
        settled_block = mined.receipt.block_number
        self.store.write(change, release=held, settled_block=settled_block, nonce_row=closing)

    def _outcome(self, intent: Transaction, receipt: TransactionReceipt, step: Step) -> dict[str, object]:
        """Work out what an intent cost and earned; of a shared transaction it bears its share."""
        kind = self.kinds[intent.kind]
        bill = Bill(
            gas_used=receipt.gas_used,
            gas_price=receipt.effective_gas_price,
            l1_fee=receipt.l1_fee,
            position=intent.batch_position or 0,
            size=intent.batch_size or 1,
        )
        outcome = outcome_of(
            self.settings.schedule(kind.reservation(intent.payload).token),
            fee_taken=kind.fee(intent.payload) if step is Step.CONFIRMED else TokenUnits(0),
            bill=bill,
            predicted_cost=intent.predicted_cost,
        )
        return outcome.facts()

    # -- asking submit ------------------------------------------------------------------------

    def _free_window(self, wallet: Wallet, open_nonces: Sequence[WalletNonce]) -> None:
        lowest = min(open_nonces, default=wallet.next_nonce)
        if lowest > wallet.lowest_open:
            self.wallets.raise_lowest_open(wallet, lowest)

    def _ask_for_sends(self, rows: Iterable[NonceRow]) -> None:
        """Ask submit to sign or broadcast again what should long be in a block."""
        asked = []
        for row in rows:
            if not self._is_overdue(row):
                continue
            wanting = row.wanting(Wanted.SEND, at=self.clock.now())
            try:
                self.wallets.replace_nonce_row(row, wanting)
            except StaleRowError:
                continue  # submit works on it right now
            asked.append(wanting)
            self.log.warning(
                "nonce overdue, asking for a send",
                wallet=row.wallet,
                nonce=row.nonce,
                attempts=len(row.attempts),
            )
        if asked:
            self.queue.send(_nonce_hint(row, self.clock.now()) for row in asked)

    def _is_overdue(self, row: NonceRow) -> bool:
        pause = self.settings.block_time_ms * _RESEND_PAUSE_BLOCKS if row.attempts else _UNSIGNED_PAUSE_MS
        pause = min(
            max(pause, _UNSIGNED_PAUSE_MS) << min(row.sends_wanted, _MOST_DOUBLINGS), _LONGEST_PAUSE_MS
        )
        return self.clock.now() - row.last_touched() >= pause


_ENDS: Final = frozenset({Step.CONFIRMED, Step.FAILED})


def _nonce_hint(row: NonceRow, now: Instant) -> NonceHint:
    lane = lane_at(row.urgent_from, now)
    return NonceHint(
        chain_id=row.chain_id, wallet=row.wallet, nonce=row.nonce, version=row.version, lane=lane
    )
