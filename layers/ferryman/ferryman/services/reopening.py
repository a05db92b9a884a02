"""Reopening: what was over is open again if the block that this rested on is gone from the chain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.blocks import BlockId
from ferryman.domain.errors import ChainUnreachableError, StaleRowError
from ferryman.domain.events import Event, Step
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import NonceRow, Wallet
from ferryman.domain.transaction import (
    BINDING_FACTS,
    ENDING_FACTS,
    INCLUSION_FACTS,
    Transaction,
    take_step,
    unhindered,
)
from ferryman.domain.units import ChainId, Instant, TransactionId
from ferryman.intents.kind import IntentKind
from ferryman.ports import Block, Chain, Change, Clock, Log, Metrics, TransactionStore, WalletStore
from ferryman.services.about import about
from ferryman.services.assurance import REFUSALS
from ferryman.services.canonical import Canonical, Judgement
from ferryman.services.finality import Finality
from ferryman.services.outcomes import (
    NO_BINDING,
    Facts,
    Mined,
    back_on,
    has_lost_its_end,
    moved_from,
    others_block,
)
from ferryman.services.strangers import NonceKey

_UNDONE: Final = dict.fromkeys((*INCLUSION_FACTS, *ENDING_FACTS))
"""Facts of the end that is none any more; wallet and nonce stay, and so do the bytes."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """What came of looking for nonces whose block is gone."""

    nonces: frozenset[NonceKey]
    is_sure: bool
    """Whether all that was settled could be judged: else it has to be looked at again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A nonce of which something was asked."""

    row: NonceRow
    intents: Sequence[Transaction]
    mined: Mined | None

    @property
    def key(self) -> NonceKey:
        """Which nonce it is."""
        return self.row.wallet, self.row.nonce

    def moved_from(self) -> frozenset[BlockId]:
        """Blocks that its intents name, and the chain does not any more."""
        found = (moved_from(intent, self.row, self.mined) for intent in self.intents)
        return frozenset(block for block in found if block)

    def others_blocks(self) -> frozenset[BlockId]:
        """Blocks by which others carried its intents out."""
        found = (others_block(intent, self.row) for intent in self.intents)
        return frozenset(block for block in found if block)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopening:
    """Opens nonces and intents again; what becomes of them then is written like of any other."""

    chain_id: ChainId
    kinds: Mapping[str, IntentKind]
    chain: Chain
    canonical: Canonical
    finality: Finality
    store: TransactionStore
    wallets: WalletStore
    clock: Clock
    log: Log
    metrics: Metrics

    def nonces(self, head: Block, anchor: BlockId | None) -> Reopened:
        """Open the settled nonces whose block is gone, but for those that were final before.

        Args:
            head: the newest block.
            anchor: the block on which everything settled rested when that was last known, if anybody knows.

        Raises:
            ChainUnreachableError, StoreUnavailableError: as its ports say; what was opened stays so.

        """
        settled = {
            wallet: self._unfinal(wallet, head, anchor) for wallet in self.wallets.wallets(self.chain_id)
        }
        blocks = self.canonical.judge(
            (row.settled_in for rows in settled.values() for row in rows if row.settled_in), head
        )
        opened, is_sure = set[NonceKey](), not blocks.unknown
        for wallet, rows in settled.items():
            lowered = wallet
            for row in (row for row in rows if row.settled_in in blocks.gone):
                try:
                    lowered = self.wallets.reopen(lowered, row)
                except StaleRowError as error:
                    self.log.info("not opened again yet", wallet=row.wallet, cause=str(error))
                    is_sure = False
                    break
                opened.add((row.wallet, row.nonce))
                self.log.warning("nonce opened again", wallet=row.wallet, nonce=row.nonce)
        return Reopened(frozenset(opened), is_sure)

    def intents(self, seen: Iterable[Seen], blocks: Judgement) -> dict[TransactionId, Transaction]:
        """Open the intents again whose end rests on a block that is gone; give them as they are then.

        Raises:
            StoreUnavailableError: as its ports say; what was opened stays so.

        """
        opened: dict[TransactionId, Transaction] = {}
        for one in seen:
            lost = [intent for intent in one.intents if has_lost_its_end(intent, one.row, one.mined)]
            try:
                for intent in lost if one.moved_from() <= blocks.gone else ():
                    opened[intent.transaction_id] = self._opened(intent, (Step.REOPENED, _UNDONE))
                opened |= self._back_on(one, blocks)
            except StaleRowError:
                self.log.info("the row moved; the next look sees it", wallet=one.key[0], nonce=one.key[1])
        return opened

    def _back_on(self, seen: Seen, blocks: Judgement) -> dict[TransactionId, Transaction]:
        """Let a nonce that is open carry out what others had, in a block that is gone.

        The nonce changes in the same write: who is about to close it has not seen that it is needed.
        """
        opened, row = dict[TransactionId, Transaction](), seen.row
        for intent in (one for one in seen.intents if others_block(one, row) in blocks.gone):
            row, there = replace(row, version=row.version + 1), back_on(row, intent)
            facts = {**_UNDONE, **{name: getattr(there, name) for name in BINDING_FACTS}}
            opened[intent.transaction_id] = self._opened(intent, (Step.REOPENED, facts), nonce_row=row)
        return opened

    def returned(self, row: Transaction) -> None:
        """Open again what others had carried out, in a block that is gone: it waits for a nonce.

        Theirs may be mined again; whoever simulates it finds that. One that it had may be closed by now.

        Raises:
            StaleRowError, StoreUnavailableError: as its ports say.

        """
        self._opened(row, (Step.REOPENED, _UNDONE), (Step.RETURNED, NO_BINDING), due_at=self.clock.now())

    def _opened(
        self,
        row: Transaction,
        *steps: tuple[Step, Facts | Mapping[str, None]],
        due_at: Instant | None = None,
        nonce_row: NonceRow | None = None,
    ) -> Transaction:
        """Open an intent again, with its funds held again in the same write, room or not."""
        kind, now = self.kinds[row.kind], self.clock.now()
        after, events = row, list[Event]()
        for step, facts in steps:
            after, event = take_step(after, step, name=kind.events[step], at=now, **facts)
            events.append(event)
        after = unhindered(after, due_at=due_at)
        change = Change(before=row, after=after, events=tuple(events))
        self.store.write(change, hold_again=kind.reservation(row.payload), nonce_row=nonce_row)
        self.log.error("over, and open again: its block is gone", was=row.status.value, **about(row))
        self._check_funds(after, kind)
        return after

    def _unfinal(self, wallet: Wallet, head: Block, anchor: BlockId | None) -> list[NonceRow]:
        """Read what is settled and may be opened again.

        What was final when the anchor was the newest block stays so.
        """
        rows = [row for row in self.wallets.settled_nonces(wallet) if row.settled_in]
        if anchor is None or not rows:
            return rows
        settings, now_final = self.finality.settings, self.finality(head)
        final = settings.was_final(anchor.number, head=head.number, final=now_final)
        return [row for row in rows if row.settled_in and row.settled_in.number > final]

    def _check_funds(self, row: Transaction, kind: IntentKind) -> None:
        """Say so if more is held now than the payer has locked: not all of it can be paid."""
        held = kind.reservation(row.payload)
        try:
            answers = self.chain.read(kind.state_reads(row.payload), fresh=True).answers
            given = [answer for answer in answers if isinstance(answer, bytes)]
            room = kind.assess(row.payload, given) if len(given) == len(answers) else None
        except ChainUnreachableError as error:
            self.log.warning("funds not checked", cause=error.cause, **about(row))
            return
        except REFUSALS:
            return  # it is executed already, in another block, or never will be
        reserved = self.store.ledger(held).reserved - held.units
        if room is not None and reserved > room:
            self.metrics.add(Metric.OVER_FUNDS, chain_id=row.chain_id)
            self.log.error("more is held than is locked", over=reserved - room, **about(row))
