"""Acceptance: check a signed message, reserve its funds, store it, and queue it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ferryman.domain.changing import changed
from ferryman.domain.erc1271 import GAS_LIMIT, is_magic, is_valid_signature_call
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    BodyDiffersError,
    ChainUnreachableError,
    FieldProblem,
    InvalidFieldsError,
    NonceTakenError,
    NonceUsedError,
    RequestError,
    StoreUnavailableError,
    TransactionExistsError,
    WrongSignerError,
)
from ferryman.domain.events import Event, Step
from ferryman.domain.pricing import Prediction
from ferryman.domain.quotas import Charge
from ferryman.domain.signatures import SignatureFormatError, recover
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.domain.units import CorrelationId, Instant, TransactionId
from ferryman.intents.kind import IntentKind, SignedIntent
from ferryman.ports import (
    Clock,
    Confirmer,
    LeaseStore,
    Log,
    Queue,
    Read,
    Reservation,
    Room,
    TransactionStore,
)
from ferryman.services.about import about
from ferryman.services.assurance import Assurance, Vouching
from ferryman.services.chains import Chains
from ferryman.services.charging import Charging
from ferryman.services.hinting import hint_of
from ferryman.services.quoting import Quoting
from ferryman.services.waking import wake

FIRST_LOOK_MS: Final = 10_000
"""When the sweep first looks at a new row: it is normally bound long before."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The record of a message, and whether this request made it."""

    transaction: Transaction
    is_new: bool


@dataclass(frozen=True, slots=True)
class _Post:
    """A parsed message on its way to acceptance."""

    intent: SignedIntent
    new: Transaction
    """Its row before the first step."""
    doubt: RequestError | None
    """What is wrong with its signature, unless a contract vouches."""
    predicted: Prediction | None = None
    """What it is expected to cost."""

    def foreseen(self) -> dict[str, object]:
        """Give the facts of that, if it is known."""
        return self.predicted.facts() if self.predicted else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """Accepts signed intents of every kind."""

    kinds: Mapping[str, IntentKind]
    chains: Chains
    store: TransactionStore
    assurance: Assurance
    charging: Charging
    quoting: Quoting
    queue: Queue
    leases: LeaseStore
    confirmer: Confirmer
    clock: Clock
    log: Log

    def __call__(
        self, kind_name: str, body: object, *, correlation_id: CorrelationId | None = None
    ) -> Accepted:
        """Accept a message, or find the record it already has.

        Args:
            kind_name: the kind of intent, by the path it was posted to.
            body: the request, as JSON gave it.
            correlation_id: of the request; the record of a new message keeps it.

        Raises:
            RequestError: it is refused; nothing was stored.
            StoreUnavailableError: it could not be stored, or nobody knows: post it again.

        """
        kind = self.kinds[kind_name]
        settings = {chain_id: access.settings for chain_id, access in self.chains.items()}
        intent = kind.parse(body, settings)
        doubt = _signature_doubt(intent)
        if doubt and (vouched := self._same_request(kind, intent)):
            return Accepted(vouched, is_new=False)
        try:
            kind.check_time(intent, settings[intent.chain_id], self.clock.now())
            row = self._stored(kind, _Post(intent, _new_row(intent, self.clock.now(), correlation_id), doubt))
        except (RequestError, NonceTakenError, TransactionExistsError) as refusal:
            # A repeat is answered with its record, whatever became of it since.
            if refusal is not doubt and (known := self._record_of(kind, intent)):
                return Accepted(known, is_new=False)
            raise _refusal(refusal) from refusal
        self._enqueue(row)
        return Accepted(row, is_new=True)

    def verify(self, kind_name: str, body: object) -> SignedIntent:
        """Check a message as for its acceptance, and leave it at that.

        Raises:
            RequestError: it would be refused, or is accepted already.
            ChainUnreachableError, StoreUnavailableError: nobody can say.

        """
        kind = self.kinds[kind_name]
        intent = kind.parse(body, {chain_id: access.settings for chain_id, access in self.chains.items()})
        access, doubt = self.chains[intent.chain_id], _signature_doubt(intent)
        kind.check_time(intent, access.settings, self.clock.now())
        if self.store.get(intent.transaction_id):
            raise NonceUsedError("The message was accepted before.", FieldProblem("nonce", "is taken"))
        charge = self.charging.charge_for(
            kind.reservation(intent.payload), access.settings, field=kind.money.taken
        )
        self.quoting.check(kind, _new_row(intent, self.clock.now(), None), charge.before)
        vouching = _vouching(kind, intent, doubt) if doubt else None
        self.assurance.check(kind, intent.payload, access, vouching=vouching)
        return intent

    def _stored(self, kind: IntentKind, post: "_Post") -> Transaction:
        """Store the message with its funds reserved, or without if the chain is away."""
        settings = self.chains[post.new.chain_id].settings
        # Before the chain is asked: a sender over its limit costs one small read.
        charge = self.charging.charge_for(
            kind.reservation(post.new.payload), settings, field=kind.money.taken
        )
        predicted = self.quoting.check(kind, post.new, charge.before)
        if predicted:
            charge = self.charging.with_gas(charge, predicted.cost)
        terms = kind.terms(post.intent.payload, settings, predicted.units_per_native if predicted else None)
        new = changed(post.new, payload={**post.new.payload, **terms}) if terms else post.new
        post = replace(post, new=new, predicted=predicted)
        try:
            return self._stored_assured(kind, post, charge)
        except ChainUnreachableError as error:
            if post.doubt:
                msg = "The chain cannot be asked now whether this contract wallet signed; try again."
                raise AssuranceUnavailableError(msg) from error
            return self._stored_unassured(kind, post, charge, error)

    def _stored_assured(self, kind: IntentKind, post: "_Post", charge: Charge) -> Transaction:
        new, doubt, accepted = post.new, post.doubt, post.new

        def commit(reservation: Reservation, room: Room) -> None:
            nonlocal accepted
            is_assured = kind.locks_funds and doubt is None
            facts = {"assured": is_assured, "accepted_block": room.block, **post.foreseen()}
            name = kind.events[Step.ACCEPTED]
            row, event = take_step(new, Step.ACCEPTED, name=name, at=new.received_at, **facts)
            self._accept(kind, (row, event), charge, hold=(reservation, room))
            accepted = row

        vouching = _vouching(kind, post.intent, doubt) if doubt else None
        access = self.chains[new.chain_id]
        self.assurance.reserve(kind, new.payload, access, commit, vouching=vouching)
        return accepted

    def _stored_unassured(
        self, kind: IntentKind, post: "_Post", charge: Charge, cause: ChainUnreachableError
    ) -> Transaction:
        new = replace(post.new, last_error=str(cause))
        name = kind.events[Step.RECEIVED]
        row, event = take_step(new, Step.RECEIVED, name=name, at=new.received_at, **post.foreseen())
        self._accept(kind, (row, event), charge, hold=None)
        return row

    def _accept(
        self,
        kind: IntentKind,
        new: tuple[Transaction, Event],
        charge: Charge,
        *,
        hold: tuple[Reservation, Room] | None,
    ) -> None:
        """Store a row with all that goes with it."""
        row, event = new
        marker, spending = kind.marker(row.payload), kind.reservation(row.payload)

        def accept(charge: Charge, *, instead_of: TransactionId | None = None) -> None:
            self.store.accept(
                row, [event], marker=marker, hold=hold, charge=(spending, charge), instead_of=instead_of
            )

        try:
            self.charging.write(charge, accept)
        except NonceTakenError as taken:
            if kind.ordered is None or not self._has_failed(taken.transaction_id):
                raise
            # The chain has not seen the nonce, and takes no other of the signer's before it.
            self.charging.write(charge, partial(accept, instead_of=taken.transaction_id))

    def _has_failed(self, transaction_id: TransactionId) -> bool:
        known = self.store.get(transaction_id)
        return known is not None and known.status is Status.FAILED

    def _same_request(self, kind: IntentKind, intent: SignedIntent) -> Transaction | None:
        """Find a record that was made of this very request: its signature was good then."""
        known = self.store.get(intent.transaction_id)
        return known if known and not _differing(known, intent, kind) else None

    def _record_of(self, kind: IntentKind, intent: SignedIntent) -> Transaction | None:
        """Find the record of the same request.

        Raises:
            BodyDiffersError: the same message is stored with something else that is not signed.

        """
        known = self.store.get(intent.transaction_id)
        if known is None:
            return None
        if differing := _differing(known, intent, kind):
            problems = (FieldProblem(name, "differs from the accepted request") for name in differing)
            msg = f"{intent.transaction_id} was accepted before with another body."
            raise BodyDiffersError(msg, *problems)
        return known

    def _enqueue(self, row: Transaction) -> None:
        """Queue the row; if that fails the sweep does it, within seconds."""
        hint = hint_of(row, self.chains[row.chain_id].settings, self.clock.now())
        try:
            self.queue.send([hint])
        except StoreUnavailableError as error:
            self.log.warning("not queued, the sweep will do it", **about(row), cause=str(error))
            wake(row.chain_id, self.leases, self.confirmer, self.clock, self.log)


def _signature_doubt(intent: SignedIntent) -> RequestError | None:
    """Recover the signer; say what is wrong, unless a contract at the sender's address vouches."""
    if not intent.needs_signature:
        return None
    try:
        signer = recover(intent.digest, intent.signature)
    except SignatureFormatError as error:
        return InvalidFieldsError("The signature is malformed.", FieldProblem("signature", str(error)))
    if signer == intent.sender:
        return None
    return WrongSignerError(
        f"The signature is by {signer}, not by {intent.sender}, or it signs another message:"
        " check every signed field, the chain id and the contract of the EIP-712 domain.",
        FieldProblem("signature", f"is by {signer}"),
    )


def _vouching(kind: IntentKind, intent: SignedIntent, doubt: RequestError) -> Vouching:
    """Ask the sender's own contract (ERC-1271), or whom the kind names, if its contract would ask as well.

    Raises:
        RequestError: the doubt; it would not.

    """
    if not kind.asks_wallets:
        raise doubt
    call = is_valid_signature_call(intent.digest, intent.signature)
    return Vouching(intent.vouching or Read(intent.sender, call, gas=GAS_LIMIT), is_magic, doubt)


def _differing(known: Transaction, intent: SignedIntent, kind: IntentKind) -> list[str]:
    """Name what a request says otherwise than the one that was accepted, or only one of them says at all."""
    said = dict.fromkeys(name for name in (*intent.payload, *known.payload) if name not in kind.added)
    return [name for name in said if intent.payload.get(name) != known.payload.get(name)]


def _new_row(intent: SignedIntent, now: Instant, correlation_id: CorrelationId | None) -> Transaction:
    return Transaction(
        transaction_id=intent.transaction_id,
        kind=intent.kind,
        chain_id=intent.chain_id,
        sender=intent.sender,
        payload=intent.payload,
        priority=intent.priority,
        deadline_seconds=intent.deadline_seconds,
        received_at=now,
        correlation_id=correlation_id,
        status=Status.RECEIVED,
        version=0,
        due_at=Instant(now + FIRST_LOOK_MS),
    )


def _refusal(error: RequestError | NonceTakenError | TransactionExistsError) -> Exception:
    """Say to the client what a store said to us."""
    if isinstance(error, NonceTakenError):
        problem = FieldProblem("nonce", f"is held by {error.transaction_id}")
        return NonceUsedError("Another accepted message of this signer has the nonce.", problem)
    if isinstance(error, TransactionExistsError):
        return StoreUnavailableError("the record was there and then was not")
    return error
