"""How many payments a second confirm ends, when each end has to wait for its write."""

import time
from typing import Final

from ferryman.adapters.workers import ThreadWorkers
from ferryman.bootstrap.parts import AWS_CONNECTIONS
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.slow_tables import FEW_ITEMS, SlowTables
from local.errors import LocalStackError
from local.progress import step
from tests.fakes.settled import memory_world

_WRITE_SECONDS: Final = 0.008
_ITEM_SECONDS: Final = 0.0005
_BATCH: Final = 20
_SENDERS: Final = 50
_WIDEST_WINDOW: Final = 256
NOTE = (
    f"One look of confirm at a block with all of them, from {_SENDERS} senders; everything in memory, and "
    f"each write takes {_WRITE_SECONDS * 1000:g} ms and {_ITEM_SECONDS * 1000:g} ms more for each item "
    f"beyond {FEW_ITEMS}, which is assumed of DynamoDB. Reads take no time. Side by side are at most "
    f"{AWS_CONNECTIONS}, as many as a client of boto3 keeps connections; boto3's own "
    "processor time is not in here."
)


def measure_ends(plan: Plan) -> list[ResultTable]:
    """Let confirm end payments, alone and in batches, one write after the other and side by side."""
    rows = []
    for name, batch_size in (("alone", 0), (f"in batches of {_BATCH}", _BATCH)):
        for workers in (1, AWS_CONNECTIONS):
            with step(f"Ending {plan.ends} payments {name}, {workers} at once"):
                rows.append((name, str(workers), number(plan.ends / _ended(plan.ends, batch_size, workers))))
    columns = ("payments", "writes at once", "ended a second")
    return [ResultTable(f"Ends of {plan.ends} payments", columns, rows, NOTE)]


def _ended(count: int, batch_size: int, workers: int) -> float:
    """Give the seconds that one look takes to end so many payments.

    Raises:
        LocalStackError: it did not end them all.

    """
    memory = memory_world(
        payers=_SENDERS, wallets=4, batch_size=batch_size, window=_WIDEST_WINDOW, express_window=0
    )
    world, deadline = memory.world, memory.deadline()
    for place in range(count):
        world.post(memory.payers[place % _SENDERS].pay(1, deadline=deadline))
    while world.deliver():
        pass
    memory.clock.sleep(Milliseconds(1_000))
    stored, world.workers = world.tables, ThreadWorkers(workers)
    world.tables = SlowTables(stored, _WRITE_SECONDS, _ITEM_SECONDS)
    world.restart()
    started = time.perf_counter()
    world.confirm.follower(world.settings.chain_id).look()
    seconds = time.perf_counter() - started
    world.tables = stored
    if {row.status for row in world.rows()} != {Status.CONFIRMED}:
        raise LocalStackError("not every payment was ended")
    return seconds
