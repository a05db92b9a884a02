"""Relayer wallets and the rows of their nonces."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ferryman.adapters.dynamodb.items import (
    MARK,
    account_key,
    mark_values,
    nonce_item,
    nonce_row_item,
    nonce_row_of,
    wallet_item,
    wallet_of,
)
from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtLeast,
    AtMost,
    Condition,
    ConditionFailedError,
    Equals,
    Present,
    Put,
    Query,
    SortRange,
    Table,
    Tables,
    Update,
    Write,
)
from ferryman.adapters.dynamodb.transactions import event_puts, row_put
from ferryman.domain.errors import StaleRowError, StaleRowsError
from ferryman.domain.nonces import NonceRow, Wallet, WalletState
from ferryman.domain.quotas import day_of
from ferryman.domain.units import Address, ChainId, TransactionId, WalletNonce, Wei
from ferryman.ports import Binding

_STATE = "state"
_AFTER_ALL_NONCES = "nonce#~"


class DynamoWallets:
    """The WalletStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def wallet(self, chain_id: ChainId, address: Address) -> Wallet | None:
        """Read a wallet's row."""
        item = self._tables.get(Table.WALLETS, state_key(chain_id, address))
        return wallet_of(item) if item else None

    def wallets(self, chain_id: ChainId) -> tuple[Wallet, ...]:
        """Read all wallets of a chain, in the order of their addresses."""
        members = self._tables.query(Query(table=Table.WALLETS, partition=("wallet", _pool(chain_id))))
        return self.wallets_at(chain_id, [Address(member["item"]) for member in members])

    def wallets_at(self, chain_id: ChainId, addresses: Sequence[Address]) -> tuple[Wallet, ...]:
        """Read some wallets' rows in one batch."""
        keys = [state_key(chain_id, address) for address in addresses]
        items = self._tables.get_many(Table.WALLETS, keys) if keys else ()
        found = {wallet.address: wallet for wallet in map(wallet_of, items)}
        return tuple(found[address] for address in addresses if address in found)

    def open_wallet(self, wallet: Wallet) -> Wallet:
        """Create a wallet's row unless it is there, and give the stored one."""
        item = wallet_item(wallet) | state_key(wallet.chain_id, wallet.address)
        # The pool first: confirm must never miss a wallet that has nonces.
        member = {"wallet": _pool(wallet.chain_id), "item": wallet.address}
        self._tables.write(Put(table=Table.WALLETS, item=member))
        try:
            self._tables.write(Put(table=Table.WALLETS, item=item, where=(Absent("wallet"),)))
        except ConditionFailedError as error:
            stored = error.failed[0] or self._tables.get(
                Table.WALLETS, state_key(wallet.chain_id, wallet.address)
            )
            if stored is None:
                msg = "the wallet's row came and went"
                raise StaleRowError(msg) from error
            return wallet_of(stored)
        return wallet

    def bind(self, wallet: Wallet, bindings: Sequence[Binding], *, window: int) -> None:
        """Bind consecutive nonces in one write."""
        count, first = len(bindings), wallet.next_nonce
        writes: list[Write] = [
            Update(
                table=Table.WALLETS,
                key=state_key(wallet.chain_id, wallet.address),
                set_to={"next_nonce": first + count, **_sent(wallet, bindings)},
                # Added, not set: more may be kept for an open nonce meanwhile.
                add={"bound_cost": sum(binding.nonce_row.reserved_cost for binding in bindings)},
                where=(
                    Equals("next_nonce", first),
                    AtLeast("lowest_open", first + count - window),
                    Equals("state", wallet.state.value),
                ),
            )
        ]
        owners: list[Sequence[TransactionId]] = [()]
        for binding in bindings:
            writes.append(_nonce_put(binding.nonce_row))
            owners.append(binding.nonce_row.intents)
            for change in binding.changes:
                one = [row_put(change), *event_puts(change.events)]
                writes += one
                owners += [(change.before.transaction_id,)] * len(one)
        try:
            self._tables.transact(writes)
        except ConditionFailedError as error:
            if 0 in error.failed:
                msg = "another run bound nonces of this wallet, or its window is full, or its state changed"
                raise StaleRowError(msg) from error
            stale = (name for index in error.failed for name in owners[index])
            raise StaleRowsError(frozenset(stale)) from error

    def nonce_row(self, chain_id: ChainId, wallet: Address, nonce: WalletNonce) -> NonceRow | None:
        """Read a nonce's row."""
        key = {"wallet": account_key(chain_id, wallet), "item": nonce_item(nonce)}
        item = self._tables.get(Table.WALLETS, key)
        return nonce_row_of(item) if item else None

    def open_nonces(self, wallet: Wallet) -> tuple[NonceRow, ...]:
        """Read the nonces that are not settled, lowest first."""
        return tuple(row for row in self._rows(wallet, wallet.lowest_open) if not row.is_settled)

    def settled_nonces(self, wallet: Wallet) -> tuple[NonceRow, ...]:
        """Read the nonces that are settled and not yet final, lowest first."""
        return tuple(row for row in self._rows(wallet, wallet.lowest_final) if row.is_settled)

    def _rows(self, wallet: Wallet, first: WalletNonce) -> Iterator[NonceRow]:
        query = Query(
            table=Table.WALLETS,
            partition=("wallet", account_key(wallet.chain_id, wallet.address)),
            sort=SortRange("item", nonce_item(first), _AFTER_ALL_NONCES),
        )
        return (nonce_row_of(item) for item in self._tables.query(query))

    def open_gap(self, wallet: Wallet, row: NonceRow) -> Wallet:
        """Write the row of a nonce that has none, and lower where the open ones begin."""
        lowered = wallet.reopened(row)
        try:
            self._tables.transact([_nonce_put(row), _lowering(wallet, lowered)])
        except ConditionFailedError as error:
            msg = f"nonce {row.nonce} has a row, or its wallet changed"
            raise StaleRowError(msg) from error
        return lowered

    def raise_next_nonce(self, wallet: Wallet, next_nonce: WalletNonce) -> Wallet:
        """Pass over nonces that are used up."""
        if next_nonce <= wallet.next_nonce:
            return wallet
        lowest = wallet.lowest_open if wallet.open_count else next_nonce
        raised = Update(
            table=Table.WALLETS,
            key=state_key(wallet.chain_id, wallet.address),
            set_to={"next_nonce": next_nonce, "lowest_open": lowest},
            where=(Equals("next_nonce", wallet.next_nonce), Equals("lowest_open", wallet.lowest_open)),
        )
        try:
            self._tables.write(raised)
        except ConditionFailedError as error:
            msg = f"{wallet.address} changed since it was read"
            raise StaleRowError(msg) from error
        return replace(wallet, next_nonce=next_nonce, lowest_open=lowest)

    def replace_nonce_row(self, before: NonceRow, after: NonceRow) -> None:
        """Replace a nonce row on the condition that nobody else did, and keep more for it if it says so."""
        where = (Equals("version", before.version),)
        put = Put(table=Table.WALLETS, item=nonce_row_item(after), where=where)
        more = after.reserved_cost - before.reserved_cost
        key = state_key(after.chain_id, after.wallet)
        try:
            if more:
                self._tables.transact([put, Update(table=Table.WALLETS, key=key, add={"bound_cost": more})])
            else:
                self._tables.write(put)
        except ConditionFailedError as error:
            msg = f"nonce {before.nonce} changed since it was read"
            raise StaleRowError(msg) from error

    def raise_lowest_open(self, wallet: Wallet, raised: Wallet) -> None:
        """Free the window below a nonce, with the money kept for it, and move it by what was learnt."""
        learnt = raised.window - wallet.window
        update = Update(
            table=Table.WALLETS,
            key=state_key(raised.chain_id, raised.address),
            set_to={
                "lowest_open": raised.lowest_open,
                "settled_cost": raised.settled_cost,
                "day": raised.day,
                "day_spent": raised.day_spent,
                **mark_values(raised),
                **({"needed_balance": raised.needed_balance} if wallet.needed_balance else {}),
            },
            # Added, not set: a refusal that submit has met meanwhile still counts.
            add={"window": learnt} if learnt else {},
            where=(AtMost("lowest_open", raised.lowest_open), _is_as_often_reopened(wallet)),
        )
        try:
            self._tables.write(update)
        except ConditionFailedError:
            return

    def reopen(self, wallet: Wallet, row: NonceRow) -> Wallet:
        """Open a settled nonce again, and let the wallet's open ones begin there."""
        lowered = wallet.reopened(row)
        writes: tuple[Write, ...] = (
            Put(
                table=Table.WALLETS,
                item=nonce_row_item(row.reopened()),
                where=(Equals("version", row.version),),
            ),
            _lowering(wallet, lowered),
        )
        try:
            self._tables.transact(writes)
        except ConditionFailedError as error:
            msg = f"nonce {row.nonce} or its wallet changed since it was read"
            raise StaleRowError(msg) from error
        return lowered

    def note(self, wallet: Wallet) -> None:
        """Write what was seen of an account."""
        seen = {"is_low": wallet.is_low, "is_delegated": wallet.is_delegated}
        key = state_key(wallet.chain_id, wallet.address)
        self._tables.write(Update(table=Table.WALLETS, key=key, set_to=seen, where=(Present("wallet"),)))

    def note_needed(self, wallet: Wallet, balance: Wei) -> None:
        """Write what an account has to have before it is used for anything new."""
        key = state_key(wallet.chain_id, wallet.address)
        needed = {"needed_balance": balance}
        self._tables.write(Update(table=Table.WALLETS, key=key, set_to=needed, where=(Present("wallet"),)))

    def set_window(self, wallet: Wallet, window: int) -> None:
        """Change a window on the condition that nobody else did."""
        changed = Update(
            table=Table.WALLETS,
            key=state_key(wallet.chain_id, wallet.address),
            set_to={"window": window},
            where=(Equals("window", wallet.window),),
        )
        try:
            self._tables.write(changed)
        except ConditionFailedError as error:
            msg = "another run changed the window"
            raise StaleRowError(msg) from error

    def set_state(self, wallet: Wallet, state: WalletState) -> None:
        """Change what a wallet is used for; retired only with nothing open."""
        is_still = [Equals("state", wallet.state.value)]
        if state is WalletState.RETIRED:
            is_still += [Equals("next_nonce", wallet.next_nonce), Equals("lowest_open", wallet.next_nonce)]
        changed = Update(
            table=Table.WALLETS,
            key=state_key(wallet.chain_id, wallet.address),
            set_to={"state": state.value},
            where=tuple(is_still),
        )
        try:
            self._tables.write(changed)
        except ConditionFailedError as error:
            msg = f"{wallet.address} changed since it was read, or has nonces open"
            raise StaleRowError(msg) from error


def state_key(chain_id: ChainId, address: Address) -> dict[str, str]:
    """Key of a wallet's own row."""
    return {"wallet": account_key(chain_id, address), "item": _STATE}


def _pool(chain_id: ChainId) -> str:
    return f"{chain_id}:pool"


def _nonce_put(row: NonceRow) -> Put:
    return Put(table=Table.WALLETS, item=nonce_row_item(row), where=(Absent("wallet"),))


def _is_as_often_reopened(wallet: Wallet) -> Condition:
    """Hold while no nonce was opened again since a wallet was read."""
    same = Equals("reopenings", wallet.reopenings)
    return same if wallet.reopenings else AnyOf((Absent("reopenings"), same))


def _lowering(wallet: Wallet, lowered: Wallet) -> Update:
    """Let the open nonces begin lower, unless the wallet moved; what was to be final next may not be."""
    return Update(
        table=Table.WALLETS,
        key=state_key(wallet.chain_id, wallet.address),
        set_to={
            "lowest_open": lowered.lowest_open,
            "lowest_final": lowered.lowest_final,
            "reopenings": lowered.reopenings,
            "settled_cost": lowered.settled_cost,
            "state": lowered.state.value,
        },
        remove=MARK,
        where=(
            Equals("lowest_open", wallet.lowest_open),
            Equals("next_nonce", wallet.next_nonce),
            Equals("state", wallet.state.value),
            _is_as_often_reopened(wallet),
        ),
    )


def _sent(wallet: Wallet, bindings: Sequence[Binding]) -> dict[str, int]:
    """Count what the treasury sends; the write's condition on the next nonce makes the sum exact."""
    rows = [binding.nonce_row for binding in bindings if binding.nonce_row.transfer_to]
    if not rows:
        return {}
    day = max(day_of(rows[0].bound_at), wallet.sent_day)
    return {"sent_day": day, "day_sent": wallet.sent_on(day) + sum(row.transfer_wei or 0 for row in rows)}
