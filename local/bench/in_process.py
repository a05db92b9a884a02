"""(B) Our own code apart from the emulator: services in this process, real signatures, a real anvil."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from local.bench.plan import Plan
from local.bench.report import ResultTable
from local.bench.services import MeasuredServices
from local.bench.stopwatch import Stopwatch
from local.progress import step
from tests.faults.real_chain import RealChain

_WIDEST_WINDOW = 256
NOTE = (
    "One process, one thread. *computes* is its processor time without that of the in-memory tables, which "
    "are a fake; the rest of the wall time is waiting for anvil. boto3 is not in here, but is in what the "
    "handler computes above."
)


@dataclass(frozen=True)
class Measured:
    """One step of the way and what so many runs of it took."""

    name: str
    count: int
    time: Stopwatch

    def row(self) -> tuple[str, ...]:
        """Write it as a row."""
        return (self.name, *self.time.cells(self.count), *self.time.rates(self.count))


def measure_in_process(plan: Plan) -> list[ResultTable]:
    """Take payments from request to confirmation, in worlds of several sizes; rates are those of the last."""
    steps: list[Measured] = []
    looks: list[tuple[str, ...]] = []
    with RealChain.running() as chain:
        # All that a look shall find open must fit into the windows of two wallets, each alone.
        settings = chain.settings.model_copy(
            update={"window": _WIDEST_WINDOW, "express_window": 0, "batch_size": 0}
        )
        for size in plan.open_nonces:
            with step(f"Measuring in process with {size} payments"), chain.rewound():
                services = MeasuredServices.over(replace(chain, settings=settings))
                steps, look = _measured(services, size, plan.looks)
            looks.append((str(size), *look.time.cells(look.count)))
    return [_step_table(steps, plan.open_nonces[-1]), _look_table(looks)]


def _measured(services: MeasuredServices, size: int, looks: int) -> tuple[list[Measured], Measured]:
    names, ingesting = services.ingest(services.payments(size))
    ingest = Measured("ingest, per payment", size, ingesting)
    submit = Measured("submit in batches of 10, per payment", size, services.submit())
    look = Measured("confirm, per look", looks, services.look(looks))
    confirm = Measured("confirm, per payment confirmed", size, services.confirm())
    services.check()
    notify = Measured("notify with one subscriber, per event", size, services.notify(names))
    query = Measured("query of a record, per request", size, services.query(names))
    return [ingest, submit, confirm, notify, query], look


def _step_table(steps: Iterable[Measured], size: int) -> ResultTable:
    return ResultTable(
        f"In process, {size} payments (milliseconds)",
        ("", "wall", "processor", "computes", "a second, one process", "a second, per core"),
        [each.row() for each in steps],
        NOTE,
    )


def _look_table(rows: Sequence[Sequence[str]]) -> ResultTable:
    return ResultTable(
        "A look of confirm at a new block with none of ours in it (milliseconds)",
        ("open nonces", "wall", "processor", "computes"),
        rows,
    )
