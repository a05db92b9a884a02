"""Recording: what was mined with a nonce becomes steps of its intents."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ferryman.domain.blocks import BlockId
from ferryman.domain.economics import Bill, outcome_of
from ferryman.domain.errors import (
    ChainMovedError,
    ChainUnreachableError,
    StaleRowError,
    StoreUnavailableError,
    TooManyLogsError,
)
from ferryman.domain.events import Event, Step
from ferryman.domain.nonces import NonceRow
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.domain.units import Address, TransactionId, WalletNonce
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    Change,
    Clock,
    Log,
    NonceMarker,
    Recorded,
    TransactionReceipt,
    TransactionStore,
    WalletStore,
    Workers,
)
from ferryman.services.about import about
from ferryman.services.bundles import PlannedWrite, bundles, nothing_more
from ferryman.services.canonical import NOTHING_ASKED, Judgement
from ferryman.services.chains import ChainAccess
from ferryman.services.executions import Execution, Executions
from ferryman.services.outcomes import (
    NO_BINDING,
    Mined,
    back_on,
    execution_of,
    has_lost_its_end,
    is_carried,
    is_executed_after_all,
    leg_of,
    moved_from,
    steps_of,
)

_ENDS: Final = frozenset({Step.CONFIRMED, Step.FAILED})
_HOLDING: Final = frozenset({Status.VALIDATED, Status.PENDING})
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look found of one nonce."""

    row: NonceRow
    """As it was read."""
    intents: Sequence[Transaction]
    """The rows of its intents."""
    mined: Mined | None
    """What was mined with it, as far as anything was."""

    @property
    def key(self) -> tuple[Address, WalletNonce]:
        """Which nonce it is."""
        return self.row.wallet, self.row.nonce


@dataclass(frozen=True, slots=True)
class _Plan:
    """The writes of one nonce."""

    finding: Finding
    first: Sequence[PlannedWrite]
    """In any order."""
    last: PlannedWrite | None
    """Closes it; None if it stays open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Writes facts of the chain into rows; it never decides what to do about them."""

    kinds: Mapping[str, IntentKind]
    access: ChainAccess
    executions: Executions
    store: TransactionStore
    wallets: WalletStore
    workers: Workers
    clock: Clock
    log: Log

    def __call__(self, findings: Sequence[Finding], blocks: Judgement = NOTHING_ASKED) -> list[Finding]:
        """Write what is new of nonces: inclusion, end or disappearance.

        What becomes of intents of different payers is written together, and such bundles side by side. The
        last write of a nonce closes it: only once all others of it are done, or they would be forgotten.

        Args:
            findings: of different nonces.
            blocks: of the blocks that the intents name and what was mined does not, which are gone.

        Returns:
            Those whose nonce is settled.

        Raises:
            StoreUnavailableError: as its ports say; some of it may be written.

        """
        plans = [plan for one in findings if (plan := self._plan(one, blocks))]
        stale = self._carried_out(write for plan in plans for write in plan.first)
        closing = [plan for plan in plans if plan.last and plan.finding.key not in stale]
        stale |= self._carried_out(plan.last for plan in closing if plan.last)
        return [plan.finding for plan in closing if plan.finding.key not in stale]

    def _plan(self, finding: Finding, blocks: Judgement) -> _Plan | None:
        """Give the writes of a nonce; None if nothing can be said of it yet."""
        row, intents, mined = finding.row, finding.intents, finding.mined
        moved = {block for intent in intents if (block := moved_from(intent, row, mined))}
        if moved - blocks.gone or any(has_lost_its_end(intent, row, mined) for intent in intents):
            # The receipt is missing, or another's, and yet the block is there: the next look may know more.
            self.log.warning("nothing recorded of a nonce", wallet=row.wallet, nonce=row.nonce)
            return None
        deep = mined is not None and mined.is_deep
        carried = [intent for intent in intents if is_carried(intent, row)]
        elsewhere = self._elsewhere(carried, row, mined) if mined and deep else {}
        if elsewhere is None:
            return None
        first = [
            PlannedWrite(finding.key, intent.sender, partial(self._write_recovery, intent, row, mined))
            for intent in intents
            if mined and is_executed_after_all(intent, row, mined, self.kinds[intent.kind])
        ]
        for intent in carried:
            closing = row.settled(mined.block) if mined and deep and intent is carried[-1] else None
            if receipt := elsewhere.get(intent.transaction_id):
                write = partial(self._write_elsewhere, intent, receipt, closing)
                first.append(PlannedWrite(finding.key, intent.sender, write))
            elif taken := self._steps_taken(finding, intent, closing):
                first.append(taken)
        if mined is None or not deep:
            return _Plan(finding, first, None)
        if carried:
            return _Plan(finding, first[:-1], first[-1]) if first else None
        # A fill, or all of its intents have ended or gone: nobody else closes it.
        close = partial(self.wallets.replace_nonce_row, row, row.settled(mined.block))
        return _Plan(finding, first, PlannedWrite(finding.key, row.wallet, close))

    def _carried_out(self, writes: Iterable[PlannedWrite]) -> set[tuple[Address, WalletNonce]]:
        """Write, and give the nonces of which something had moved."""
        stale: set[tuple[Address, WalletNonce]] = set()

        def carry_out(write: PlannedWrite) -> None:
            try:
                write.carry_out()
            except StaleRowError:
                wallet, nonce = write.key
                stale.add(write.key)
                self.log.info("the row moved; the next look sees it", wallet=wallet, nonce=nonce)
            else:
                write.done()

        def carry_out_all(bundle: Sequence[PlannedWrite]) -> None:
            if not self._written_together(bundle):
                for write in bundle:
                    carry_out(write)

        queues: defaultdict[Address, deque[PlannedWrite]] = defaultdict(deque)
        for write in writes:
            queues[write.payer].append(write)
        while queues:
            turn = [queue.popleft() for queue in queues.values()]
            queues = defaultdict(deque, {payer: queue for payer, queue in queues.items() if queue})
            self.workers.work_off([[partial(carry_out_all, bundle)] for bundle in bundles(turn)])
        return stale

    def _written_together(self, bundle: Sequence[PlannedWrite]) -> bool:
        """Write several with one request; one that is in the way of all is found when each goes by itself."""
        recorded = [write.recorded for write in bundle if write.recorded]
        if len(recorded) < _SEVERAL:
            return False
        try:
            self.store.write_together(recorded)
        except StaleRowError as error:
            self.log.info("not written together", intents=len(recorded), cause=str(error))
            return False
        for write in bundle:
            write.done()
        return True

    def lost(self, row: NonceRow, intents: Sequence[Transaction], head: BlockId) -> bool:
        """Take a nonce that somebody else has used off its intents: they are bound again.

        Args:
            row: the nonce as it was read.
            intents: the rows that still wait for it.
            head: the newest block, by which it was used.

        Returns:
            Whether the nonce is settled.

        Raises:
            StoreUnavailableError: as its ports say.

        """
        passed = row.passed_by()
        try:
            # From here on no other run's bytes can be kept with it unnoticed.
            self.wallets.replace_nonce_row(row, passed)
            for intent in intents:
                self._return(intent, passed, passed.settled(head) if intent is intents[-1] else None)
            if not intents:
                self.wallets.replace_nonce_row(passed, passed.settled(head))
        except StaleRowError:
            self.log.info("the row moved; the next look sees it", wallet=row.wallet, nonce=row.nonce)
            return False
        return True

    def _return(self, intent: Transaction, row: NonceRow, closed: NonceRow | None) -> None:
        """Let an intent wait for another nonce; what was mined with this one is gone or not its own."""
        kind, now, events = self.kinds[intent.kind], self.clock.now(), list[Event]()
        after = intent
        for step, facts in (*steps_of(intent, row, None, None), (Step.RETURNED, NO_BINDING)):
            after, event = take_step(after, step, name=kind.events[step], at=now, **facts)
            events.append(event)
        cause = f"its nonce {row.nonce} was {row.last_error}"
        self.log.warning("returned, to be bound again", cause=cause, **about(intent))
        after = replace(after, due_at=now, last_error=cause)
        change = Change(before=intent, after=after, events=tuple(events))
        self.store.write(change, nonce_row=closed)

    def _write_recovery(self, intent: Transaction, row: NonceRow, mined: Mined) -> None:
        """Write that an intent was carried out by a nonce that it had left."""
        kind, there = self.kinds[intent.kind], back_on(row, intent)
        facts = execution_of(there, mined) | self._outcome(there, mined.receipt)
        name, now = kind.events[Step.RECOVERED], self.clock.now()
        after, event = take_step(intent, Step.RECOVERED, name=name, at=now, **facts)
        over = replace(after, due_at=None, last_error=None, permanent_reason=None, permanent_witnesses=None)
        change = Change(before=intent, after=over, events=(event,))
        held = kind.reservation(intent.payload) if intent.status in _HOLDING else None
        self.store.write(change, release=held, settled_block=mined.receipt.block_number)
        self.log.warning("executed after all, by a nonce it had left", **about(over))

    def _elsewhere(
        self, carried: Sequence[Transaction], row: NonceRow, mined: Mined
    ) -> dict[TransactionId, TransactionReceipt] | None:
        """Find those that a nonce would end without having done them, and that another transaction did.

        A restore forgets bytes that nodes still have, and another relayer may have taken the message: it
        is paid, though our own transaction reverts. None if nobody can say yet.
        """
        legs = {one.transaction_id: leg_of(one, row, mined, self.kinds[one.kind]) for one in carried}
        failing = [one for one in carried if legs[one.transaction_id].reason]
        try:
            found = self._executed(failing, mined) if failing else {}
        except (ChainUnreachableError, ChainMovedError, TooManyLogsError) as error:
            found, unsure = {}, [str(error)]
        else:
            unsure = [said for said in found.values() if isinstance(said, str)]
        if unsure:
            self.log.warning("not ended yet", wallet=row.wallet, nonce=row.nonce, cause=unsure[0])
            return None
        return {name: said for name, said in found.items() if isinstance(said, TransactionReceipt)}

    def _executed(self, failing: Sequence[Transaction], mined: Mined) -> dict[TransactionId, Execution]:
        """Look for those that have executed some messages in the blocks up to the one that fails them."""
        return self.executions.find_each(failing, self.access, since=mined.receipt.block_number)

    def _write_elsewhere(
        self, intent: Transaction, receipt: TransactionReceipt, closing: NonceRow | None
    ) -> None:
        """Write that an intent was carried out by a transaction that is none of its nonce's."""
        over, event = self.executions.recovered(intent, receipt, self.access)
        change = Change(before=intent, after=over, events=(event,))
        held = self.kinds[intent.kind].reservation(intent.payload)
        self.store.write(change, release=held, settled_block=receipt.block_number, nonce_row=closing)
        self.log.warning("carried out already, by another transaction", hash=receipt.hash, **about(over))
        self._call_up_next(over)

    def _steps_taken(
        self, finding: Finding, intent: Transaction, closing: NonceRow | None
    ) -> PlannedWrite | None:
        """Give the write of an intent's new steps, if there are any; its funds are let go if it is over."""
        row, mined, kind = finding.row, finding.mined, self.kinds[intent.kind]
        leg = leg_of(intent, row, mined, kind) if mined else None
        after, events = intent, list[Event]()
        for step, facts in steps_of(intent, row, mined, leg):
            money = self._outcome(intent, mined.receipt) if mined and step in _ENDS else {}
            name, now = kind.events[step], self.clock.now()
            after, event = take_step(after, step, name=name, at=now, **facts, **money)
            events.append(event)
        if not events:
            return None
        if leg and after.status is Status.VALIDATED:
            self.log.warning("returned, to be bound again", cause=leg.cause, **about(intent))
            after = replace(after, due_at=self.clock.now(), last_error=leg.cause)
        recorded = Recorded(
            change=Change(before=intent, after=after, events=tuple(events)), nonce_row=closing
        )
        if mined and after.status.is_terminal:
            held = kind.reservation(intent.payload)
            recorded = replace(recorded, release=held, settled_block=mined.receipt.block_number)
        done = partial(self._call_up_next, after) if leg and leg.is_done else nothing_more
        return PlannedWrite(finding.key, intent.sender, partial(self._write_alone, recorded), recorded, done)

    def _write_alone(self, recorded: Recorded) -> None:
        self.store.write(
            recorded.change,
            release=recorded.release,
            settled_block=recorded.settled_block,
            nonce_row=recorded.nonce_row,
        )

    def _call_up_next(self, intent: Transaction) -> None:
        """Have what its signer signed next looked at now, if the contract takes it only after this one.

        Should that be lost, it waits until its own time comes.
        """
        if (ordered := self.kinds[intent.kind].ordered) is None:
            return
        try:
            self._call_up(ordered.after(intent.payload))
        except StoreUnavailableError as error:
            self.log.warning("what comes next is not called up", cause=str(error), **about(intent))

    def _call_up(self, marker: NonceMarker) -> None:
        """Have what holds a nonce looked at now, if it waits."""
        holder, now = self.store.holder(marker), self.clock.now()
        row = self.store.get(holder) if holder else None
        if row is None or row.status is not Status.VALIDATED or row.due_at is None or row.due_at <= now:
            return
        try:
            called = replace(row, due_at=now, waits=0, version=row.version + 1)
            self.store.write(Change(before=row, after=called))
        except StaleRowError:
            self.log.info("it is looked at anyway", **about(row))

    def _outcome(self, intent: Transaction, receipt: TransactionReceipt) -> dict[str, object]:
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
            kind.schedule(intent.payload, self.access.settings),
            fee_taken=kind.fee_taken(intent.transaction_id, intent.payload, receipt.logs),
            bill=bill,
            predicted_cost=intent.predicted_cost,
        )
        return outcome.facts()
