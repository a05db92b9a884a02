"""Pauses: one item, replaced as a whole."""

from collections.abc import Callable
from typing import Final

from ferryman.adapters.dynamodb.operations import (
    Absent,
    Condition,
    ConditionFailedError,
    Equals,
    Item,
    Put,
    Table,
    Tables,
)
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.units import ChainId, Instant

_KEY: Final = {"cursor": "pauses"}
_TRIES: Final = 5


class DynamoPauses:
    """The PauseStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def pauses(self) -> tuple[Pause, ...]:
        """Read all pauses, consistently."""
        item = self._tables.get(Table.CURSORS, _KEY)
        return tuple(_pause_of(one) for one in item["pauses"]) if item else ()

    def put(self, pause: Pause) -> None:
        """Add a pause, or replace the one of the same scope."""
        self._changed(lambda pauses: (*(one for one in pauses if one.scope != pause.scope), pause))

    def lift(self, scope: Scope) -> bool:
        """Remove the pause of a scope; give whether there was one."""
        before = self._changed(lambda pauses: tuple(one for one in pauses if one.scope != scope))
        return any(one.scope == scope for one in before)

    def _changed(self, change: Callable[[tuple[Pause, ...]], tuple[Pause, ...]]) -> tuple[Pause, ...]:
        """Replace the list on the condition that nobody else did; give it as it was before."""
        for _ in range(_TRIES):
            item = self._tables.get(Table.CURSORS, _KEY)
            version = int(item["version"]) if item else 0
            before = tuple(_pause_of(one) for one in item["pauses"]) if item else ()
            where: Condition = Equals("version", version) if item else Absent("cursor")
            after = {**_KEY, "version": version + 1, "pauses": [_item_of(one) for one in change(before)]}
            try:
                self._tables.write(Put(table=Table.CURSORS, item=after, where=(where,)))
            except ConditionFailedError:
                continue
            return before
        msg = "others change the pauses all the time"
        raise StoreUnavailableError(msg)


def _item_of(pause: Pause) -> Item:
    scope = {"chain_id": pause.scope.chain_id, "kind": pause.scope.kind}
    named: Item = {name: value for name, value in scope.items() if value is not None}
    return {**named, "by": pause.by, "note": pause.note, "since": pause.since}


def _pause_of(item: Item) -> Pause:
    chain_id = item.get("chain_id")
    return Pause(
        scope=Scope(chain_id=None if chain_id is None else ChainId(chain_id), kind=item.get("kind")),
        by=item["by"],
        note=item["note"],
        since=Instant(item["since"]),
    )
