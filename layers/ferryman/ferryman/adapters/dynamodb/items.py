"""Domain values as items of tables, and back."""

import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from ferryman.adapters.dynamodb.operations import Item
from ferryman.adapters.dynamodb.shorthand import in_full, shortened
from ferryman.domain.backlog import part_of
from ferryman.domain.blocks import BlockId
from ferryman.domain.events import Event, Step
from ferryman.domain.fees import Tier
from ferryman.domain.nonces import (
    FillReason,
    Mark,
    NonceRow,
    Purpose,
    TransactionAttempt,
    Wallet,
    WalletState,
    Wanted,
)
from ferryman.domain.transaction import Status as TransactionStatus
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import (
    Address,
    BlockHash,
    BlockNumber,
    ChainId,
    TransactionId,
    TxHash,
    WalletNonce,
    Wei,
)
from ferryman.ports import NonceMarker

"""Partitions of the index of due rows, per chain: one partition takes 1,000 writes a second."""
_CLOSED: Final = "closed#"

_COUNTERS: Final = ("waits", "starts", "failures")
"""Not stored while they are 0."""
_SHORTENED: Final = ("wallet", "hash", "block_hash", "correlation_id")
_SENDER: Final = b"s"
"""Shorthand in a payload for the row's own sender."""
MARK: Final = ("mark_nonce", "mark_block")


def account_key(chain_id: ChainId, address: Address) -> str:
    """Partition of an account or a wallet."""
    return f"{chain_id}:{address}"


def used_key(marker: NonceMarker) -> dict[str, str]:
    """Key of the item that says which transaction holds a signer's nonce."""
    return {
        "account": account_key(marker.chain_id, marker.signer),
        "item": f"used#{marker.contract}#{marker.nonce}",
    }


def nonce_item(nonce: int) -> str:
    """Sort key of a nonce row; padded, so that rows sort as numbers."""
    return f"nonce#{nonce:012d}"


def shard(chain_id: ChainId, number: int) -> str:
    """Partition of the index of due rows."""
    return f"{chain_id}#{number}"


def closed_shard(chain_id: ChainId, number: int) -> str:
    """Partition of the index of due rows that holds what is over, by when it ended."""
    return f"{_CLOSED}{chain_id}#{number}"


def transaction_item(row: Transaction) -> Item:
    """Write a row; only one that wants attention has the keys of the index of due rows."""
    item = _shallow(row, but=("payload", "reached"))
    item |= {name: shortened(item[name]) for name in _SHORTENED if name in item}
    item |= {
        "payload": {
            name: _SENDER if value == row.sender else shortened(value) for name, value in row.payload.items()
        },
        "reached": dict(row.reached),
    }
    for name in _COUNTERS:
        if not item[name]:
            del item[name]
    if row.due_at is not None:
        item["open_shard"] = shard(row.chain_id, part_of(row.transaction_id))
    return item


def closed_keys(row: Transaction) -> Item:
    """Give what lists a row that is over: in the index of due rows, in partitions apart, by when it ended."""
    return {
        "open_shard": closed_shard(row.chain_id, part_of(row.transaction_id)),
        "due_at": max(row.reached.values()),
    }


def transaction_of(item: Item) -> Transaction:
    """Read a row."""
    known = _members(Transaction)
    values: dict[str, Any] = {name: value for name, value in item.items() if name in known}
    if item.get("open_shard", "").startswith(_CLOSED):
        values.pop("due_at", None)
    values |= {name: in_full(item[name]) for name in _SHORTENED if name in item}
    values["payload"] = {
        name: item["sender"] if value == _SENDER else in_full(value)
        for name, value in item["payload"].items()
    }
    return Transaction(
        **values | {"status": TransactionStatus(item["status"]), "priority": Tier(item["priority"])}
    )


def event_item(event: Event) -> Item:
    """Write an event."""
    return _shallow(event, but=("reached", "facts")) | {
        "reached": dict(event.reached),
        "facts": dict(event.facts),
    }


def event_of(item: Item) -> Event:
    """Read an event."""
    values = {name: value for name, value in item.items() if name != "expires_at"}
    return Event(**values | {"step": Step(item["step"])})


def nonce_row_item(row: NonceRow) -> Item:
    """Write a nonce row."""
    item = _shallow(row, but=("settled_in",))
    if row.settled_in:
        item |= {
            "settled_block": row.settled_in.number,
            "settled_hash": shortened(row.settled_in.hash),
        }
    item |= {
        "wallet": account_key(row.chain_id, row.wallet),
        "item": nonce_item(row.nonce),
        # Written whole whenever it changes: ids as bytes, and a batch's calldata without the zeros.
        "intents": [shortened(name) for name in row.intents],
        "attempts": [_attempt_item(attempt) for attempt in row.attempts],
    }
    return item


def nonce_row_of(item: Item) -> NonceRow:
    """Read a nonce row."""
    known = _members(NonceRow)
    values = {name: value for name, value in item.items() if name in known}
    if "fill_reason" in item:
        values["fill_reason"] = FillReason(item["fill_reason"])
    return NonceRow(
        **values
        | {
            "wallet": Address(item["wallet"].split(":", 1)[1]),
            "intents": tuple(TransactionId(in_full(name)) for name in item["intents"]),
            "attempts": tuple(_attempt_of(attempt) for attempt in item["attempts"]),
            "settled_in": _settled_in(item),
            "wanted": Wanted(item["wanted"]),
            "tier": Tier(item.get("tier", Tier.NORMAL)),
        }
    )


def wallet_item(wallet: Wallet) -> Item:
    """Write a wallet's row, without its key."""
    return _shallow(wallet, but=("mark",)) | mark_values(wallet)


def wallet_of(item: Item) -> Wallet:
    """Read a wallet's row."""
    return Wallet(
        chain_id=ChainId(item["chain_id"]),
        address=Address(item["address"]),
        next_nonce=WalletNonce(item["next_nonce"]),
        lowest_open=WalletNonce(item["lowest_open"]),
        window=item["window"],
        state=WalletState(item["state"]),
        is_low=item["is_low"],
        is_delegated=item["is_delegated"],
        bound_cost=Wei(item["bound_cost"]),
        settled_cost=Wei(item["settled_cost"]),
        needed_balance=Wei(item.get("needed_balance", 0)),
        day=item["day"],
        day_spent=Wei(item["day_spent"]),
        sent_day=item["sent_day"],
        day_sent=Wei(item["day_sent"]),
        # What was settled before finality was kept counts as final.
        lowest_final=WalletNonce(item["lowest_final" if "lowest_final" in item else "lowest_open"]),
        mark=_mark_of(item),
        reopenings=item.get("reopenings", 0),
    )


def mark_values(wallet: Wallet) -> Item:
    """Write what is final of a wallet's nonces, and what will be next."""
    mark = {"mark_nonce": wallet.mark.nonce, "mark_block": wallet.mark.block} if wallet.mark else {}
    return {"lowest_final": wallet.lowest_final} | mark


def _mark_of(item: Item) -> Mark | None:
    if not all(name in item for name in MARK):
        return None
    nonce, block = (item[name] for name in MARK)
    return Mark(WalletNonce(nonce), BlockNumber(block))


def _settled_in(item: Item) -> BlockId | None:
    if "settled_hash" not in item:
        return None
    return BlockId(BlockNumber(item["settled_block"]), BlockHash(in_full(item["settled_hash"])))


def _attempt_item(attempt: TransactionAttempt) -> Item:
    raw = zlib.compress(attempt.raw, zlib.Z_BEST_COMPRESSION)
    return _shallow(attempt, but=("hash", "raw")) | {"hash": shortened(attempt.hash), "raw": raw}


def _attempt_of(item: Item) -> TransactionAttempt:
    return TransactionAttempt(
        **item
        | {
            "hash": TxHash(in_full(item["hash"])),
            "raw": zlib.decompress(item["raw"]),
            "purpose": Purpose(item["purpose"]),
        }
    )


@lru_cache
def _members(of: type) -> Mapping[str, None]:
    """Names of a dataclass's fields, in their order: asking for them takes longer than all the rest here."""
    return dict.fromkeys(field.name for field in fields(of))


def _shallow(value: Any, *, but: Collection[str]) -> Item:  # noqa: ANN401 (any of the dataclasses above)
    """Give the fields that are not None, members of a StrEnum as the plain strings that boto3 serialises."""
    names = _members(value.__class__)
    return {
        name: str(given) if isinstance(given, str) and given.__class__ is not str else given
        for name, given in zip(names, _values(value.__class__)(value), strict=True)
        if given is not None and name not in but
    }


@lru_cache
def _values(of: type) -> Callable[[Any], tuple[Any, ...]]:
    """Give what reads all fields of a dataclass at once, in their order."""
    return attrgetter(*_members(of))
