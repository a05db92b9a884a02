"""Tables that do not answer."""

from collections.abc import Sequence

from ferryman.adapters.dynamodb.operations import Item, Key, Query, Write
from ferryman.domain.errors import StoreUnavailableError


class AwayTables:
    """The Tables protocol while DynamoDB is away."""

    def get(self, table: str, key: Key) -> Item | None:
        """Fail."""
        raise StoreUnavailableError(f"{table} {key}")

    def get_many(self, table: str, keys: Sequence[Key]) -> tuple[Item, ...]:
        """Fail."""
        raise StoreUnavailableError(f"{table} {keys}")

    def query(self, query: Query) -> tuple[Item, ...]:
        """Fail."""
        raise StoreUnavailableError(str(query))

    def write(self, write: Write) -> Item | None:
        """Fail."""
        raise StoreUnavailableError(str(write))

    def transact(self, writes: Sequence[Write]) -> None:
        """Fail."""
        raise StoreUnavailableError(str(writes))
