"""Who confirms a chain: a lease with a fencing number, and the counter that wakes its holder."""

from typing import Final

from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtMost,
    ConditionFailedError,
    Equals,
    Item,
    Table,
    Tables,
    Update,
)
from ferryman.domain.blocks import BlockId
from ferryman.domain.errors import StaleRowError, StoreUnavailableError
from ferryman.domain.units import BlockHash, BlockNumber, ChainId, Instant
from ferryman.ports import Block, Lease

_ANCHOR: Final = ("anchor_number", "anchor_hash")


class DynamoLeases:
    """The LeaseStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def take(self, chain_id: ChainId, *, until: Instant, now: Instant) -> Lease | None:
        """Take the lease if nobody holds it."""
        taking = Update(
            table=Table.CURSORS,
            key=_key(chain_id),
            set_to={"lease_until": until},
            add={"fence": 1, "wake": 0},
            where=(AnyOf((Absent("lease_until"), AtMost("lease_until", now))),),
        )
        try:
            row = self._updated(taking)
        except ConditionFailedError:
            return None
        return Lease(chain_id=chain_id, fence=row["fence"], wake=row["wake"], anchor=_anchor_of(row))

    def renew(self, lease: Lease, *, until: Instant, head: Block | None) -> Lease:
        """Keep the lease and record the newest block.

        From now on things may be settled that rest on newer blocks than the anchor, so it goes: should
        this run die, the next one knows that it knows nothing.
        """
        values: dict[str, str | int] = {"lease_until": until}
        if head:
            values["head_number"] = head.number
        row = self._held_update(lease, values, remove=_ANCHOR)
        return Lease(chain_id=lease.chain_id, fence=lease.fence, wake=row["wake"])

    def release(self, lease: Lease, *, anchor: BlockId | None = None) -> int:
        """Give the lease back and read the counter, in one atomic step."""
        values: dict[str, str | int] = {"lease_until": 0}
        if anchor:
            values |= dict(zip(_ANCHOR, (anchor.number, anchor.hash), strict=True))
        row = self._held_update(lease, values)
        return int(row["wake"])

    def wake(self, chain_id: ChainId, *, now: Instant) -> bool:
        """Raise the counter; whoever gives the lease back afterwards sees it."""
        row = self._updated(Update(table=Table.CURSORS, key=_key(chain_id), add={"wake": 1}))
        return bool(row.get("lease_until", 0) > now)

    def forget(self, chain_id: ChainId) -> None:
        """Remove the anchor; whoever holds the lease loses it, since the fence rises."""
        forgetting = Update(
            table=Table.CURSORS,
            key=_key(chain_id),
            set_to={"lease_until": 0},
            add={"fence": 1, "wake": 0},
            remove=_ANCHOR,
        )
        self._tables.write(forgetting)

    def head(self, chain_id: ChainId) -> BlockNumber | None:
        """The newest block that confirm has seen."""
        row = self._tables.get(Table.CURSORS, _key(chain_id))
        return BlockNumber(row["head_number"]) if row and "head_number" in row else None

    def _held_update(
        self, lease: Lease, values: dict[str, str | int], *, remove: tuple[str, ...] = ()
    ) -> Item:
        update = Update(
            table=Table.CURSORS,
            key=_key(lease.chain_id),
            set_to=values,
            remove=remove,
            where=(Equals("fence", lease.fence),),
        )
        try:
            return self._updated(update)
        except ConditionFailedError as error:
            msg = f"the lease of chain {lease.chain_id} has a new holder"
            raise StaleRowError(msg) from error

    def _updated(self, update: Update) -> Item:
        row = self._tables.write(update)
        if row is None:
            msg = "an update gave no item back"
            raise StoreUnavailableError(msg)
        return row


def _key(chain_id: ChainId) -> dict[str, str]:
    return {"cursor": f"{chain_id}:confirm"}


def _anchor_of(row: Item) -> BlockId | None:
    if not all(name in row for name in _ANCHOR):
        return None
    number, name = (row[name] for name in _ANCHOR)
    return BlockId(BlockNumber(number), BlockHash(name))
