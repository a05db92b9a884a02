"""Submission: take each hinted transaction from its reservation to a broadcast nonce."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from ferryman.domain.errors import (
    ChainMovedError,
    ChainUnreachableError,
    ContractMismatchError,
    NonceOutOfOrderError,
    NonceUsedError,
    SignerUnavailableError,
    StaleRowError,
    StoreUnavailableError,
    TooManyLogsError,
)
from ferryman.domain.events import Event, Step
from ferryman.domain.fees import FeeHistory
from ferryman.domain.lanes import Lane, lane_of
from ferryman.domain.nonces import NonceRow, Wallet, Wanted
from ferryman.domain.pauses import Pause
from ferryman.domain.quotas import day_of
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.domain.units import BlockNumber, ChainId, Milliseconds, TransactionId
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    Change,
    Clock,
    Confirmer,
    DeadLetterQueue,
    Hint,
    LeaseStore,
    Log,
    NonceHint,
    PauseStore,
    Reservation,
    Room,
    TransactionHint,
    TransactionReceipt,
    TransactionStore,
    WalletStore,
    Workers,
)
from ferryman.services.about import about
from ferryman.services.advance import Advance
from ferryman.services.assurance import REFUSALS, Assurance
from ferryman.services.batching import Batching
from ferryman.services.binding import NOTHING_BOUND, Binder, Bound, freest, has_room, taken
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.counters import Counters
from ferryman.services.crowds import Crowd
from ferryman.services.data_fees import data_fees
from ferryman.services.ending import fail_unbound
from ferryman.services.executions import ANY_BLOCK, Executions
from ferryman.services.gathering import Gathered, Gathering
from ferryman.services.hinting import hint_of
from ferryman.services.lately import Lately
from ferryman.services.parcels import Parcel
from ferryman.services.pausing import PAUSED
from ferryman.services.purse import Purse
from ferryman.services.questions import Question, ask_together
from ferryman.services.silence import Silence
from ferryman.services.simulating import Verdicts
from ferryman.services.topping_up import ToppingUp
from ferryman.services.waiting import NO_WALLET, NO_WINDOW, put_off, put_off_failed
from ferryman.services.waking import wake

STARTS_ALLOWED: Final = 5
"""Starts without a recorded outcome, after which a message counts as poison.

The queue hands a message out once more than that before it gives it up (`maxReceiveCount` in
template.yaml), so that the last one finds the row marked and is not tried again.
"""
UNDER_WAY_MS: Final = Milliseconds(3_000)
"""How long the run that signed a nonce has to broadcast it, before a message of its intents does so again."""
_LATE: Final = "deadline_passed"
_UNBOUND: Final = frozenset({Status.RECEIVED, Status.VALIDATED})


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is read before anything is done."""

    came: int
    """Rows that were named at once, with those that are on their way by now."""
    rows: Question[Sequence[Transaction]]
    """Those that are hinted."""
    pauses: Question[Sequence[Pause]]
    wallets: Question[Sequence[Wallet]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """The only service that binds a nonce or signs."""

    kinds: Mapping[str, IntentKind]
    chains: Chains
    store: TransactionStore
    wallets: WalletStore
    assurance: Assurance
    gathering: Gathering
    batching: Batching
    counters: Counters
    binder: Binder
    topping_up: ToppingUp
    advance: Advance
    leases: LeaseStore
    pauses: PauseStore
    dead_letters: DeadLetterQueue
    confirmer: Confirmer
    silence: Silence
    lately: Lately
    executions: Executions
    workers: Workers
    """What does not need each other's answers is read at the same time."""
    clock: Clock
    log: Log

    def __call__(self, hints: Sequence[Hint]) -> frozenset[Hint]:
        """Go on with everything the hints name.

        Returns:
            The hints whose outcome could not be written down: they must be delivered again.

        """
        if any(isinstance(hint, TransactionHint) and hint.redelivered for hint in hints):
            # One of these may be what killed the run before: alone, it kills nobody else.
            return frozenset[Hint]().union(*(self._delivered([hint]) for hint in hints))
        return self._delivered(hints)

    def _delivered(self, hints: Sequence[Hint]) -> frozenset[Hint]:
        by_chain: defaultdict[ChainId, list[Hint]] = defaultdict(list)
        for hint in hints:
            by_chain[hint.chain_id].append(hint)
        # A chain that did not answer lately comes last: the others have their turn before it is asked.
        ordered = sorted(by_chain, key=self.silence.last)
        return frozenset[Hint]().union(*(self._on_chain(by_chain[chain_id]) for chain_id in ordered))

    def _on_chain(self, hints: Sequence[Hint]) -> set[Hint]:
        """Go on with what is hinted of one chain; a failure to write concerns all of it."""
        access = self.chains.get(hints[0].chain_id)
        if access is None:
            self.log.error("a message names a chain that is not configured", chain_id=hints[0].chain_id)
            return set(hints)
        news = [hint for hint in hints if not self.lately.covers(hint)]
        if not news:
            return set()
        try:
            asked = self._asked(news, access, came=sum(isinstance(hint, TransactionHint) for hint in hints))
            rows = self._rows(news, asked.rows.answer())
            for row in rows.values():
                if row.permanent_reason is not None and row.status in _UNBOUND:
                    self._give_up(row, access)
            self._go_on(list(rows.values()), self._nonces(news, rows.values()), access, asked)
        except StoreUnavailableError as error:
            self.log.warning("outcome not written", cause=str(error), hints=len(news))
            return set(news)
        return {hint for hint in news if isinstance(hint, TransactionHint) and self._is_lost(hint, rows)}

    def _is_lost(self, hint: TransactionHint, rows: Mapping[str, Transaction]) -> bool:
        """Whether a message names nothing: it ends in the dead-letter queue, where its alarm is."""
        if hint.transaction_id in rows:
            return False
        self.log.error("a message names no transaction", **about(hint))
        return True

    def _give_up(self, row: Transaction, access: ChainAccess) -> None:
        """Hand a row that can never succeed to deadletter, which ends it."""
        reason = str(row.permanent_reason)
        self.log.error("given up", **about(row), reason=reason, cause=row.last_error, failures=row.failures)
        self.dead_letters.put(hint_of(row, access.settings, self.clock.now()), reason)

    # -- what the hints name ------------------------------------------------------------------

    def _asked(self, hints: Sequence[Hint], access: ChainAccess, *, came: int) -> _Asked:
        """Ask for all that binding needs, at the same time; of nonces alone nothing is bound."""
        names = [hint.transaction_id for hint in hints if isinstance(hint, TransactionHint)]
        asked = _Asked(
            came=came,
            rows=Question(partial(self._named, names)),
            pauses=Question(self.pauses.pauses),
            wallets=Question(partial(self.binder.stored, access)),
        )
        if names:
            ask_together(self.workers, asked.rows, asked.pauses, asked.wallets)
        return asked

    def _named(self, names: Sequence[TransactionId]) -> Sequence[Transaction]:
        return self.store.get_many(names) if names else ()

    def _rows(self, hints: Sequence[Hint], rows: Iterable[Transaction]) -> dict[str, Transaction]:
        """Give the hinted rows, and count a start on those whose message came back."""
        hinted = {hint.transaction_id: hint for hint in hints if isinstance(hint, TransactionHint)}
        return {
            row.transaction_id: self._started(row) if hinted[row.transaction_id].redelivered else row
            for row in rows
        }

    def _started(self, row: Transaction) -> Transaction:
        if row.status not in _UNBOUND:
            return row
        started = replace(row, starts=row.starts + 1, version=row.version + 1)
        if started.starts >= STARTS_ALLOWED:
            started = replace(started, permanent_reason="processing_failed")
        try:
            self.store.write(Change(before=row, after=started))
        except StaleRowError as error:
            raise StoreUnavailableError(str(error)) from error
        return started

    def _nonces(self, hints: Sequence[Hint], rows: Iterable[Transaction]) -> list[NonceRow]:
        """Read the nonces that are hinted, and those of rows that are bound already."""
        keys = {(hint.wallet, hint.nonce) for hint in hints if isinstance(hint, NonceHint)}
        for row in rows:
            if row.status is Status.PENDING and row.wallet is not None and row.nonce is not None:
                keys.add((row.wallet, row.nonce))
        chain_id = hints[0].chain_id
        found = (self.wallets.nonce_row(chain_id, wallet, nonce) for wallet, nonce in sorted(keys))
        return [row for row in found if row and not self._is_under_way(row)]

    def _is_under_way(self, row: NonceRow) -> bool:
        """Whether another run signed it moments ago: it broadcasts it, or confirm soon asks for that."""
        is_wanted = row.wanted is not Wanted.NOTHING
        return bool(row.attempts) and not is_wanted and self.clock.now() - row.last_touched() < UNDER_WAY_MS

    # -- going on -----------------------------------------------------------------------------

    def _go_on(
        self, rows: Sequence[Transaction], nonces: list[NonceRow], access: ChainAccess, asked: _Asked
    ) -> None:
        todo = [row for row in rows if row.status in _UNBOUND and row.permanent_reason is None]
        timely = [row for row in todo if not self._ended_late(row, access)]
        going = self._unpaused(timely, asked.pauses)
        assured = [after for row in going if (after := self._assured(row, access))]
        bound, market = NOTHING_BOUND, None
        if assured:
            try:
                with self.silence.asking(access.settings.chain_id):
                    bound, market = self._bound(assured, access, asked)
            except (ChainUnreachableError, SignerUnavailableError) as error:
                self._put_off((row, str(error)) for row in assured)
        if nonces or bound.nonces:
            self._advance([*nonces, *bound.nonces], bound.rows, market, access)
        if nonces or timely:
            # What is bound now has to be followed, and what waits has to be swept.
            wake(access.settings.chain_id, self.leases, self.confirmer, self.clock, self.log)

    def _unpaused(self, rows: Sequence[Transaction], pauses: Question[Sequence[Pause]]) -> list[Transaction]:
        """Put off what an operator has paused; give the rest. What is bound already goes on."""
        scopes = [pause.scope for pause in pauses.answer()] if rows else []
        paused = [row for row in rows if any(scope.covers(row.chain_id, row.kind) for scope in scopes)]
        self._put_off((row, PAUSED) for row in paused)
        return [row for row in rows if row not in paused]

    def _ended_late(self, row: Transaction, access: ChainAccess) -> bool:
        """End a row whose deadline has passed, as done if anybody did it in time; give whether it had."""
        if self.clock.now() // 1000 < row.deadline_seconds:
            return False
        self._end(row, _LATE, access, witnesses=len(access.chain.witnesses()))
        return True

    def _assured(self, row: Transaction, access: ChainAccess) -> Transaction | None:
        """Reserve the funds of a row that was stored without; None if it cannot go on now."""
        if row.status is Status.VALIDATED:
            return row
        kind = self.kinds[row.kind]

        def validated_at(block: BlockNumber) -> tuple[Transaction, Event]:
            facts = {"assured": kind.locks_funds, "accepted_block": block}
            name, now = kind.events[Step.VALIDATED], validated_now
            after, event = take_step(row, Step.VALIDATED, name=name, at=now, **facts)
            return replace(after, waits=0, last_error=None), event

        def commit(reservation: Reservation, room: Room) -> None:
            after, event = validated_at(room.block)
            self.store.write(Change(before=row, after=after, events=(event,)), hold=(reservation, room))

        validated_now = self.clock.now()
        try:
            with self.silence.asking(access.settings.chain_id):
                room = self.assurance.reserve_or_end(kind, row.payload, access, commit)
        except (ChainUnreachableError, ContractMismatchError, NonceOutOfOrderError) as error:
            self._put_off([(row, str(error))])
        except NonceUsedError as error:
            self._end(row, error.code, access, witnesses=len(access.chain.witnesses()))
        except REFUSALS as error:
            self._fail(row, error.code, witnesses=len(access.chain.witnesses()))
        except StaleRowError:
            self.log.info("another run validated the row first", **about(row))
        else:
            return validated_at(room.block)[0]
        return None

    def _bound(
        self,
        rows: Sequence[Transaction],
        access: ChainAccess,
        asked: _Asked,
    ) -> tuple[Bound, FeeHistory | None]:
        """Simulate and bind; whatever stands in the way becomes a wait or an end on the row."""
        pool, now = self.binder.pool(access, asked.wallets.answer()), self.clock.now()
        if not pool:
            self._put_off((row, NO_WALLET) for row in rows)
            return NOTHING_BOUND, None
        settings, wallet = access.settings, freest(pool, Lane.EXPRESS, access.settings)
        is_free = {lane: has_room(pool, lane, settings) for lane in Lane}
        able = [row for row in rows if is_free[lane_of(row, settings, now)]]
        self._put_off((row, NO_WINDOW) for row in rows if row not in able)
        if not able:
            return NOTHING_BOUND, None
        crowd = Crowd(came=asked.came, taken=taken(pool, settings))
        with self.gathering(able, access, crowd) as gathered:
            return self._tried_and_bound(gathered, pool, wallet, access, able=able, crowd=crowd)

    def _tried_and_bound(
        self,
        gathered: Gathered,
        pool: Sequence[Wallet],
        wallet: Wallet,
        access: ChainAccess,
        *,
        able: Sequence[Transaction],
        crowd: Crowd,
    ) -> tuple[Bound, FeeHistory | None]:
        """Simulate what came together, in the name of one of the wallets, and bind what passes."""
        hinted = {row.transaction_id for row in able}
        payers = [one.address for one in pool]
        parcels, verdicts = self.batching(
            gathered.rows, access, sender=wallet.address, payers=payers, crowd=crowd
        )
        for doomed in verdicts.failed:
            self._end(doomed.row, doomed.reason, access, witnesses=doomed.witnesses, since=doomed.block)
        self._put_off(verdicts.waiting)
        self._put_off_failed(verdicts.failing, access)
        if any(len(parcel.ready) > 1 for parcel in parcels):
            parcels, pool = self._read_again(parcels, access)
            wallet = next((one for one in pool if one.address == wallet.address), wallet)
        healed = self.counters.healed(wallet, verdicts.sender_count, access)
        purse = self._purse(parcels, verdicts, access)
        wallets = [healed if one is wallet else one for one in pool]
        binding = Question(partial(self.binder.bind, parcels, access, wallets, purse))
        # By the time others have taken a part of the backlog and read what is in it, this is bound.
        ask_together(self.workers, binding, *gathered.leaving)
        bound = binding.answer()
        bound = replace(bound, nonces=(*bound.nonces, *self.topping_up(pool, purse, access)))
        left = [(one.row, NO_WINDOW) for one in bound.without_capacity]
        left += [(one.row, cause) for one, cause in bound.without_funds]
        # What no message named loses nothing by staying as it is.
        self._put_off((row, cause) for row, cause in left if row.transaction_id in hinted)
        return bound, verdicts.market

    def _read_again(
        self, parcels: Sequence[Parcel], access: ChainAccess
    ) -> tuple[list[Parcel], list[Wallet]]:
        """Leave out what others went on with while it was tried, and give the wallets as they are by now.

        In a crowd that is common, and a write of eighty items that fails is billed, and made, like any other.
        """
        read = {one.row.transaction_id: one.row.version for parcel in parcels for one in parcel.ready}
        rows = Question(partial(self._named, list(read)))
        wallets = Question(partial(self.binder.stored, access))
        ask_together(self.workers, rows, wallets)
        unchanged = {row.transaction_id for row in rows.answer() if row.version == read[row.transaction_id]}
        gone = read.keys() - unchanged
        left = [left for parcel in parcels if (left := parcel.without(gone))]
        return left, self.binder.pool(access, wallets.answer())

    def _purse(self, parcels: Sequence[Parcel], verdicts: Verdicts, access: ChainAccess) -> Purse:
        """Say what the wallets have, and what intents may cost them."""
        kinds = {one.row.kind for parcel in parcels for one in parcel.ready}
        sizes = {kind: self.kinds[kind].call_bytes for kind in kinds}
        fees = data_fees(sizes.values(), access)
        return Purse(
            settings=access.settings,
            market=verdicts.market,
            balances=verdicts.balances,
            day=day_of(self.clock.now()),
            data_fees={kind: fees[size] for kind, size in sizes.items()},
        )

    def _advance(
        self,
        nonces: Sequence[NonceRow],
        rows: Sequence[Transaction],
        market: FeeHistory | None,
        access: ChainAccess,
    ) -> None:
        """Sign and broadcast; what fails here is bound already, and confirm asks for it again."""
        known = {row.transaction_id: row for row in rows}
        try:
            with self.silence.asking(access.settings.chain_id):
                taken_by_node = self.advance(nonces, access, known=known, market=market)
        except (ChainUnreachableError, StoreUnavailableError) as error:
            self.log.warning("nonces not advanced, confirm will ask again", cause=str(error))
        else:
            self.lately.note(row for row in rows if row.transaction_id in taken_by_node)

    # -- writing down -------------------------------------------------------------------------

    def _end(
        self,
        row: Transaction,
        reason: str,
        access: ChainAccess,
        *,
        witnesses: int,
        since: BlockNumber = ANY_BLOCK,
    ) -> None:
        """End what the contract will never take, unless that is because it has carried it out already.

        A reorg can bring back bytes of a nonce that the row has left, and a restore forgets what was mined.
        """
        is_late = reason == _LATE
        try:
            found = self.executions.find(row, access, since=since, is_late=is_late)
        except (ChainUnreachableError, ChainMovedError, TooManyLogsError) as error:
            self._put_off([(row, str(error))])
            return
        if found is None:
            self._fail(row, reason, witnesses=witnesses)
        elif isinstance(found, str):
            self._put_off([(row, found)])
        else:
            self._recover(row, found, access)

    def _recover(self, row: Transaction, receipt: TransactionReceipt, access: ChainAccess) -> None:
        """Write that it is carried out, and let go what was held for it."""
        over, event = self.executions.recovered(row, receipt, access)
        held = self.kinds[row.kind].reservation(row.payload) if row.status is Status.VALIDATED else None
        change = Change(before=row, after=over, events=(event,))
        try:
            self.store.write(change, release=held, settled_block=receipt.block_number if held else None)
        except StaleRowError:
            self.log.info("somebody else went on with the row", **about(row))
        else:
            self.log.warning(
                "carried out already, by others or by bytes it had left", hash=receipt.hash, **about(row)
            )

    def _fail(self, row: Transaction, reason: str, *, witnesses: int | None = None) -> None:
        kind = self.kinds[row.kind]
        fail_unbound(
            row, reason, kind=kind, store=self.store, clock=self.clock, log=self.log, witnesses=witnesses
        )

    def _put_off(self, rows: Iterable[tuple[Transaction, str]]) -> None:
        for row, cause in rows:
            put_off(row, cause, store=self.store, clock=self.clock, log=self.log)

    def _put_off_failed(self, rows: Iterable[tuple[Transaction, str]], access: ChainAccess) -> None:
        talk: dict[str, Any] = {"store": self.store, "clock": self.clock, "log": self.log}
        for row, cause in rows:
            if given_up := put_off_failed(row, cause, access=access, **talk):
                self._give_up(given_up, access)
