"""Transactions, their events, and the ledgers that hold funds for them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain as concatenated
from types import MappingProxyType
from typing import Final

from ferryman.adapters.dynamodb.items import (
    account_key,
    closed_keys,
    closed_shard,
    event_item,
    event_of,
    nonce_row_item,
    shard,
    transaction_item,
    transaction_of,
    used_key,
)
from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtMost,
    ConditionFailedError,
    Equals,
    Item,
    Key,
    Present,
    Put,
    Query,
    SortRange,
    Table,
    Tables,
    Update,
    Write,
    WriteConflictError,
)
from ferryman.adapters.dynamodb.quotas import QuotaUpdate, gas_correction, quota_of, quota_update
from ferryman.domain.backlog import PARTS
from ferryman.domain.errors import (
    LedgerMovedError,
    LedgerRefusedError,
    NonceTakenError,
    StaleRowError,
    TransactionExistsError,
)
from ferryman.domain.events import Event
from ferryman.domain.fees import Tier
from ferryman.domain.nonces import NonceRow
from ferryman.domain.quotas import Charge, Quota, QuotaMovedError
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, BlockNumber, ChainId, Instant, TokenUnits, TransactionId
from ferryman.ports import Change, Due, Funds, Ledger, NonceMarker, Recorded, Reservation, Room

HELD: Final = "held_"
"""Begins the names of attributes of markers that tell what is held."""
_NO_GAS: Final[Mapping[str, int]] = MappingProxyType({})


class DynamoTransactions:
    """The TransactionStore.

    Args:
        tables: where everything is.
        lists_closed: whether rows that end are listed for `closed`, which costs a write unit each.

    """

    def __init__(self, tables: Tables, *, lists_closed: bool = False) -> None:
        self._tables = tables
        self._lists_closed = lists_closed

    def get(self, transaction_id: TransactionId) -> Transaction | None:
        """Read a row, consistently."""
        item = self._tables.get(Table.TRANSACTIONS, {"transaction_id": transaction_id})
        return transaction_of(item) if item else None

    def get_many(self, transaction_ids: Sequence[TransactionId]) -> tuple[Transaction, ...]:
        """Read rows, consistently, in the order asked."""
        keys = [{"transaction_id": transaction_id} for transaction_id in dict.fromkeys(transaction_ids)]
        items = self._tables.get_many(Table.TRANSACTIONS, keys)
        rows = {item["transaction_id"]: transaction_of(item) for item in items}
        return tuple(rows[transaction_id] for transaction_id in transaction_ids if transaction_id in rows)

    def events(self, transaction_id: TransactionId, *, after: int = 0) -> tuple[Event, ...]:
        """Read events in order, consistently."""
        query = Query(
            table=Table.EVENTS,
            partition=("transaction_id", transaction_id),
            sort=SortRange("sequence", at_least=after + 1),
        )
        return tuple(event_of(item) for item in self._tables.query(query))

    def sent_by(
        self, sender: Address, *, limit: int, before: tuple[Instant, TransactionId] | None = None
    ) -> tuple[tuple[Instant, TransactionId], ...]:
        """List a sender's transactions, newest first."""
        position: dict[str, str | int] | None = None
        if before:
            position = {"sender": sender, "received_at": before[0], "transaction_id": before[1]}
        query = Query(
            table=Table.TRANSACTIONS,
            index="by_sender",
            partition=("sender", sender),
            descending=True,
            limit=limit,
            start_after=position,
        )
        return tuple((item["received_at"], item["transaction_id"]) for item in self._tables.query(query))

    def watched(self, chain_id: ChainId, *, limit: int) -> tuple[Due, ...]:
        """List rows that want attention, the first due first."""
        queries = (
            Query(
                table=Table.TRANSACTIONS,
                index="by_due",
                partition=("open_shard", shard(chain_id, number)),
                limit=limit,
            )
            for number in range(PARTS)
        )
        found = concatenated.from_iterable(self._tables.query(query) for query in queries)
        return tuple(sorted((_due_of(item) for item in found), key=lambda due: due.due_at)[:limit])

    def closed(
        self, chain_id: ChainId, *, since: Instant | None = None, until: Instant | None = None, limit: int
    ) -> tuple[tuple[Instant, TransactionId], ...]:
        """List rows that are over, the first that ended first."""
        queries = (
            Query(
                table=Table.TRANSACTIONS,
                index="by_due",
                partition=("open_shard", closed_shard(chain_id, number)),
                sort=SortRange("due_at", since, until),
                limit=limit,
            )
            for number in range(PARTS)
        )
        found = concatenated.from_iterable(self._tables.query(query) for query in queries)
        return tuple(sorted((item["due_at"], item["transaction_id"]) for item in found)[:limit])

    def expire(self, row: Transaction, events: Sequence[Event], *, at: Instant) -> None:
        """Set when DynamoDB may delete them; the row last, so that a run that dies is repeated."""
        expiry = {"expires_at": at // 1000}
        for event in events:
            key: Key = {"transaction_id": event.transaction_id, "sequence": event.sequence}
            where = (Present("transaction_id"),)
            self._tables.write(Update(table=Table.EVENTS, key=key, set_to=expiry, where=where))
        leaving = Update(
            table=Table.TRANSACTIONS,
            key={"transaction_id": row.transaction_id},
            set_to=expiry,
            remove=("open_shard", "due_at"),
            where=(Equals("version", row.version), Equals("status", str(row.status))),
        )
        try:
            self._tables.write(leaving)
        except ConditionFailedError as error:
            raise StaleRowError(str(error)) from error

    def backlog(
        self, chain_id: ChainId, *, part: int, limit: int
    ) -> tuple[tuple[Instant, TransactionId], ...]:
        """List rows of one partition, the first due first."""
        query = Query(
            table=Table.TRANSACTIONS,
            index="by_due",
            partition=("open_shard", shard(chain_id, part)),
            limit=limit,
        )
        return tuple((item["due_at"], item["transaction_id"]) for item in self._tables.query(query))

    def ledger(self, funds: Funds) -> Ledger:
        """Read what is held of a payer's locked funds."""
        return _ledger_of(self._tables.get(Table.ACCOUNTS, ledger_key(funds)))

    def quota(self, funds: Funds) -> Quota | None:
        """Read what a payer has used of its limits in a token."""
        return quota_of(self._tables.get(Table.ACCOUNTS, ledger_key(funds)))

    def holder(self, marker: NonceMarker) -> TransactionId | None:
        """Read who claimed a nonce, consistently."""
        item = self._tables.get(Table.ACCOUNTS, used_key(marker))
        return TransactionId(item["transaction_id"]) if item else None

    def holders(self, markers: Sequence[NonceMarker]) -> Mapping[NonceMarker, TransactionId]:
        """Read who claimed nonces, consistently."""
        keys = {tuple(used_key(marker).values()): marker for marker in markers}
        items = self._tables.get_many(Table.ACCOUNTS, [used_key(marker) for marker in keys.values()])
        return {keys[item["account"], item["item"]]: TransactionId(item["transaction_id"]) for item in items}

    def accept(
        self,
        row: Transaction,
        events: Sequence[Event],
        *,
        marker: NonceMarker,
        hold: tuple[Reservation, Room] | None,
        charge: tuple[Funds, Charge] | None = None,
        instead_of: TransactionId | None = None,
    ) -> None:
        """Store a new row, claim the nonce, hold the funds and charge the payer."""
        writes: list[Write] = [
            Put(table=Table.TRANSACTIONS, item=transaction_item(row), where=(Absent("transaction_id"),)),
            _claim(marker, row.transaction_id, hold[0] if hold else None, instead_of=instead_of),
            *event_puts(events),
        ]
        ledger = len(writes)
        writes += _ledger_writes(hold, charge)
        try:
            self._tables.transact(writes)
        except ConditionFailedError as error:
            if 0 in error.failed:
                raise TransactionExistsError(row.transaction_id) from error
            if (taken := error.failed.get(1)) and taken["transaction_id"] != row.transaction_id:
                raise NonceTakenError(taken["transaction_id"]) from error
            _raise_for_ledger(error, ledger, hold)
            if ledger in error.failed:
                raise QuotaMovedError(quota_of(error.failed[ledger])) from error
            raise

    def write(
        self,
        change: Change,
        *,
        hold: tuple[Reservation, Room] | None = None,
        hold_again: Reservation | None = None,
        release: Reservation | None = None,
        settled_block: BlockNumber | None = None,
        nonce_row: NonceRow | None = None,
    ) -> None:
        """Write a change with what goes with it."""
        writes = self._change_writes(change, nonce_row)
        ledger, gas = len(writes), gas_correction(change.before, change.after)
        writes += _ledger_writes(hold, gas=gas)
        if hold:
            writes.append(_claim(hold[0].marker, change.after.transaction_id, hold[0]))
        if hold_again:
            writes += _hold_again_writes(hold_again, change.after.transaction_id, gas)
        writes += _release_writes(change.after, release, settled_block, gas)
        try:
            self._written(writes)
        except ConditionFailedError as error:
            if release and settled_block is not None and error.failed.keys() == {ledger}:
                # A later block settled first: the ledger's settled block is higher already, and stays.
                return self.write(change, release=release, nonce_row=nonce_row)
            _raise_for_ledger(error, ledger, hold)
            if hold_again and _is_anothers(error.failed.get(ledger + 1), change.after.transaction_id):
                beside = _hold_beside(hold_again, change.after.transaction_id)
                return self._written_or_stale([*writes[: ledger + 1], beside, *writes[ledger + 2 :]])
            raise StaleRowError(str(error)) from error

    def write_together(self, recorded: Sequence[Recorded]) -> None:
        """Write changes with what goes with each, all of them or none."""
        writes: list[Write] = []
        for one in recorded:
            change = one.change
            gas = gas_correction(change.before, change.after)
            writes += self._change_writes(change, one.nonce_row)
            writes += _release_writes(change.after, one.release, one.settled_block, gas)
        try:
            self._written_or_stale(writes)
        except WriteConflictError as error:
            raise StaleRowError(str(error)) from error

    def _change_writes(self, change: Change, nonce_row: NonceRow | None) -> list[Write]:
        """Replace the row, append its events, and replace the nonce."""
        row = row_put(change)
        if self._lists_closed and change.after.status.is_terminal and change.after.due_at is None:
            row = replace(row, item=row.item | closed_keys(change.after))
        writes: list[Write] = [row, *event_puts(change.events)]
        if nonce_row:
            where = (Equals("version", nonce_row.version - 1),)
            writes.append(Put(table=Table.WALLETS, item=nonce_row_item(nonce_row), where=where))
        return writes

    def _written_or_stale(self, writes: Sequence[Write]) -> None:
        try:
            self._written(writes)
        except ConditionFailedError as error:
            raise StaleRowError(str(error)) from error

    def _written(self, writes: Sequence[Write]) -> None:
        """Write alone what stands alone: a transaction costs twice as much."""
        if len(writes) == 1:
            self._tables.write(writes[0])
        else:
            self._tables.transact(writes)


def row_put(change: Change) -> Put:
    """Replace a row on the condition that nobody else did."""
    return Put(
        table=Table.TRANSACTIONS,
        item=transaction_item(change.after),
        where=(
            Equals("version", change.before.version),
            Equals("status", str(change.before.status)),
        ),
    )


def event_puts(events: Sequence[Event]) -> list[Put]:
    """Append events, each on the condition that nobody wrote its number."""
    return [
        Put(table=Table.EVENTS, item=event_item(event), where=(Absent("transaction_id"),)) for event in events
    ]


def ledger_key(funds: Funds) -> dict[str, str]:
    """Key of the ledger of locked funds."""
    return {
        "account": account_key(funds.chain_id, funds.payer),
        "item": f"ledger#{funds.escrow}#{funds.token}",
    }


def held_units(transaction_id: TransactionId) -> str:
    """Name of the attribute that a nonce's marker has while funds are held for a transaction."""
    return f"{HELD}{transaction_id}"


def _claim(
    marker: NonceMarker,
    transaction_id: TransactionId,
    held: Reservation | None,
    *,
    instead_of: TransactionId | None = None,
) -> Update:
    """Claim a nonce unless another transaction has, and say that funds are held unless they are.

    A marker may have outlived its row, or a row its marker: in a restore of tables from different moments.
    One that is of a transaction that failed is taken over only as long as nobody has brought that back.
    """
    units, takers = held_units(transaction_id), [transaction_id, *([instead_of] if instead_of else [])]
    ours = AnyOf((Absent("account"), *(Equals("transaction_id", taker) for taker in takers)))
    return Update(
        table=Table.ACCOUNTS,
        key=used_key(marker),
        set_to={"transaction_id": transaction_id} | ({units: held.units} if held else {}),
        where=(ours, *(Absent(held_units(taker)) for taker in takers)),
    )


def _ledger_writes(
    hold: tuple[Reservation, Room] | None,
    charge: tuple[Funds, Charge] | None = None,
    *,
    gas: Mapping[str, int] = _NO_GAS,
) -> list[Write]:
    """Hold funds and charge their payer, in one write."""
    counted = quota_update(charge[1]) if charge else QuotaUpdate(where=(), add=dict(gas))
    if hold is None:
        return [] if charge is None else [_ledger_update(charge[0], counted)]
    reservation, room = hold
    if room.units < 0:  # an absent ledger would let it pass
        raise LedgerRefusedError(reserved=TokenUnits(0), settled_block=BlockNumber(0))
    fits = (
        AnyOf((Absent("reserved"), AtMost("reserved", room.units))),
        AnyOf((Absent("settled_block"), AtMost("settled_block", room.block))),
    )
    held = replace(counted, add={"reserved": reservation.units, **counted.add}, where=(*fits, *counted.where))
    return [_ledger_update(reservation, held)]


def _hold_again_writes(
    reservation: Reservation, transaction_id: TransactionId, gas: Mapping[str, int]
) -> list[Write]:
    """Hold funds whatever there is room for, once: the payer has agreed to it, and the chain took it back."""
    held = QuotaUpdate(where=(), add={"reserved": reservation.units, **gas})
    return [
        _ledger_update(reservation, held),
        _claim(reservation.marker, transaction_id, reservation),
    ]


def _hold_beside(reservation: Reservation, transaction_id: TransactionId) -> Update:
    """Say on a nonce that another transaction has claimed since that funds are held for this one, too."""
    units = held_units(transaction_id)
    return Update(
        table=Table.ACCOUNTS,
        key=used_key(reservation.marker),
        set_to={units: reservation.units},
        where=(Absent(units),),
    )


def _is_anothers(marker: Item | None, transaction_id: TransactionId) -> bool:
    return marker is not None and marker["transaction_id"] != transaction_id


def _ledger_update(funds: Funds, changes: QuotaUpdate) -> Update:
    return Update(
        table=Table.ACCOUNTS,
        key=ledger_key(funds),
        set_to=changes.set_to,
        add=changes.add,
        remove=changes.remove,
        where=changes.where,
    )


def _release_writes(
    row: Transaction,
    release: Reservation | None,
    settled_block: BlockNumber | None,
    gas: Mapping[str, int],
) -> list[Write]:
    """Let funds go once: only while the nonce's marker says that they are held."""
    if release is None:
        return []
    units = held_units(row.transaction_id)
    where = (
        ()
        if settled_block is None
        else (AnyOf((Absent("settled_block"), AtMost("settled_block", settled_block))),)
    )
    return [
        Update(
            table=Table.ACCOUNTS,
            key=ledger_key(release),
            add={"reserved": -release.units, **gas},
            set_to={} if settled_block is None else {"settled_block": settled_block},
            where=where,
        ),
        Update(table=Table.ACCOUNTS, key=used_key(release.marker), remove=(units,), where=(Present(units),)),
    ]


def _raise_for_ledger(error: ConditionFailedError, index: int, hold: tuple[Reservation, Room] | None) -> None:
    """Say why a ledger refused, if it was the ledger."""
    if hold is None or index not in error.failed:
        return
    ledger, (_, room) = _ledger_of(error.failed[index]), hold
    if ledger.settled_block > room.block:
        raise LedgerMovedError(settled_block=ledger.settled_block) from error
    if ledger.reserved > room.units:
        raise LedgerRefusedError(reserved=ledger.reserved, settled_block=ledger.settled_block) from error


def _due_of(item: Item) -> Due:
    return Due(
        due_at=item["due_at"],
        transaction_id=item["transaction_id"],
        priority=Tier(item["priority"]),
        deadline_seconds=item["deadline_seconds"],
    )


def _ledger_of(item: Item | None) -> Ledger:
    found = item or {}
    return Ledger(
        reserved=TokenUnits(found.get("reserved", 0)),
        settled_block=BlockNumber(found.get("settled_block", 0)),
    )
