"""AWS's units of one payment: the real services over tables and a queue that count."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from ferryman.domain.transaction import Status
from ferryman.domain.units import CorrelationId, TransactionId
from ferryman.ports import Hint
from local.bench.report import ResultTable, number
from local.bench.units import CountingTables
from local.errors import LocalStackError
from local.progress import step
from tests.fakes.queue import FakeQueue
from tests.fakes.settled import MemoryWorld, memory_world

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
    memory, tables, queue = _world()
    payers, deadline = memory.payers, memory.deadline()
    memory.world.post(payers[0].pay(_AMOUNT, deadline=deadline))
    _finish(memory)  # the first one also makes the wallets' rows
    tables.write_units.clear()
    tables.read_units.clear()
    queue.requests.clear()
    signed, sent = memory.signer.signatures, memory.chain.sends
    names: list[TransactionId] = []
    for start in range(0, count, together):
        for position in range(start, min(start + together, count)):
            payer = payers[position % _PAYERS]
            body = payer.pay(_AMOUNT, fee=_FEE, nonce=_nonce(position), deadline=deadline)
            names.append(_posted(memory, body, position))
        _finish(memory)
    counted = PaymentUnits(
        write_units={name: units / count for name, units in tables.write_units.items()},
        read_units={name: units / count for name, units in tables.read_units.items()},
        signatures=(memory.signer.signatures - signed) / count,
        chain_transactions=(memory.chain.sends - sent) / count,
        queue_requests=queue.requests.total() / count,
    )
    _check(memory, names)
    return counted


def measure_units(count: int = 120) -> list[ResultTable]:
    """Count payments that come alone, and in crowds."""
    with step("Counting AWS's units"):
        crowds = {together: count_payments(count, together=together) for together in (1, 20, 40)}
    names = sorted({name for units in crowds.values() for name in units.write_units})
    rows: list[tuple[str, ...]] = [
        ("DynamoDB write units", *(number(units.writes) for units in crowds.values())),
        *(
            (f"of them {name}", *(number(units.write_units.get(name, 0)) for units in crowds.values()))
            for name in names
        ),
        ("DynamoDB read units", *(number(units.reads) for units in crowds.values())),
        ("KMS signatures", *(number(units.signatures) for units in crowds.values())),
        ("chain transactions", *(number(units.chain_transactions) for units in crowds.values())),
        ("SQS requests", *(number(units.queue_requests) for units in crowds.values())),
    ]
    columns = ("per payment", *(f"{together} at once" for together in crowds))
    return [ResultTable("AWS's units", columns, rows, NOTE)]


def _world() -> tuple[MemoryWorld, CountingTables, CountingQueue]:
    memory = memory_world(payers=_PAYERS, locked=_LOCKED)
    tables, queue = CountingTables(), CountingQueue()
    memory.world.tables, memory.world.queue = tables, queue
    memory.world.restart()
    return memory, tables, queue


def _nonce(position: int) -> int:
    """Give a nonce as wallets choose it, at random, of 78 digits mostly; here the same in every run."""
    return int.from_bytes(sha256(position.to_bytes(8)).digest())


def _posted(memory: MemoryWorld, body: dict[str, Any], position: int) -> TransactionId:
    """Post with a request id as API Gateway gives it."""
    request_id = CorrelationId(str(UUID(int=_nonce(position) >> 128)))
    return memory.world.ingest("payment", body, correlation_id=request_id).transaction.transaction_id


def _finish(memory: MemoryWorld) -> None:
    """Submit all that is queued, and follow the chain, until nothing is left to submit."""
    while memory.world.queue:
        while memory.world.deliver():
            pass
        memory.world.follow(run_ms=_RUN_MS)


def _check(memory: MemoryWorld, names: Sequence[TransactionId]) -> None:
    rows = memory.world.store.get_many(names)
    if {row.status for row in rows} != {Status.CONFIRMED} or memory.chain.reverted:
        raise LocalStackError("not every payment was confirmed: the counted units mean nothing")
