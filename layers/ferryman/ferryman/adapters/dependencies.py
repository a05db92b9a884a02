"""What requests depend on, each asked something that changes nothing: the Dependency port."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.adapters.dynamodb.operations import Key, Table, Tables
from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import NotHealthyError, StoreUnavailableError
from ferryman.domain.units import ChainId
from ferryman.ports import Chain, Clock

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_sqs import SQSClient

_NOBODY: Final = "health"
"""A key that no item has."""
_KEYS: Final[Mapping[str, Key]] = {
    Table.TRANSACTIONS: {"transaction_id": _NOBODY},
    Table.EVENTS: {"transaction_id": _NOBODY, "sequence": 0},
    Table.WALLETS: {"wallet": _NOBODY, "item": _NOBODY},
    Table.ACCOUNTS: {"account": _NOBODY, "item": _NOBODY},
    Table.CONNECTIONS: {"topic": _NOBODY, "member": _NOBODY},
    Table.CURSORS: {"cursor": _NOBODY},
}


@dataclass(frozen=True, slots=True)
class TableDependency:
    """A table: reads an item that is not there."""

    tables: Tables
    table: str
    is_vital: bool = True
    group: str | None = None
    chain_id: ChainId | None = None

    @property
    def name(self) -> str:
        """Its logical name."""
        return f"table {self.table}"

    def look(self) -> Mapping[str, int | str]:
        """Read."""
        self.tables.get(self.table, _KEYS[self.table])
        return {}


def table_dependencies(tables: Tables) -> list[TableDependency]:
    """Give all tables that a payment touches."""
    return [TableDependency(tables, table) for table in _KEYS]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDependency:
    """A queue: counts its messages. A dead-letter queue should have none."""

    client: "SQSClient"
    url: str
    name: str
    is_vital: bool
    should_be_empty: bool = False
    group: str | None = None
    chain_id: ChainId | None = None

    def look(self) -> Mapping[str, int | str]:
        """Count."""
        wanted: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        try:
            answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=wanted)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError(_cause("SQS", error)) from error
        waiting, in_flight = (int(answer["Attributes"][name]) for name in wanted)
        if self.should_be_empty and waiting:
            msg = f"{waiting} messages are dead"
            raise NotHealthyError(msg)
        return {"waiting": waiting, "in_flight": in_flight}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDependency:
    """A wallet's key: asks for its state, which needs no right to sign."""

    client: "KMSClient"
    key_id: str
    name: str
    is_vital: bool = True
    group: str | None = "keys"
    chain_id: ChainId | None = None

    def look(self) -> Mapping[str, int | str]:
        """Ask."""
        try:
            answer = self.client.describe_key(KeyId=self.key_id)
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError(_cause("KMS", error)) from error
        state = answer["KeyMetadata"].get("KeyState", "unknown")
        if state != "Enabled":
            msg = f"the key is {state}"
            raise NotHealthyError(msg)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDependency:
    """One RPC endpoint of a chain, by its number: reads its head."""

    settings: ChainSettings
    number: int
    chain: Chain
    clock: Clock
    is_vital: bool = True

    @property
    def name(self) -> str:
        """Never its address, which may hold a key."""
        return f"rpc {self.settings.chain_id}/{self.number}"

    @property
    def group(self) -> str:
        """Endpoints of a chain stand in for each other."""
        return f"chain {self.settings.chain_id}"

    @property
    def chain_id(self) -> ChainId:
        """The chain it serves."""
        return self.settings.chain_id

    def look(self) -> Mapping[str, int | str]:
        """Read."""
        head, now = self.chain.head(), self.clock.now()
        age = max(now // 1000 - head.timestamp_seconds, 0)
        if self.settings.is_stale(head.timestamp_seconds, now):
            msg = f"its newest block, {head.number}, is {age} s old"
            raise NotHealthyError(msg)
        return {"head": head.number, "head_age_seconds": age}


def _cause(service: str, error: ClientError | BotoCoreError) -> str:
    return f"{service} gave no answer: {code_of(error)}"
