"""What watch knows of accounts and nonces, beside what acceptance keeps of them."""

from collections.abc import Iterable, Sequence

from ferryman.adapters.dynamodb.items import account_key, used_key
from ferryman.adapters.dynamodb.operations import (
    Absent,
    ConditionFailedError,
    Delete,
    Equals,
    Item,
    Put,
    Table,
    Tables,
)
from ferryman.domain.accounts import CachedAccount, ContractAccount
from ferryman.domain.errors import StaleRowError
from ferryman.domain.units import BlockNumber, Instant
from ferryman.ports import NonceMarker


class DynamoAccounts:
    """The AccountCache."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def accounts(self, accounts: Sequence[ContractAccount]) -> tuple[CachedAccount, ...]:
        """Read accounts, consistently."""
        keys = {_place(_cached_key(account)): account for account in accounts}
        items = self._got([_cached_key(account) for account in keys.values()])
        return tuple(_account_of(keys[_place(item)], item) for item in items)

    def keep(self, cached: CachedAccount) -> None:
        """Write an account unless somebody else did."""
        before = cached.version - 1
        where = Equals("version", before) if before else Absent("account")
        try:
            self._tables.write(Put(table=Table.ACCOUNTS, item=_item_of(cached), where=(where,)))
        except ConditionFailedError as error:
            msg = f"{cached.account.owner} was written by another run"
            raise StaleRowError(msg) from error

    def drop(self, accounts: Sequence[ContractAccount]) -> None:
        """Forget accounts; reads cost a fraction of what deleting what is not there would."""
        for item in self._got([_cached_key(account) for account in dict.fromkeys(accounts)]):
            self._tables.write(
                Delete(table=Table.ACCOUNTS, key={"account": item["account"], "item": item["item"]})
            )

    def unclaimed(self, markers: Sequence[NonceMarker]) -> tuple[NonceMarker, ...]:
        """Give the nonces that no transaction of ours holds."""
        held = {_place(item) for item in self._got([used_key(marker) for marker in markers])}
        return tuple(marker for marker in markers if _place(used_key(marker)) not in held)

    def mark_seen(self, markers: Sequence[NonceMarker]) -> None:
        """Remember nonces that we do not know."""
        for marker in markers:
            self._tables.write(Put(table=Table.ACCOUNTS, item=dict(_seen_key(marker))))

    def known(self, account: ContractAccount, marker: NonceMarker) -> tuple[CachedAccount | None, bool]:
        """Read an account and a nonce in one request."""
        seen = _place(_seen_key(marker))
        items = {_place(item): item for item in self._got([_cached_key(account), _seen_key(marker)])}
        cached = items.get(_place(_cached_key(account)))
        return _account_of(account, cached) if cached else None, seen in items

    def _got(self, keys: Iterable[dict[str, str]]) -> tuple[Item, ...]:
        distinct = {_place(key): key for key in keys}
        return self._tables.get_many(Table.ACCOUNTS, list(distinct.values())) if distinct else ()


def _place(item: Item | dict[str, str]) -> tuple[str, str]:
    return item["account"], item["item"]


def _cached_key(account: ContractAccount) -> dict[str, str]:
    return {
        "account": account_key(account.chain_id, account.owner),
        "item": f"cached#{account.contract}#{account.token}",
    }


def _seen_key(marker: NonceMarker) -> dict[str, str]:
    return {
        "account": account_key(marker.chain_id, marker.signer),
        "item": f"seen#{marker.contract}#{marker.nonce}",
    }


def _item_of(cached: CachedAccount) -> Item:
    return {
        **_cached_key(cached.account),
        "fork": cached.fork,
        "history": [[since, *values] for since, values in cached.history],
        "version": cached.version,
        # In seconds, as DynamoDB wants it; the moment itself is checked on every read.
        "expires_at": -(-cached.expires_at // 1000),
    }


def _account_of(account: ContractAccount, item: Item) -> CachedAccount:
    return CachedAccount(
        account=account,
        fork=item["fork"],
        history=tuple((BlockNumber(since), tuple(values)) for since, *values in item["history"]),
        expires_at=Instant(item["expires_at"] * 1000),
        version=item["version"],
    )
