"""What was given for whom within a span of time: one counter each, gone when the span is over."""

from ferryman.adapters.dynamodb.operations import (
    Absent,
    AnyOf,
    AtMost,
    ConditionFailedError,
    Table,
    Tables,
    Update,
)
from ferryman.domain.units import ChainId, Seconds


class DynamoAllowances:
    """The AllowanceStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def take(self, chain_id: ChainId, source: str, window: int, *, most: int, ends_at: Seconds) -> bool:
        """Count one, on the condition that it is not one too many."""
        taking = Update(
            table=Table.ACCOUNTS,
            key={"account": f"{chain_id}:faucet:{source}", "item": f"window#{window}"},
            add={"taken": 1},
            set_to={"expires_at": ends_at},
            where=(AnyOf((Absent("taken"), AtMost("taken", most - 1))),),
        )
        try:
            self._tables.write(taking)
        except ConditionFailedError:
            return False
        return True
