"""Recovery after a restore: tables from different moments are made to agree, and to catch up with the chain.

The chain and the bytes that were signed are what really happened; the tables are made to say so. Every
step is safe to repeat, and to be cut off at any point: the next run finds what is left to do.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from ferryman.domain.events import Event, Step
from ferryman.domain.nonces import FILL_GAS, NonceRow, Wallet
from ferryman.domain.transaction import (
    BINDING_FACTS,
    INCLUSION_FACTS,
    Status,
    Transaction,
    fold,
    take_step,
    told,
    unhindered,
)
from ferryman.domain.units import (
    Address,
    BlockNumber,
    ChainId,
    TokenUnits,
    TransactionId,
    WalletNonce,
)
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    Change,
    Clock,
    Funds,
    Ledger,
    Log,
    NonceMarker,
    RecoveryStore,
    TransactionReceipt,
    TransactionStore,
    WalletStore,
)
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.executions import Executions
from ferryman.services.outcomes import rests_on

_HOLDING: Final = frozenset({Status.VALIDATED, Status.PENDING})
_UNBOUND: Final = frozenset({Status.RECEIVED, Status.VALIDATED})
_NO_NONCE: Final = dict.fromkeys((*BINDING_FACTS, *INCLUSION_FACTS))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that did not agree, and what is done about it."""

    subject: str
    finding: str
    is_unresolved: bool = False
    """Whether it has to be looked at again, once the chain has gone on."""

    def told(self) -> dict[str, Any]:
        """Give its public form."""
        return {"subject": self.subject, "finding": self.finding, "unresolved": self.is_unresolved}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover:
    """Reconciles tables with each other and with the chains."""

    kinds: Mapping[str, IntentKind]
    chains: Chains
    store: TransactionStore
    wallets: WalletStore
    recovery: RecoveryStore
    clock: Clock
    log: Log
    is_dry: bool = False
    """Only say what would be done."""
    _found: list[Finding] = field(default_factory=list)
    _final: dict[ChainId, BlockNumber] = field(default_factory=dict)
    """The newest final block of each chain, when it was asked for first."""

    # -- the three parts ----------------------------------------------------------------------

    def pools(self, chain_ids: Iterable[ChainId]) -> list[Finding]:
        """Reconcile wallets and their nonces; first of all, and once more after the transactions.

        Raises:
            ChainUnreachableError, StoreUnavailableError: as its ports say.
            StaleRowError: something else is at work on the tables: pause, and stop what runs.

        """
        self._found.clear()
        for chain_id in chain_ids:
            self._do(partial(self.recovery.forget_followed, chain_id))
            for wallet in self.wallets.wallets(chain_id):
                self._wallet(wallet, self.chains[chain_id])
        return list(self._found)

    def transactions(self, names: Iterable[TransactionId]) -> list[Finding]:
        """Reconcile transactions: row with events, both with the chain, and what is held for them.

        Raises:
            ChainUnreachableError, StoreUnavailableError, StaleRowError: as `pools`.

        """
        self._found.clear()
        for name in names:
            row = self._agreed(name)
            if row is not None:
                self._held(self._watched(self._caught_up(row)))
        return list(self._found)

    def accounts(self, accounts: Iterable[tuple[ChainId, Address]]) -> list[Finding]:
        """Make each ledger the sum of what is held; last, when every transaction is as it is to be.

        Raises:
            ChainUnreachableError, StoreUnavailableError, StaleRowError: as `pools`.

        """
        self._found.clear()
        for chain_id, payer in accounts:
            if chain_id in self.chains:
                self._ledgers(chain_id, payer)
        return list(self._found)

    # -- rows and events ----------------------------------------------------------------------

    def _agreed(self, name: TransactionId) -> Transaction | None:
        """Make a row the fold of its events, whichever of them is older; None if there is no row."""
        row, events = self.store.get(name), self.store.events(name)
        gapless = [event for place, event in enumerate(events, start=1) if event.sequence == place]
        stray = [event.sequence for event in events if event not in gapless]
        if row is None:
            stray = [event.sequence for event in events]
            gapless = []
        if stray:
            self._say(name, f"{len(stray)} events without a row or after a gap deleted")
            self._do(lambda: self.recovery.delete_events(name, stray))
        if row is None:
            return None
        if not gapless:
            return self._told_anew(row)
        folded = fold(row, gapless)
        if folded == told(row):
            return row
        words = f"row says {row.status} at {row.sequence}, its events {folded.status} at {len(gapless)}"
        self._say(name, words)
        due_at = self.clock.now() if folded.status in _UNBOUND else None
        agreed = replace(folded, version=row.version + 1, due_at=due_at)
        self._do(lambda: self.store.write(Change(before=row, after=agreed)))
        return agreed

    def _told_anew(self, row: Transaction) -> Transaction:
        """Give a row whose events are all lost its first one: it is as good as new."""
        self._say(row.transaction_id, f"row says {row.status}, all its events are lost: received anew")
        blank = replace(fold(row, ()), version=row.version)
        after, events = self._stepped(blank, Step.RECEIVED)
        again = replace(after, due_at=self.clock.now())
        self._do(lambda: self.store.write(Change(before=row, after=again, events=events)))
        return again

    # -- the chain ----------------------------------------------------------------------------

    def _caught_up(self, row: Transaction) -> Transaction:
        """Write what the chain did with a transaction while the tables were not looking."""
        access = self.chains.get(row.chain_id)
        if row.status is Status.CONFIRMED or access is None:
            return row
        nonce_row = self._nonce_row(row)
        receipts = self._receipts(nonce_row, access) if nonce_row else []
        if nonce_row and receipts and not self._was_left_out(row, receipts):
            return self._observed(row, nonce_row)
        execution = self._executions.find(row, access)
        if isinstance(execution, TransactionReceipt):
            return self._recovered(row, execution, access)
        if execution is not None:
            self._say(row.transaction_id, execution, is_unresolved=True)
        elif nonce_row and receipts:
            return self._observed(row, nonce_row)
        elif row.status is Status.PENDING and self._has_lost_its_nonce(row, nonce_row, access):
            return self._returned(row)
        return row

    def _watched(self, row: Transaction) -> Transaction:
        """Have what is over looked at until its block is final, if no nonce of ours tells of that block."""
        access, nonce_row = self.chains.get(row.chain_id), self._nonce_row(row)
        if access is None or not row.is_settled or row.due_at is not None:
            return row
        if (nonce_row and _tells_of(row, nonce_row)) or self._is_final(row, access):
            return row
        self._say(row.transaction_id, f"no nonce tells of its block {row.block_number}: watched till final")
        watched = replace(row, due_at=self.clock.now(), version=row.version + 1)
        self._do(lambda: self.store.write(Change(before=row, after=watched)))
        return watched

    def _is_final(self, row: Transaction, access: ChainAccess) -> bool:
        """Whether a block of that number is final, as far as one endpoint knows."""
        if row.chain_id not in self._final:
            head, finalized = access.chain.head(), access.chain.finalized()
            self._final[row.chain_id] = access.settings.final_block(head.number, finalized)
        return (row.block_number or 0) <= self._final[row.chain_id]

    def _was_left_out(self, row: Transaction, receipts: Iterable[TransactionReceipt]) -> bool:
        """Whether its batch is mined without it: then a forgotten nonce may have carried it out."""
        if row.batch_size is None:
            return False
        kind = self.kinds[row.kind]
        legs = (kind.leg(row.transaction_id, row.payload, receipt.logs) for receipt in receipts)
        return not any(leg.is_done for leg in legs)

    def _nonce_row(self, row: Transaction) -> NonceRow | None:
        if row.wallet is None or row.nonce is None:
            return None
        found = self.wallets.nonce_row(row.chain_id, row.wallet, row.nonce)
        return found if found and row.transaction_id in found.intents else None

    def _receipts(self, row: NonceRow, access: ChainAccess) -> list[TransactionReceipt]:
        hashes = [attempt.hash for attempt in row.attempts]
        return [receipt for receipt in (access.chain.receipts(hashes) if hashes else ()) if receipt]

    def _observed(self, row: Transaction, nonce_row: NonceRow) -> Transaction:
        """Leave a nonce whose bytes are mined to confirm, which must see it."""
        if row.status is Status.PENDING and nonce_row.is_settled:
            self._say(row.transaction_id, f"its nonce {nonce_row.nonce} was closed too early: opened")
            opened = replace(nonce_row, is_settled=False, version=nonce_row.version + 1)
            self._do(lambda: self.wallets.replace_nonce_row(nonce_row, opened))
            self._lower(nonce_row)
        return row

    def _lower(self, opened: NonceRow) -> None:
        """Let confirm's window reach down to a nonce that was opened again."""
        wallet = self.wallets.wallet(opened.chain_id, opened.wallet)
        if wallet and wallet.lowest_open > opened.nonce:
            kept = wallet.reopened(opened).settled_cost
            lower = replace(wallet, lowest_open=opened.nonce, settled_cost=kept)
            self._do(lambda: self.recovery.set_wallet(wallet, lower))

    def _has_lost_its_nonce(self, row: Transaction, nonce_row: NonceRow | None, access: ChainAccess) -> bool:
        """Whether nothing of ours will ever carry a bound transaction out with its nonce."""
        if nonce_row is None or nonce_row.is_settled or row.wallet is None:
            return True
        return access.chain.transaction_count(row.wallet) > nonce_row.nonce

    def _returned(self, row: Transaction) -> Transaction:
        """Take a nonce that is lost off a transaction: it waits for another."""
        self._say(row.transaction_id, f"nonce {row.nonce} is lost or was used by another: bound again")
        after, events = self._stepped(row, Step.RETURNED, **_NO_NONCE)
        waiting = replace(after, due_at=self.clock.now())
        self._do(lambda: self.store.write(Change(before=row, after=waiting, events=events)))
        return waiting

    def _recovered(self, row: Transaction, receipt: TransactionReceipt, access: ChainAccess) -> Transaction:
        self._say(row.transaction_id, f"row says {row.status}, the chain executed it in {receipt.hash}")
        over, event = self._executions.recovered(row, receipt, access)
        self._do(lambda: self.store.write(Change(before=row, after=over, events=(event,))))
        return over

    @property
    def _executions(self) -> Executions:
        return Executions(kinds=self.kinds, clock=self.clock)

    # -- wallets ------------------------------------------------------------------------------

    def _wallet(self, wallet: Wallet, access: ChainAccess) -> None:
        """Reconcile one wallet with its nonce rows, their intents and the chain's count."""
        count = access.chain.transaction_count(wallet.address)
        rows = self.recovery.nonce_rows(wallet, first=wallet.lowest_open)
        still_open = []
        for row in rows:
            if not row.is_settled:
                after = self._nonce(row, count, access)
                if not after.is_settled:
                    still_open.append(after.nonce)
        highest = max((row.nonce + 1 for row in rows), default=0)
        next_nonce = WalletNonce(max(wallet.next_nonce, count, highest))
        known = {row.nonce for row in rows}
        for nonce in range(max(count, wallet.lowest_open), next_nonce):
            if nonce not in known:
                self._fill(wallet, WalletNonce(nonce))
                still_open.append(WalletNonce(nonce))
        lowest = WalletNonce(min(still_open, default=next_nonce))
        settled_cost = wallet.settled_cost if still_open else wallet.bound_cost
        after_all = replace(wallet, next_nonce=next_nonce, lowest_open=lowest, settled_cost=settled_cost)
        if next_nonce != wallet.next_nonce:
            words = f"next nonce {wallet.next_nonce} is behind the chain's {next_nonce}: raised"
            self._say(wallet.address, words)
        if after_all != wallet:
            self._do(lambda: self.recovery.set_wallet(wallet, after_all))

    def _fill(self, wallet: Wallet, nonce: WalletNonce) -> None:
        """Give a nonce that the chain waits for and nobody holds a row of its own, without an intent."""
        self._say(wallet.address, f"nonce {nonce} belongs to nothing: it will be filled")
        row = NonceRow(
            chain_id=wallet.chain_id,
            wallet=wallet.address,
            nonce=nonce,
            intents=(),
            gas_limit=FILL_GAS,
            bound_at=self.clock.now(),
        )
        self._do(lambda: self.recovery.add_nonce_row(row))

    def _nonce(self, row: NonceRow, count: int, access: ChainAccess) -> NonceRow:
        """Reconcile an open nonce with its intents; give it as it is afterwards."""
        is_ours = row.nonce >= count or bool(self._receipts(row, access))
        intents = [intent for name in row.intents if (intent := self._agreed(name))]
        if is_ours:
            intents = [self._bound_again(intent, row) for intent in intents]
        # What is over is not signed again: without anything else to carry out, the nonce is only filled.
        kept = tuple(
            intent.transaction_id
            for intent in intents
            if _is_at(intent, row) and (row.attempts or intent.status is Status.PENDING)
        )
        after = row
        if kept != row.intents:
            gone = len(row.intents) - len(kept)
            self._say(row.wallet, f"nonce {row.nonce}: {gone} of its transactions are lost or elsewhere")
            after = replace(after, intents=kept, version=row.version + 1)
            if not kept and not row.attempts:
                after = replace(after, gas_limit=FILL_GAS)
        waits = any(intent.status is Status.PENDING for intent in intents if _is_at(intent, row))
        if not is_ours and not waits:
            self._say(row.wallet, f"nonce {row.nonce} was used by a transaction the tables forgot: closed")
            after = replace(after, is_settled=True, version=row.version + 1)
        if after != row:
            self._do(lambda: self.wallets.replace_nonce_row(row, after))
        return after

    def _bound_again(self, intent: Transaction, row: NonceRow) -> Transaction:
        """Bind a transaction to the nonce that holds it already, unless that left it out."""
        if intent.status not in _UNBOUND or intent.reached.get(Step.RETURNED.value, 0) > row.bound_at:
            return intent
        self._say(intent.transaction_id, f"row says {intent.status}, but it holds nonce {row.nonce}: bound")
        after, events = intent, tuple[Event, ...]()
        if intent.status is Status.RECEIVED:
            after, events = self._stepped(intent, Step.VALIDATED)
        place: dict[str, object] = {}
        if len(row.intents) > 1:
            position = row.intents.index(intent.transaction_id)
            place = {"batch_size": len(row.intents), "batch_position": position}
        after, more = self._stepped(after, Step.BOUND, wallet=row.wallet, nonce=row.nonce, **place)
        bound = unhindered(after, due_at=None)
        self._do(lambda: self.store.write(Change(before=intent, after=bound, events=(*events, *more))))
        return bound

    # -- reservations -------------------------------------------------------------------------

    def _held(self, row: Transaction) -> None:
        """Hold a transaction's funds exactly while it is promised and not over."""
        reservation = self.kinds[row.kind].reservation(row.payload)
        is_held = self.recovery.is_held(reservation.marker, row.transaction_id)
        if row.status in _HOLDING and not is_held:
            self._say(row.transaction_id, f"row says {row.status}, but nothing is held for it: held")
            self._do(lambda: self.recovery.hold(reservation, row.transaction_id))
        elif row.status not in _HOLDING and is_held:
            self._say(row.transaction_id, f"row says {row.status}, but funds are held for it: let go")
            self._let_go(reservation.marker, row.transaction_id)

    def _ledgers(self, chain_id: ChainId, payer: Address) -> None:
        """Let go what no row stands behind; make each ledger the sum of the rest; forget what is cached."""
        self._do(lambda: self.recovery.forget_cached(chain_id, payer))
        head = self.chains[chain_id].chain.head().number
        before = self.recovery.ledgers(chain_id, payer)
        holds = self.recovery.holds(chain_id, payer)
        rows = {row.transaction_id: row for row in self.store.get_many(list(holds))}
        sums: dict[tuple[Address, Address], int] = dict.fromkeys(before, 0)
        for name, marker in holds.items():
            row = rows.get(name)
            if row is None or row.status not in _HOLDING:
                self._say(name, "funds are held for a transaction that is lost or over: let go")
                self._let_go(marker, name)
                continue
            reservation = self.kinds[row.kind].reservation(row.payload)
            ledger = (reservation.escrow, reservation.token)
            sums[ledger] = sums.get(ledger, 0) + reservation.units
        for (escrow, token), units in sums.items():
            old = before.get((escrow, token), Ledger(reserved=TokenUnits(0), settled_block=BlockNumber(0)))
            if old.reserved != units:
                self._say(payer, f"ledger of {token} says {old.reserved}, held are {units}")
            # No balance older than this is used again: what it does not show may have been lost.
            new = Ledger(reserved=TokenUnits(units), settled_block=max(old.settled_block, head))
            self._set_ledger(Funds(chain_id=chain_id, escrow=escrow, token=token, payer=payer), old, new)

    def _let_go(self, marker: NonceMarker, name: TransactionId) -> None:
        self._do(lambda: self.recovery.let_go(marker, name))

    def _set_ledger(self, funds: Funds, old: Ledger, new: Ledger) -> None:
        self._do(lambda: self.recovery.set_ledger(funds, old, new))

    # -- saying and doing ---------------------------------------------------------------------

    def _stepped(
        self, row: Transaction, step: Step, **facts: object
    ) -> tuple[Transaction, tuple[Event, ...]]:
        name = self.kinds[row.kind].events[step]
        after, event = take_step(row, step, name=name, at=self.clock.now(), **facts)
        return after, (event,)

    def _say(self, subject: str, finding: str, *, is_unresolved: bool = False) -> None:
        self._found.append(Finding(subject, finding, is_unresolved))
        self.log.warning("recovery", subject=subject, finding=finding, is_dry=self.is_dry)

    def _do(self, act: Callable[[], None]) -> None:
        if not self.is_dry:
            act()


def _is_at(intent: Transaction, row: NonceRow) -> bool:
    """Whether a transaction is bound to a nonce, or was when it ended."""
    return (intent.wallet, intent.nonce) == (row.wallet, row.nonce)


def _tells_of(row: Transaction, nonce_row: NonceRow) -> bool:
    """Whether a nonce has what a transaction rests on reopened with it, should the block be gone."""
    block = nonce_row.settled_in
    is_same = block is not None and (block.number, block.hash) == (row.block_number, row.block_hash)
    return rests_on(row, nonce_row) and (is_same or not nonce_row.is_settled)
