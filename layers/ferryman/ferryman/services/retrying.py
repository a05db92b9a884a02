"""A retry by hand: look again now at what waits, and bring back what failed if it still can succeed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    FieldProblem,
    NotFoundError,
    NotRetriableError,
    StaleRowError,
)
from ferryman.domain.events import Event, Step
from ferryman.domain.transaction import (
    BINDING_FACTS,
    ENDING_FACTS,
    INCLUSION_FACTS,
    Status,
    Transaction,
    take_step,
    unhindered,
)
from ferryman.domain.units import BlockNumber, TransactionId
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    Change,
    Clock,
    Confirmer,
    LeaseStore,
    Log,
    Queue,
    Reservation,
    Room,
    TransactionStore,
)
from ferryman.services.assurance import Assurance
from ferryman.services.chains import Chains
from ferryman.services.hinting import hint_of
from ferryman.services.records import record_of
from ferryman.services.waking import wake

_FORGOTTEN: Final = dict.fromkeys((*BINDING_FACTS, *INCLUSION_FACTS, *ENDING_FACTS))
"""Facts of the try that failed."""
_TRIES: Final = 3
"""Each but the last was lost to a run that wrote the row at that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """Makes one transaction go on now."""

    kinds: Mapping[str, IntentKind]
    chains: Chains
    store: TransactionStore
    assurance: Assurance
    queue: Queue
    leases: LeaseStore
    confirmer: Confirmer
    clock: Clock
    log: Log

    def __call__(self, transaction_id: TransactionId, *, by: str) -> dict[str, Any]:
        """Retry a transaction; give its record.

        What is not bound yet is due now, with its poison mark taken off. A bound one has its nonce
        looked at. A failed one is reserved anew, under the same condition as at its acceptance.

        Raises:
            NotFoundError: there is no such transaction.
            NotRetriableError: it is confirmed, its deadline has passed, or somebody else changed it just now.
            NonceUsedError, InsufficientFundsError: the chain would not take a failed one any more.
            AssuranceUnavailableError: the chain, which has to be asked for a failed one, is away.
            StoreUnavailableError: it could not be written or sent.

        """
        row, again = self._retried(transaction_id)
        self.log.warning("retried by hand", transaction_id=transaction_id, was=row.status.value, by=by)
        self.queue.send([hint_of(again, self.chains[row.chain_id].settings, self.clock.now())])
        wake(row.chain_id, self.leases, self.confirmer, self.clock, self.log)
        return record_of(again)

    def _retried(self, transaction_id: TransactionId) -> tuple[Transaction, Transaction]:
        """Give the row as it was, and as it goes on; one that moves meanwhile is read again."""
        for tries_left in reversed(range(_TRIES)):
            row = self.store.get(transaction_id)
            if row is None:
                problem = FieldProblem("transaction_id", "is not known here")
                raise NotFoundError(f"There is no transaction {transaction_id}.", problem)
            if row.status is Status.CONFIRMED:
                raise _not_retriable("The transaction is confirmed.", "is CONFIRMED")
            try:
                return row, self._brought_back(row) if row.status is Status.FAILED else self._due_now(row)
            except StaleRowError as error:
                if not tries_left:
                    detail = "Somebody else changed it just now; try again."
                    raise _not_retriable(detail, "is moving") from error
        raise AssertionError

    def _due_now(self, row: Transaction) -> Transaction:
        """Take off what holds the row back; a new version lets its message pass deduplication."""
        again = replace(row, version=row.version + 1)
        if row.status is not Status.PENDING:
            again = unhindered(again, due_at=self.clock.now())
        self.store.write(Change(before=row, after=again))
        return again

    def _brought_back(self, row: Transaction) -> Transaction:
        """Reserve the funds again and go back to VALIDATED, in one write."""
        kind, access = self.kinds[row.kind], self.chains[row.chain_id]
        earliest = self.clock.now() // 1000 + access.settings.inclusion_seconds
        if row.deadline_seconds < earliest:
            raise _not_retriable("Its deadline leaves no time to execute it.", "has a deadline too near")

        def validated_at(block: BlockNumber) -> tuple[Transaction, Event]:
            name = kind.events[Step.RETRIED]
            facts = {**_FORGOTTEN, "accepted_block": block}
            after, event = take_step(row, Step.RETRIED, name=name, at=retried_at, **facts)
            return unhindered(after, due_at=retried_at), event

        def commit(reservation: Reservation, room: Room) -> None:
            after, event = validated_at(room.block)
            self.store.write(Change(before=row, after=after, events=(event,)), hold=(reservation, room))

        retried_at = self.clock.now()
        try:
            room = self.assurance.reserve(kind, row.payload, access, commit)
        except ChainUnreachableError as error:
            raise AssuranceUnavailableError("The chain cannot be asked now; try again.") from error
        return validated_at(room.block)[0]


def _not_retriable(detail: str, reason: str) -> NotRetriableError:
    return NotRetriableError(detail, FieldProblem("transaction_id", reason))
