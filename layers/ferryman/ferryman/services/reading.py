"""Reading records for those who ask: by id, by sender, page by page."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.access import Caller
from ferryman.domain.errors import FieldProblem, InvalidFieldsError, NotAllowedError, NotFoundError
from ferryman.domain.nonces import TransactionAttempt
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, Instant, TransactionId
from ferryman.intents.kind import IntentKind
from ferryman.ports import LeaseStore, TransactionStore, WalletStore
from ferryman.services.records import event_of, record_of

LARGEST_PAGE: Final = 100
DEFAULT_PAGE: Final = 20
_MOST_READ: Final = 1_000
"""Rows read for one page of a list that a status thins out."""
_ID: Final = re.compile(r"0x[0-9a-f]{64}")

Position = tuple[Instant, TransactionId]


@dataclass(frozen=True, slots=True)
class ListRequest:
    """One page of a sender's transactions, newest first."""

    sender: Address
    status: Status | None
    limit: int
    after: Position | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The read side: it never changes anything."""

    kinds: Mapping[str, IntentKind]
    store: TransactionStore
    wallets: WalletStore
    leases: LeaseStore

    def record(self, transaction_id: TransactionId) -> dict[str, Any]:
        """Read a record.

        Raises:
            NotFoundError: there is none that the caller may see.

        """
        return self.shown(self._public_row(transaction_id))

    def events(self, transaction_id: TransactionId, *, after: int = 0) -> list[dict[str, Any]]:
        """Read the events of a transaction with a sequence number above `after`.

        Raises:
            NotFoundError: as `record`.

        """
        self._public_row(transaction_id)
        return [event_of(event) for event in self.store.events(transaction_id, after=after)]

    def page(self, request: ListRequest, caller: Caller) -> dict[str, Any]:
        """Read a page of a sender's records.

        Raises:
            NotAllowedError: the caller is neither the sender nor a reader.

        """
        require_reader(caller, request.sender)
        rows: list[Transaction] = []
        next_cursor = None
        for read, (position, row) in enumerate(self._newest_first(request), start=1):
            if row and request.status in {None, row.status}:
                rows.append(row)
            if len(rows) == request.limit or read == _MOST_READ:
                next_cursor = cursor_of(request.sender, position)
                break
        heads = {chain_id: self.leases.head(chain_id) for chain_id in {row.chain_id for row in rows}}
        return {
            "transactions": [record_of(row, head=heads[row.chain_id]) for row in rows],
            "next_cursor": next_cursor,
        }

    def open_records(self, sender: Address) -> list[dict[str, Any]]:
        """Read a sender's transactions that are not over, newest first; the caller was asked for already."""
        found = self.store.sent_by(sender, limit=LARGEST_PAGE)
        rows = self.store.get_many([name for _, name in found])
        return [self.shown(row) for row in rows if not row.status.is_terminal]

    def shown(self, row: Transaction) -> dict[str, Any]:
        """Give a row's record, with what only other tables know."""
        head = self.leases.head(row.chain_id) if row.block_number else None
        return record_of(row, head=head, attempts=self._attempts(row))

    def _public_row(self, transaction_id: TransactionId) -> Transaction:
        row = self.store.get(transaction_id)
        if row is None or not self.kinds[row.kind].is_public:
            msg = f"There is no transaction {transaction_id}."
            raise NotFoundError(msg, FieldProblem("transaction_id", "is not known here"))
        return row

    def _newest_first(self, request: ListRequest) -> Iterator[tuple[Position, Transaction | None]]:
        """All of a sender's rows after the request's position; None where the index is ahead of the table."""
        after = request.after
        while found := self.store.sent_by(request.sender, limit=request.limit, before=after):
            rows = {row.transaction_id: row for row in self.store.get_many([name for _, name in found])}
            yield from ((position, rows.get(position[1])) for position in found)
            after = found[-1]

    def _attempts(self, row: Transaction) -> tuple[TransactionAttempt, ...] | None:
        if row.wallet is None or row.nonce is None:
            return None
        nonce_row = self.wallets.nonce_row(row.chain_id, row.wallet, row.nonce)
        return nonce_row.attempts if nonce_row else ()


def require_reader(caller: Caller, sender: Address, *, field: str = "sender") -> None:
    """Refuse who may not see all of a sender's transactions: a list shows who pays whom.

    Raises:
        NotAllowedError: the caller is neither the sender nor a reader; `field` is named.

    """
    if not caller.may_read(sender):
        problem = FieldProblem(
            field, "must be the account that signed in, or needs an API key with role reader"
        )
        raise NotAllowedError("Only a sender sees all of its transactions.", problem)


def cursor_of(sender: Address, position: Position) -> str:
    """Write where a page ended; opaque to clients."""
    text = json.dumps([sender, *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(cursor: str, sender: Address) -> Position:
    """Read a cursor that a client gave back.

    Raises:
        InvalidFieldsError: no list of this sender gave it.

    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        owner, received_at, name = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad_cursor() from error
    is_moment = type(received_at) is int and 0 <= received_at < 10**15
    if owner != sender or not is_moment or not isinstance(name, str) or not _ID.fullmatch(name):
        raise _bad_cursor()
    return Instant(received_at), TransactionId(name)


def _bad_cursor() -> InvalidFieldsError:
    problem = FieldProblem("cursor", "is not one that a list of this sender gave")
    return InvalidFieldsError("That is not a cursor of this list.", problem)
