"""AWS's units of one payment: the real services over tables and a queue that count."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from ferryman.domain.transaction import Status
from ferryman.domain.units import CorrelationId, TransactionId
from ferryman.ports import Hint
from local.bench.report import ResultTable, number
from local.bench.units import CountingTables
from local.errors import LocalStackError
from local.progress import step
from tests.fakes.chain import FakeChain
from tests.fakes.queue import FakeQueue
from tests.fakes.settled import memory_world
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World

_A_REQUEST: Final = 10
"""Messages that one request to SQS takes."""
_RUN_MS: Final = 5_000
_PAYERS: Final = 20
_LOCKED: Final = 10**12
_AMOUNT: Final = 12_500_000
_FEE: Final = 25_000
NOTE = (
    "From POST to CONFIRMED at one confirmation, over tables in memory that count each request by "
    "DynamoDB's rules (`local/bench/units.py`). Payments have what clients send: random nonces of 256 "
    "bits, and request ids. On a chain that requires more confirmations a payment is `payment_included` "
    "first: four write units more. SQS requests are sends, receives and deletes, without polls that find "
    "nothing. `cursors` is confirm's watch of the chain, per look rather than per payment."
)


class CountingQueue(FakeQueue):
    """The fake queue; counts the requests that SQS would have seen."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()

    def send(self, hints: Iterable[Hint]) -> None:
        """Send ten to a request."""
        sent = list(hints)
        self.requests["SendMessageBatch"] += -(-len(sent) // _A_REQUEST)
        super().send(sent)

    def receive(self) -> list[Hint]:
        """Receive a batch; an empty answer is nobody's payment."""
        received = super().receive()
        self.requests["ReceiveMessage"] += bool(received)
        return received

    def settle(self, received: Sequence[Hint], failed: Iterable[Hint]) -> None:
        """Delete what was settled, in one request."""
        kept = set(failed)
        self.requests["DeleteMessageBatch"] += any(hint not in kept for hint in received)
        super().settle(received, kept)


@dataclass(frozen=True)
class PaymentUnits:
    """What one payment costs, in AWS's units."""

    write_units: dict[str, float]
    """DynamoDB write request units, by table or index."""
    read_units: dict[str, float]
    """DynamoDB read request units, by table or index."""
    signatures: float
    chain_transactions: float
    queue_requests: float

    @property
    def writes(self) -> float:
        """All write request units."""
        return sum(self.write_units.values())

    @property
    def reads(self) -> float:
        """All read request units."""
        return sum(self.read_units.values())


def count_payments(count: int, *, together: int) -> PaymentUnits:
    """Count what payments cost that come `together` at a time.

    Raises:
        LocalStackError: some were not confirmed: then the counts mean nothing.

    """
    memory = memory_world(payers=_PAYERS, locked=_LOCKED)
    counted = Counted.of(memory.world, memory.chain, memory.signer)
    payers, deadline = memory.payers, memory.deadline()

    def post(position: int) -> TransactionId:
        body = payers[position % _PAYERS].pay(_AMOUNT, fee=_FEE, nonce=_nonce(position), deadline=deadline)
        return memory.world.ingest(
            "payment", body, correlation_id=request_id(position)
        ).transaction.transaction_id

    return count_intents(counted, post, count, together)


@dataclass(frozen=True)
class Counted:
    """A world in memory whose tables, queue, chain and keys count."""

    world: World
    chain: FakeChain
    signer: FakeSigner
    tables: CountingTables
    queue: CountingQueue

    @classmethod
    def of(cls, world: World, chain: FakeChain, signer: FakeSigner) -> "Counted":
        """Put them into a world in which nothing is stored yet; its services are new then."""
        tables, queue = CountingTables(), CountingQueue()
        world.tables, world.queue = tables, queue
        world.restart()
        return cls(world, chain, signer, tables, queue)


def count_intents(
    counted: Counted, post: Callable[[int], TransactionId], count: int, together: int
) -> PaymentUnits:
    """Count what intents cost that come `together` at a time.

    Args:
        counted: where they are posted.
        post: posts one, by its number, and gives its id.
        count: how many.
        together: how many of them before anything is submitted.

    Raises:
        LocalStackError: some were not confirmed: then the counts mean nothing.

    """
    world, tables, queue = counted.world, counted.tables, counted.queue
    post(count)
    _finish(world)  # the first one also makes the wallets' rows
    tables.write_units.clear()
    tables.read_units.clear()
    queue.requests.clear()
    signed, sent = counted.signer.signatures, counted.chain.sends
    names: list[TransactionId] = []
    for start in range(0, count, together):
        names += [post(position) for position in range(start, min(start + together, count))]
        _finish(world)
    units = PaymentUnits(
        write_units={name: each / count for name, each in tables.write_units.items()},
        read_units={name: each / count for name, each in tables.read_units.items()},
        signatures=(counted.signer.signatures - signed) / count,
        chain_transactions=(counted.chain.sends - sent) / count,
        queue_requests=queue.requests.total() / count,
    )
    _check(counted, names)
    return units


def measure_units(count: int = 120) -> list[ResultTable]:
    """Count payments that come alone, and in crowds."""
    with step("Counting AWS's units"):
        crowds = {together: count_payments(count, together=together) for together in (1, 20, 40)}
    columns = {f"{together} at once": units for together, units in crowds.items()}
    return [units_table("AWS's units", "per payment", columns, NOTE)]


def units_table(title: str, corner: str, columns: Mapping[str, PaymentUnits], note: str) -> ResultTable:
    """Write units beside one another."""
    names = sorted({name for units in columns.values() for name in units.write_units})
    rows: list[tuple[str, ...]] = [
        ("DynamoDB write units", *(number(units.writes) for units in columns.values())),
        *(
            (f"of them {name}", *(number(units.write_units.get(name, 0)) for units in columns.values()))
            for name in names
        ),
        ("DynamoDB read units", *(number(units.reads) for units in columns.values())),
        ("KMS signatures", *(number(units.signatures) for units in columns.values())),
        ("chain transactions", *(number(units.chain_transactions) for units in columns.values())),
        ("SQS requests", *(number(units.queue_requests) for units in columns.values())),
    ]
    return ResultTable(title, (corner, *columns), rows, note)


def _nonce(position: int) -> int:
    """Give a nonce as wallets choose it, at random, of 78 digits mostly; here the same in every run."""
    return int.from_bytes(sha256(position.to_bytes(8)).digest())


def request_id(position: int) -> CorrelationId:
    """Give a request id as API Gateway gives it."""
    return CorrelationId(str(UUID(int=_nonce(position) >> 128)))


def _finish(world: World) -> None:
    """Submit all that is queued, and follow the chain, until nothing is left to submit."""
    while world.queue:
        while world.deliver():
            pass
        world.follow(run_ms=_RUN_MS)


def _check(counted: Counted, names: Sequence[TransactionId]) -> None:
    rows = counted.world.store.get_many(names)
    if {row.status for row in rows} != {Status.CONFIRMED} or counted.chain.reverted:
        raise LocalStackError("not everything was confirmed: the counted units mean nothing")
