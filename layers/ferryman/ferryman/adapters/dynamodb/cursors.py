"""How far each chain is followed: a cursor and the right to move it, in one item."""

from typing import Any

from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtMost,
    Condition,
    ConditionFailedError,
    Equals,
    Item,
    Table,
    Tables,
    Update,
)
from ferryman.domain.cursor import Cursor, Fork
from ferryman.domain.errors import StaleRowError
from ferryman.domain.units import BlockHash, BlockNumber, ChainId, Instant, Seconds
from ferryman.ports import Following

_HASH_BYTES = 32


class DynamoCursors:
    """The CursorStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def cursor(self, chain_id: ChainId) -> Cursor | None:
        """Read a chain's cursor, consistently."""
        return _cursor_of(chain_id, self._tables.get(Table.CURSORS, _key(chain_id)))

    def take(self, chain_id: ChainId, *, until: Instant, now: Instant) -> Following | None:
        """Take the right if nobody holds it: on the condition that the item is still what was read."""
        found = self._tables.get(Table.CURSORS, _key(chain_id)) or {}
        fence = found.get("fence", 0)
        is_same = Equals("fence", fence) if fence else Absent("fence")
        free: Condition = AnyOf((Absent("lease_until"), AtMost("lease_until", now)))
        taking = Update(
            table=Table.CURSORS,
            key=_key(chain_id),
            set_to={"lease_until": until, "fence": fence + 1},
            where=(is_same, free),
        )
        try:
            self._tables.write(taking)
        except ConditionFailedError:
            return None
        return Following(
            chain_id=chain_id,
            fence=fence + 1,
            cursor=_cursor_of(chain_id, found),
            was_left=found.get("lease_until", 0) == 0,
        )

    def move(self, following: Following, cursor: Cursor, *, until: Instant) -> Following:
        """Write the cursor, and keep the right."""
        self._held_update(following, _item_of(cursor) | {"lease_until": until})
        return Following(
            chain_id=following.chain_id,
            fence=following.fence,
            cursor=cursor,
            was_left=following.was_left,
        )

    def leave(self, following: Following) -> None:
        """Give the right back."""
        self._held_update(following, {"lease_until": 0})

    def forget(self, chain_id: ChainId) -> None:
        """Remove the cursor; whoever holds the right loses it, since the fence rises on."""
        forgetting = Update(
            table=Table.CURSORS,
            key=_key(chain_id),
            set_to={"lease_until": 0},
            add={"fence": 1},
            remove=("number",),
        )
        self._tables.write(forgetting)

    def _held_update(self, following: Following, values: dict[str, Any]) -> None:
        update = Update(
            table=Table.CURSORS,
            key=_key(following.chain_id),
            set_to=values,
            where=(Equals("fence", following.fence),),
        )
        try:
            self._tables.write(update)
        except ConditionFailedError as error:
            msg = f"chain {following.chain_id} is followed by another run"
            raise StaleRowError(msg) from error


def _key(chain_id: ChainId) -> dict[str, str]:
    return {"cursor": f"{chain_id}:watch"}


def _item_of(cursor: Cursor) -> dict[str, Any]:
    """Write a cursor; hashes as bytes, so that the item stays below a kilobyte, one write unit."""
    return {
        "followed": cursor.followed,
        "number": cursor.number,
        "recent": b"".join(bytes.fromhex(name.removeprefix("0x")) for name in cursor.recent),
        "timestamp_seconds": cursor.timestamp_seconds,
        "seen_at": cursor.seen_at,
        "changed_at": cursor.changed_at,
        "fork": cursor.fork,
        "forks": [[fork.number, fork.ancestor] for fork in cursor.forks],
    }


def _cursor_of(chain_id: ChainId, item: Item | None) -> Cursor | None:
    if not item or "number" not in item:
        return None
    recent: bytes = item["recent"]
    return Cursor(
        chain_id=chain_id,
        followed=item["followed"],
        number=BlockNumber(item["number"]),
        recent=tuple(
            BlockHash("0x" + recent[start : start + _HASH_BYTES].hex())
            for start in range(0, len(recent), _HASH_BYTES)
        ),
        timestamp_seconds=Seconds(item["timestamp_seconds"]),
        seen_at=Instant(item["seen_at"]),
        changed_at=Instant(item["changed_at"]),
        fork=item["fork"],
        forks=tuple(Fork(number, BlockNumber(ancestor)) for number, ancestor in item["forks"]),
    )
