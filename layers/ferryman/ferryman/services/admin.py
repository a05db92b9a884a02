"""What operators look at: everything of one deployment, whoever's it is. It changes nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.errors import FieldProblem, InvalidFieldsError, NotFoundError, chain_not_served
from ferryman.domain.nonces import NonceRow, TransactionAttempt
from ferryman.domain.quotas import day_of
from ferryman.domain.statistics import Gauges
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, ChainId, Instant, Seconds, TransactionId, rfc3339
from ferryman.ports import (
    Clock,
    DeadLetters,
    LeaseStore,
    PauseStore,
    StatisticsStore,
    TransactionStore,
    WalletStore,
)
from ferryman.services.asking import number_parameter, refuse_unknown_parameters
from ferryman.services.chains import Chains
from ferryman.services.pausing import told
from ferryman.services.reading import LARGEST_PAGE
from ferryman.services.records import attempts_told, event_of, record_of
from ferryman.services.rotating import wallet_told
from ferryman.services.topics import parsed_address

MOST_COUNTED: Final = 1_000
"""Rows counted of those that wait; more are told as "at least"."""
_DEFAULT_PAGE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminList:
    """Which transactions an operator wants to see."""

    sender: Address | None
    statuses: frozenset[Status]
    chain_id: ChainId | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """The operators' read side."""

    chains: Chains
    store: TransactionStore
    wallets: WalletStore
    leases: LeaseStore
    pauses: PauseStore
    statistics: StatisticsStore
    dead_letters: DeadLetters
    clock: Clock

    def status(self) -> dict[str, Any]:
        """Say what waits, what is bound, what is paused and what has died.

        Raises:
            StoreUnavailableError: as its ports say.

        """
        return {
            "at": rfc3339(self.clock.now()),
            "paused": [told(pause) for pause in self.pauses.pauses()],
            "chains": [self._chain_status(chain_id) for chain_id in self.chains],
            "dead_letters": self.dead_letter_counts(),
        }

    def dead_letter_counts(self) -> list[dict[str, Any]]:
        """Count the messages of every dead-letter queue."""
        return [
            {
                "queue": count.queue,
                "visible": count.visible,
                "in_flight": count.in_flight,
                "can_redrive": count.can_redrive,
            }
            for count in self.dead_letters.counts()
        ]

    def pool(self) -> list[dict[str, Any]]:
        """Describe every wallet that was ever used, with its open nonces."""
        found = []
        for chain_id in self.chains:
            for wallet in self.wallets.wallets(chain_id):
                nonces = self.wallets.open_nonces(wallet)
                found.append(
                    wallet_told(wallet, day_of(self.clock.now()))
                    | {"open_nonces": [_nonce_told(row) for row in nonces]}
                )
        return found

    def show(self, transaction_id: TransactionId) -> dict[str, Any]:
        """Give everything stored of a transaction but its signature.

        Raises:
            NotFoundError: there is no such transaction.

        """
        row = self.store.get(transaction_id)
        if row is None:
            problem = FieldProblem("transaction_id", "is not known here")
            raise NotFoundError(f"There is no transaction {transaction_id}.", problem)
        nonce_row = None
        if row.wallet is not None and row.nonce is not None:
            nonce_row = self.wallets.nonce_row(row.chain_id, row.wallet, row.nonce)
        return {
            "record": self._record(row, attempts=nonce_row.attempts if nonce_row else None),
            "events": [event_of(event) for event in self.store.events(transaction_id)],
            "housekeeping": {
                "version": row.version,
                "due_at": None if row.due_at is None else rfc3339(row.due_at),
                "waits": row.waits,
                "starts": row.starts,
                "last_error": row.last_error,
                "permanent_reason": row.permanent_reason,
            },
            "nonce": _nonce_told(nonce_row) if nonce_row else None,
        }

    def transactions(self, request: AdminList) -> dict[str, Any]:
        """List transactions: a sender's, newest first, or without a sender those that are open.

        Raises:
            StoreUnavailableError: as its ports say.

        """
        rows = self._sent(request) if request.sender else self._open(request)
        found: list[dict[str, Any]] = []
        for row in rows:
            if len(found) == request.limit:
                return {"transactions": found, "has_more": True}
            if row.status in request.statuses and request.chain_id in {None, row.chain_id}:
                found.append(self._record(row))
        return {"transactions": found, "has_more": False}

    def _sent(self, request: AdminList) -> Iterator[Transaction]:
        position = None
        while request.sender and (
            page := self.store.sent_by(request.sender, limit=LARGEST_PAGE, before=position)
        ):
            yield from self.store.get_many([name for _, name in page])
            position = page[-1]

    def _open(self, request: AdminList) -> Iterator[Transaction]:
        """Give open rows: those that wait, as they come due, then those that hold a nonce, oldest first."""
        for chain_id in self.chains:
            if request.chain_id in {None, chain_id}:
                due = self.store.watched(chain_id, limit=MOST_COUNTED)
                rows = self.store.get_many([one.transaction_id for one in due])
                yield from (row for row in rows if not row.status.is_terminal)
                yield from self._bound(chain_id)

    def _bound(self, chain_id: ChainId) -> Iterator[Transaction]:
        nonces = [
            row for wallet in self.wallets.wallets(chain_id) for row in self.wallets.open_nonces(wallet)
        ]
        names = [name for row in sorted(nonces, key=lambda row: row.bound_at) for name in row.intents]
        yield from (row for row in self.store.get_many(names) if row.status is Status.PENDING)

    def _open_nonces(self, chain_id: ChainId) -> list[NonceRow]:
        wallets = self.wallets.wallets(chain_id)
        return [row for wallet in wallets for row in self.wallets.open_nonces(wallet)]

    def _record(
        self, row: Transaction, *, attempts: Sequence[TransactionAttempt] | None = None
    ) -> dict[str, Any]:
        head = self.leases.head(row.chain_id) if row.block_number else None
        return record_of(row, head=head, attempts=attempts)

    def _chain_status(self, chain_id: ChainId) -> dict[str, Any]:
        due = self.store.watched(chain_id, limit=MOST_COUNTED)
        rows = self.store.get_many([one.transaction_id for one in due])
        # The index lags: by now some are bound, or over.
        waiting = [row for row in rows if row.nonce is None and not row.status.is_terminal]
        wallets = self.wallets.wallets(chain_id)
        nonces = self._open_nonces(chain_id)
        now = self.clock.now()
        return {
            "chain_id": chain_id,
            "head": self.leases.head(chain_id),
            "waiting": len(waiting),
            "waiting_is_at_least": len(due) == MOST_COUNTED,
            "oldest_waiting_seconds": _longest((row.received_at for row in waiting), now),
            "overdue_seconds": _longest((row.due_at for row in waiting if row.due_at is not None), now),
            "open_nonces": len(nonces),
            "oldest_nonce_seconds": _longest((row.bound_at for row in nonces), now),
            "wallets": len(wallets),
            "free_window": sum(wallet.free(wallet.limit) for wallet in wallets),
            **_endpoints_told(self.statistics.gauges(chain_id)),
        }


def admin_list(parameters: Mapping[str, str], chain_ids: Collection[ChainId]) -> AdminList:
    """Read the parameters of an operator's list.

    Raises:
        InvalidFieldsError: one is unknown or of the wrong form.

    """
    refuse_unknown_parameters(parameters, {"sender", "status", "chain_id", "limit"})
    sender, chain_id = parameters.get("sender"), parameters.get("chain_id")
    if chain_id is not None and chain_id not in {str(known) for known in chain_ids}:
        raise chain_not_served(chain_ids)
    statuses = _statuses(parameters.get("status"))
    if sender is None and all(status.is_terminal for status in statuses):
        # An empty list would be a lie.
        problem = FieldProblem("sender", "is required with CONFIRMED or FAILED alone")
        raise InvalidFieldsError("Without a sender, only what is open can be listed.", problem)
    return AdminList(
        sender=None if sender is None else parsed_address("sender", sender),
        statuses=statuses,
        chain_id=None if chain_id is None else ChainId(int(chain_id)),
        limit=number_parameter("limit", parameters.get("limit", str(_DEFAULT_PAGE)), 1, LARGEST_PAGE),
    )


def _statuses(text: str | None) -> frozenset[Status]:
    """Read status names with commas between them; none means all."""
    if text is None:
        return frozenset(Status)
    names = text.split(",")
    if not set(names) <= set(Status):
        reason = f"must be some of {', '.join(Status)}, with commas between"
        raise InvalidFieldsError("That is not a status.", FieldProblem("status", reason))
    return frozenset(map(Status, names))


def _longest(moments: Iterable[Instant], now: Instant) -> Seconds:
    """How long ago the first of some moments was; 0 if there are none, or all are to come."""
    return Seconds(max(now - min(moments, default=now), 0) // 1000)


def _endpoints_told(gauges: Gauges | None) -> dict[str, Any]:
    """Tell how a chain's endpoints did when confirm measured it last, by their numbers."""
    return {
        "measured_at": rfc3339(gauges.at) if gauges else None,
        "endpoints": [
            {
                "endpoint": one.number,
                "status": "ok" if one.is_well else "failed" if one.trouble else "behind",
                "rests": one.rests,
                "reason": one.trouble,
                "head": one.head,
                "head_age_seconds": one.head_age_seconds,
                "latency_ms": one.took_ms,
            }
            for one in (gauges.endpoints if gauges else ())
        ],
    }


def _nonce_told(row: NonceRow) -> dict[str, Any]:
    return {
        "nonce": row.nonce,
        "transactions": list(row.intents),
        "bound_at": rfc3339(row.bound_at),
        "wanted": row.wanted.value,
        "sends_wanted": row.sends_wanted,
        "fill_reason": row.fill_reason and row.fill_reason.value,
        "last_error": row.last_error,
        "is_settled": row.is_settled,
        "attempts": attempts_told(row.attempts),
    }
