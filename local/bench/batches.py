"""What payments cost that share a chain transaction: gas, signatures, and our own time."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eth_typing import HexStr

from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.services import MeasuredServices
from local.bench.stopwatch import Stopwatch
from local.errors import LocalStackError
from local.progress import step
from tests.faults.real_chain import RealChain

_SIZES: Final = (1, 10, 40)
_DEADLINE_SECONDS: Final = 3_600
_WIDEST_WINDOW: Final = 256
NOTE = (
    "Receipts of anvil, the real escrow; every payment has a payer and a payee of its own, who have paid and "
    "been paid before; `batch_min` as it is by default, and no payment has to wait for a nonce. A full "
    "transaction has `batch_size` payments. A run that takes more than its messages name leaves later "
    "messages with few, and the last of them may go alone. The rate is that of submit and confirm together "
    "in one process: wall, and per core of our own processor time without that of the in-memory tables."
)


@dataclass(frozen=True)
class Batched:
    """What so many payments took with one `batch_size`."""

    size: int
    gas: Mapping[int, Sequence[int]]
    """Gas used by each transaction, by how many payments it carried out."""
    signatures: int
    submit: Stopwatch
    confirm: Stopwatch

    @property
    def payments(self) -> int:
        """Count the payments."""
        return sum(carried * len(used) for carried, used in self.gas.items())

    @property
    def gas_in_full(self) -> float:
        """Give the gas per payment of the full transactions."""
        full = self.gas[self.size]
        return sum(full) / (self.size * len(full))

    def row(self, alone: "Batched") -> tuple[str, ...]:
        """Write it as a row, beside payments that went alone."""
        count = self.payments
        wall = self.submit.wall_seconds + self.confirm.wall_seconds
        cpu = self.submit.cpu_seconds + self.confirm.cpu_seconds
        own = cpu - self.submit.table_seconds - self.confirm.table_seconds
        return (
            str(self.size),
            str(sum(map(len, self.gas.values()))),
            f"{self.size * len(self.gas[self.size]) / count:.0%}",
            number(self.gas_in_full),
            f"{self.gas_in_full / alone.gas_in_full - 1:+.0%}",
            number(sum(map(sum, self.gas.values())) / count),
            f"{self.signatures / count:.3f}",
            number(count / wall),
            number(count / own),
        )


def measure_batches(plan: Plan) -> list[ResultTable]:
    """Have the same number of payments carried out alone, and in batches of several sizes."""
    with RealChain.running(payers=plan.batched_payments) as chain:
        results = [_measured(chain, size) for size in _SIZES]
    columns = (
        "batch_size",
        "transactions",
        "payments in full ones",
        "gas per payment in full ones",
        "against alone",
        "gas per payment, all",
        "signatures per payment",
        "a second, one process",
        "a second, per core",
    )
    rows = [each.row(results[0]) for each in results]
    return [ResultTable(f"Batches, {plan.batched_payments} payments", columns, rows, NOTE)]


def _measured(chain: RealChain, size: int) -> Batched:
    """Carry out payments with one `batch_size`.

    Raises:
        LocalStackError: they were not carried out, or in no full batch: the numbers mean nothing.

    """
    # All of them fit into the windows at once, so that nothing but the batches differs.
    changes = {"window": _WIDEST_WINDOW, "express_window": 0, "batch_size": size}
    settings = chain.settings.model_copy(update=changes)
    with step(f"Measuring batches of {size}"), chain.rewound():
        services = MeasuredServices.over(replace(chain, settings=settings))
        # The first payment to a payee, and the first of a payer, writes storage that was empty.
        services.ingest(_bodies(services))
        services.submit()
        services.confirm()
        signed = chain.signer.signatures
        names, _ = services.ingest(_bodies(services))
        submit, confirm = services.submit(), services.confirm()
        services.check()
        gas = _gas(chain, services.world.store.get_many(names))
    measured = Batched(size, gas, chain.signer.signatures - signed, submit, confirm)
    if measured.payments != chain.payers or size not in gas:
        raise LocalStackError(f"not all were confirmed, or none in a batch of {size}")
    return measured


def _bodies(services: MeasuredServices) -> list[dict[str, Any]]:
    deadline = services.world.clock.now() // 1000 + _DEADLINE_SECONDS
    return [
        payer.pay(1, fee=1, to=Address(f"0xee{number:038x}"), deadline=deadline)
        for number, payer in enumerate(services.payers)
    ]


def _gas(chain: RealChain, rows: Sequence[Transaction]) -> dict[int, list[int]]:
    """Ask for the gas of the transactions that carried out payments, by how many each carried out."""
    carried = Counter(row.hash for row in rows if row.hash and row.status is Status.CONFIRMED)
    gas = defaultdict[int, list[int]](list)
    for name, payments in carried.items():
        gas[payments].append(chain.web3.eth.get_transaction_receipt(HexStr(name))["gasUsed"])
    return dict(gas)
