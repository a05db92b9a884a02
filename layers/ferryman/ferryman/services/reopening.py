"""Reopening: what was over is open again if the block that this rested on is gone from the chain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.blocks import BlockId
from ferryman.domain.errors import ChainUnreachableError, StaleRowError
from ferryman.domain.events import Step
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import NonceRow, Wallet
from ferryman.domain.transaction import ENDING_FACTS, INCLUSION_FACTS, Transaction, take_step
from ferryman.domain.units import ChainId, TransactionId
from ferryman.intents.kind import IntentKind
from ferryman.ports import Block, Chain, Change, Clock, Log, Metrics, TransactionStore, WalletStore
from ferryman.services.about import about
from ferryman.services.assurance import REFUSALS
from ferryman.services.canonical import Canonical, Judgement
from ferryman.services.finality import Finality
from ferryman.services.outcomes import Mined, has_lost_its_end, moved_from
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
            for intent in lost if one.moved_from() <= blocks.gone else ():
                try:
                    opened[intent.transaction_id] = self._opened(intent)
                except StaleRowError:
                    self.log.info("the row moved; the next look sees it", **about(intent))
        return opened

    def _opened(self, row: Transaction) -> Transaction:
        """Open an intent again, with its funds held again in the same write, room or not."""
        kind = self.kinds[row.kind]
        name, now = kind.events[Step.REOPENED], self.clock.now()
        after, event = take_step(row, Step.REOPENED, name=name, at=now, **_UNDONE)
        change = Change(before=row, after=after, events=(event,))
        self.store.write(change, hold_again=kind.reservation(row.payload))
        self.log.error("over, and open again: its block is gone", was=row.status.value, **about(row))
        self._check_funds(after, kind)
        return after

    def _unfinal(self, wallet: Wallet, head: Block, anchor: BlockId | None) -> list[NonceRow]:
        """Read what is settled and may be opened again.

        A block number that is final by now says nothing of a block that nobody has seen since: what was
        final at the anchor stays so.
        """
        rows = [row for row in self.wallets.settled_nonces(wallet) if row.settled_in]
        if anchor is None or not rows:
            return rows
        final = min(self.finality(head), self.finality.settings.final_block(anchor.number, None))
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
