"""Which run fills its batch from which part of a chain's backlog: a short lease each."""

from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtMost,
    ConditionFailedError,
    Equals,
    Key,
    Table,
    Tables,
    Update,
)
from ferryman.domain.units import ChainId, Instant


class DynamoBacklogParts:
    """The BacklogParts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def take(self, chain_id: ChainId, part: int, *, until: Instant, now: Instant) -> bool:
        """Take a part unless somebody else has it."""
        taking = Update(
            table=Table.CURSORS,
            key=_key(chain_id, part),
            set_to={"lease_until": until},
            where=(AnyOf((Absent("lease_until"), AtMost("lease_until", now))),),
        )
        try:
            self._tables.write(taking)
        except ConditionFailedError:
            return False
        return True

    def leave(self, chain_id: ChainId, part: int, *, until: Instant) -> None:
        """Let others take it; what somebody else has by now stays his."""
        leaving = Update(
            table=Table.CURSORS,
            key=_key(chain_id, part),
            set_to={"lease_until": 0},
            where=(Equals("lease_until", until),),
        )
        try:
            self._tables.write(leaving)
        except ConditionFailedError:
            return


def _key(chain_id: ChainId, part: int) -> Key:
    return {"cursor": f"{chain_id}:gather:{part}"}
