"""What only a recovery does to the tables: it makes them agree after a restore."""

from collections.abc import Iterable
from typing import Final

from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.items import MARK, account_key, nonce_row_item, nonce_row_of, used_key
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.operations import (
    Absent,
    ConditionFailedError,
    Delete,
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
)
from ferryman.adapters.dynamodb.transactions import HELD, held_units, ledger_key
from ferryman.adapters.dynamodb.wallets import state_key
from ferryman.domain.errors import StaleRowError
from ferryman.domain.nonces import NonceRow, Wallet
from ferryman.domain.units import Address, BlockNumber, ChainId, TokenUnits, TransactionId, WalletNonce
from ferryman.ports import Funds, Ledger, NonceMarker, Reservation

_USED: Final = "used#"
_CACHED: Final = "cached#"
_AFTER_ALL: Final = "~"


class DynamoRecovery:
    """The RecoveryStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def delete_events(self, transaction_id: TransactionId, sequences: Iterable[int]) -> None:
        """Delete events that no row stands behind."""
        for sequence in sequences:
            key: Key = {"transaction_id": transaction_id, "sequence": sequence}
            self._tables.write(Delete(table=Table.EVENTS, key=key))

    def holds(self, chain_id: ChainId, payer: Address) -> dict[TransactionId, NonceMarker]:
        """Read for which transactions funds of a payer are held: by the markers of all its nonces."""
        items = self._tables.query(
            Query(
                table=Table.ACCOUNTS,
                partition=("account", account_key(chain_id, payer)),
                sort=SortRange("item", _USED, _USED + _AFTER_ALL),
            )
        )
        return {
            TransactionId(name.removeprefix(HELD)): _marker_of(chain_id, payer, item)
            for item in items
            for name in item
            if name.startswith(HELD)
        }

    def is_held(self, marker: NonceMarker, transaction_id: TransactionId) -> bool:
        """Read whether funds are held for a transaction."""
        return held_units(transaction_id) in (self._tables.get(Table.ACCOUNTS, used_key(marker)) or {})

    def hold(self, reservation: Reservation, transaction_id: TransactionId) -> None:
        """Write that funds are held, on the nonce's marker; that may be lost, or name another transaction."""
        key, held = used_key(reservation.marker), {held_units(transaction_id): reservation.units}
        try:
            lost = {**key, "transaction_id": transaction_id, **held}
            self._tables.write(Put(table=Table.ACCOUNTS, item=lost, where=(Absent("account"),)))
        except ConditionFailedError:
            self._tables.write(Update(table=Table.ACCOUNTS, key=key, set_to=held))

    def let_go(self, marker: NonceMarker, transaction_id: TransactionId) -> None:
        """Write that funds are not held any more; the ledger is not touched."""
        units = held_units(transaction_id)
        freed = Update(table=Table.ACCOUNTS, key=used_key(marker), remove=(units,), where=(Present(units),))
        try:
            self._tables.write(freed)
        except ConditionFailedError:
            return  # an earlier run did it

    def set_ledger(self, funds: Funds, before: Ledger, after: Ledger) -> None:
        """Replace a ledger's sum and settled block."""
        unchanged = Equals("reserved", before.reserved) if before.reserved else None
        try:
            self._tables.write(
                Update(
                    table=Table.ACCOUNTS,
                    key=ledger_key(funds),
                    set_to={"reserved": after.reserved, "settled_block": after.settled_block},
                    where=(unchanged,) if unchanged else (),
                )
            )
        except ConditionFailedError as error:
            raise StaleRowError(str(error)) from error

    def ledgers(self, chain_id: ChainId, payer: Address) -> dict[tuple[Address, Address], Ledger]:
        """Read a payer's ledgers, by escrow and token."""
        items = self._tables.query(
            Query(
                table=Table.ACCOUNTS,
                partition=("account", account_key(chain_id, payer)),
                sort=SortRange("item", "ledger#", "ledger#" + _AFTER_ALL),
            )
        )
        found = {}
        for item in items:
            _, escrow, token = item["item"].split("#")
            found[Address(escrow), Address(token)] = Ledger(
                reserved=TokenUnits(item.get("reserved", 0)),
                settled_block=BlockNumber(item.get("settled_block", 0)),
            )
        return found

    def forget_cached(self, chain_id: ChainId, owner: Address) -> None:
        """Delete what is cached of an owner's state."""
        account = account_key(chain_id, owner)
        query = Query(
            table=Table.ACCOUNTS,
            partition=("account", account),
            sort=SortRange("item", _CACHED, _CACHED + _AFTER_ALL),
        )
        for item in self._tables.query(query):
            key = {"account": account, "item": item["item"]}
            self._tables.write(Delete(table=Table.ACCOUNTS, key=key))

    def forget_followed(self, chain_id: ChainId) -> None:
        """Have watch follow a chain from the beginning, and confirm judge anew what is not final."""
        DynamoCursors(self._tables).forget(chain_id)
        DynamoLeases(self._tables).forget(chain_id)

    def nonce_rows(self, wallet: Wallet, *, first: WalletNonce) -> tuple[NonceRow, ...]:
        """Read a wallet's nonce rows from a nonce on, settled or not."""
        query = Query(
            table=Table.WALLETS,
            partition=("wallet", account_key(wallet.chain_id, wallet.address)),
            sort=SortRange("item", f"nonce#{first:012d}", "nonce#" + _AFTER_ALL),
        )
        return tuple(nonce_row_of(item) for item in self._tables.query(query))

    def add_nonce_row(self, row: NonceRow) -> None:
        """Write the row of a nonce that has none."""
        try:
            self._tables.write(Put(table=Table.WALLETS, item=nonce_row_item(row), where=(Absent("wallet"),)))
        except ConditionFailedError as error:
            raise StaleRowError(str(error)) from error

    def set_wallet(self, before: Wallet, after: Wallet) -> None:
        """Replace a wallet's next nonce and its lowest open one."""
        try:
            self._tables.write(
                Update(
                    table=Table.WALLETS,
                    key=state_key(before.chain_id, before.address),
                    set_to={
                        "next_nonce": after.next_nonce,
                        "lowest_open": after.lowest_open,
                        "settled_cost": after.settled_cost,
                        "lowest_final": min(before.lowest_final, after.lowest_open),
                    },
                    # It spoke of the nonces below the lowest open one, which may be open again.
                    remove=MARK,
                    where=(
                        Equals("next_nonce", before.next_nonce),
                        Equals("lowest_open", before.lowest_open),
                    ),
                )
            )
        except ConditionFailedError as error:
            raise StaleRowError(str(error)) from error


def _marker_of(chain_id: ChainId, signer: Address, item: Item) -> NonceMarker:
    _, contract, nonce = item["item"].split("#")
    return NonceMarker(chain_id=chain_id, contract=Address(contract), signer=signer, nonce=nonce)
