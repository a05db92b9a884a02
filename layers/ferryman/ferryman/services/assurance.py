"""The instant assurance: does the chain take this message, and are its funds free?

Used at acceptance, and again for a message that was accepted while the chain was away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ferryman.domain.chain import LOOK_BACK_BLOCKS, ChainSettings
from ferryman.domain.errors import (
    AllowanceRequiredError,
    ChainUnreachableError,
    ContractMismatchError,
    FieldProblem,
    InsufficientFundsError,
    LedgerMovedError,
    LedgerRefusedError,
    NonceOutOfOrderError,
    NonceUsedError,
    TargetNotAllowedError,
    TrialFailedError,
    WrongSignerError,
)
from ferryman.domain.transaction import Status
from ferryman.domain.units import BlockNumber, ChainId, TokenUnits
from ferryman.intents.kind import IntentKind
from ferryman.intents.ordered import OrderedNonces
from ferryman.ports import Read, Reservation, Reverted, Room, TransactionStore
from ferryman.services.cached import CachedReadings
from ferryman.services.chains import ChainAccess

_READINGS: Final = 5
"""How often the chain is read for one message, while settlements overtake the readings."""

REFUSALS: Final = (
    AllowanceRequiredError,
    InsufficientFundsError,
    NonceUsedError,
    TargetNotAllowedError,
    TrialFailedError,
    WrongSignerError,
)
"""What the chain's state says against a message, apart from trouble of our own."""

Commit = Callable[[Reservation, Room], None]
"""Writes a reservation; raises LedgerRefusedError or LedgerMovedError."""


@dataclass(frozen=True, slots=True)
class Vouching:
    """A contract call that vouches for a signature, and what to say if it does not."""

    read: Read
    is_valid: Callable[[bytes], bool]
    otherwise: Exception


class Assurance:
    """Reads the chain and reserves funds.

    Args:
        store: where they are reserved.
        cached: asked before the chain, if given. It may only accept: whatever it does not take is
            judged by the chain.

    """

    def __init__(self, store: TransactionStore, cached: CachedReadings | None = None) -> None:
        self._store = store
        self._cached = cached
        self._contracts_seen: set[tuple[ChainId, tuple[Read, ...]]] = set()

    def reserve(
        self,
        kind: IntentKind,
        payload: Mapping[str, str | int],
        access: ChainAccess,
        commit: Commit,
        *,
        vouching: Vouching | None = None,
    ) -> Room:
        """Hold the funds of a message.

        Args:
            kind: the message's kind.
            payload: the message.
            access: its chain.
            commit: writes the reservation with whatever must be written along.
            vouching: asked along, for a signature that only a contract can judge.

        Returns:
            What was read, at the block the reservation rests on.

        Raises:
            ChainUnreachableError: the chain cannot be read, or only at blocks that are too old.
            ContractMismatchError: the contract is not ours.
            NonceUsedError: the chain has seen the message's nonce.
            NonceOutOfOrderError: the chain takes nonces in order, and the one before it is nobody's.
            InsufficientFundsError: the free funds do not cover it, by a fresh reading.
            AllowanceRequiredError: they may not be taken.
            WrongSignerError: the contract does not vouch for the signature.
            TrialFailedError: the contract would refuse it now.

        """
        if vouching is None and (taken := self._reserve_cached(kind, payload, access, commit)):
            return taken
        for attempt in range(_READINGS):
            is_fresh = attempt > 0
            if taken := self._reserve_read(
                kind, payload, access, commit, vouching=vouching, is_fresh=is_fresh
            ):
                return taken
        raise ChainUnreachableError(access.settings.chain_id, "its blocks are older than our settlements")

    def check(
        self,
        kind: IntentKind,
        payload: Mapping[str, str | int],
        access: ChainAccess,
        *,
        vouching: Vouching | None = None,
    ) -> None:
        """Say whether the funds of a message could be held now; nothing is written.

        Raises:
            ChainUnreachableError, ContractMismatchError, NonceUsedError, InsufficientFundsError,
            AllowanceRequiredError, TrialFailedError, WrongSignerError: as `reserve`.

        """

        def fits(reservation: Reservation, room: Room) -> None:
            ledger = self._store.ledger(reservation)
            if ledger.settled_block > room.block:
                raise LedgerMovedError(settled_block=ledger.settled_block)
            if ledger.reserved > room.units:
                raise LedgerRefusedError(reserved=ledger.reserved, settled_block=ledger.settled_block)

        self.reserve(kind, payload, access, fits, vouching=vouching)

    def reserve_or_end(
        self, kind: IntentKind, payload: Mapping[str, str | int], access: ChainAccess, commit: Commit
    ) -> Room:
        """Hold the funds of a message that is accepted already, so that a refusal ends it.

        That must not be the word of one endpoint: each witness is asked to refuse for itself.

        Raises:
            ChainUnreachableError, ContractMismatchError: as `reserve`.
            NonceOutOfOrderError: it can wait for what comes before it.
            RequestError: one of REFUSALS.

        """
        try:
            return self.reserve(kind, payload, access, commit)
        except REFUSALS as refused:
            refusal = refused
        for witness in access.chain.witnesses():
            try:
                return self.reserve(kind, payload, ChainAccess(access.settings, witness), commit)
            except REFUSALS as refused:
                refusal = refused
        raise refusal

    def _reserve_cached(
        self, kind: IntentKind, payload: Mapping[str, str | int], access: ChainAccess, commit: Commit
    ) -> Room | None:
        """Hold the funds by what watch has written down, under the same condition; None if it cannot be."""
        judged = self._cached and self._cached.assess(kind, payload, access.settings)
        if not self._cached or not judged:
            return None
        units, block = judged
        try:
            return self._commit(kind.reservation(payload), Room(units=units, block=block), commit)
        except (LedgerMovedError, LedgerRefusedError):
            self._cached.overtaken(access.settings)
            return None

    def _reserve_read(
        self,
        kind: IntentKind,
        payload: Mapping[str, str | int],
        access: ChainAccess,
        commit: Commit,
        *,
        vouching: Vouching | None,
        is_fresh: bool,
    ) -> Room | None:
        """Hold the funds by a reading of the chain; None: read again, for something settled meanwhile.

        None also of a refusal by a head seen moments ago, unless `is_fresh`.
        """
        reservation = kind.reservation(payload)
        units, block = self._assess(kind, payload, access, vouching, fresh=is_fresh)
        room = Room(units=units, block=block)
        try:
            return self._commit(reservation, room, commit)
        except LedgerMovedError:
            return None
        except LedgerRefusedError as refused:
            if not is_fresh:
                return None
            older = BlockNumber(max(refused.settled_block, block - LOOK_BACK_BLOCKS, 0))
        try:
            units, _ = self._assess(kind, payload, access, None, at=older)
            return self._commit(reservation, Room(units=units, block=older), commit)
        except LedgerMovedError:
            return None
        except (LedgerRefusedError, ContractMismatchError, ChainUnreachableError) as refused:
            # Also if the older block cannot be read: the fresh reading has refused already.
            raise self._insufficient(kind, reservation, room) from refused

    def _insufficient(self, kind: IntentKind, reservation: Reservation, room: Room) -> InsufficientFundsError:
        """Say how much is free: what is locked, less what is held."""
        needed, held = reservation.units, self._store.ledger(reservation).reserved
        free = TokenUnits(max(room.units + needed - held, 0))
        return InsufficientFundsError(free=free, needed=needed, field=kind.money.taken)

    def _commit(self, reservation: Reservation, room: Room, commit: Commit) -> Room:
        if room.units < 0:
            ledger = self._store.ledger(reservation)
            raise LedgerRefusedError(reserved=ledger.reserved, settled_block=ledger.settled_block)
        commit(reservation, room)
        return room

    def _check_turn(
        self,
        ordered: OrderedNonces,
        payload: Mapping[str, str | int],
        answers: Sequence[bytes],
        settings: ChainSettings,
    ) -> None:
        """Take what comes next on chain, or next to a message that is accepted: so nothing waits for nobody.

        Each was taken by the same rule, so the one before it stands for all that are before that.
        """
        ahead, most = ordered.ahead(payload, answers), ordered.most_ahead(settings)
        if not ahead:
            return
        if ahead > most:
            problem = FieldProblem("nonce", f"is {ahead} ahead of the chain's; at most {most} may wait")
            raise NonceOutOfOrderError("Too many requests of this signer would wait.", problem)
        holder = self._store.holder(ordered.before(payload))
        known = self._store.get(holder) if holder else None
        if known is None or known.status is Status.FAILED:
            problem = FieldProblem("nonce", "is not the next one, and the request before it is not here")
            raise NonceOutOfOrderError("The contract takes nonces in order only.", problem)

    def _assess(
        self,
        kind: IntentKind,
        payload: Mapping[str, str | int],
        access: ChainAccess,
        vouching: Vouching | None,
        *,
        fresh: bool = False,
        at: BlockNumber | None = None,
    ) -> tuple[TokenUnits, BlockNumber]:
        """Read everything in one batch: state, the contract's identity once, who vouches, and a try."""
        settings, state, trials = access.settings, kind.state_reads(payload), kind.trials(payload)
        identity = kind.contract_reads(settings, payload)
        seen = (settings.chain_id, identity) in self._contracts_seen
        parts = (
            state,
            () if seen else identity,
            (vouching.read,) if vouching else (),
            trials,
        )
        reading = access.chain.read([read for part in parts for read in part], fresh=fresh, at=at)
        answers = iter(reading.answers)
        known, shown, vouched, tried = (tuple(islice(answers, len(part))) for part in parts)
        if shown:
            if not kind.is_our_contract(_answered(shown), settings, payload):
                raise _mismatch()
            self._contracts_seen.add((settings.chain_id, identity))
        if vouching and not (isinstance(vouched[0], bytes) and vouching.is_valid(vouched[0])):
            raise vouching.otherwise
        units = kind.assess(payload, _answered(known))
        if kind.ordered:
            self._check_turn(kind.ordered, payload, _answered(known), settings)
        if units >= 0:  # else it is refused for want of funds, which a try could only repeat
            for trial, answer in enumerate(tried):
                if isinstance(answer, Reverted):
                    raise kind.refusal(trial, answer.data)
        return units, reading.block


def _answered(answers: Sequence[bytes | Reverted]) -> tuple[bytes, ...]:
    given = tuple(answer for answer in answers if isinstance(answer, bytes) and answer)
    if len(given) != len(answers):
        raise _mismatch()
    return given


def _mismatch() -> ContractMismatchError:
    return ContractMismatchError("The contract on chain is not the one this deployment is configured for.")
