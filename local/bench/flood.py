"""A flood of payments over a real anvil, all processes side by side in threads of this one."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Final

from web3 import Web3

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.backlog import PARTS
from ferryman.domain.events import Step
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, Instant, TransactionId
from local.bench.fifo import FifoQueue
from local.bench.kms_keys import kms_signer
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.worker import Deployment, Worker
from local.errors import LocalStackError
from local.progress import step
from local.summary import percentile
from tests.fakes.payers import Payer
from tests.fakes.world import World
from tests.faults.real_chain import RealChain, request

WALLET_KEYS: Final = tuple(bytes([7, place]) * 16 for place in range(1, 5))
_FUNCTIONS: Final = {"ingest": 2, "submit": 3, "confirm": 1, "watch": 1}
"""Processes of each."""
PAYEE: Final = Address(f"0xee{0:038x}")
"""Not one of the payers."""
_BLOCK_SECONDS: Final = 1
_DEADLINE_SECONDS: Final = 3_600
_RUN_MS: Final = 6_000
_LOOK_SECONDS: Final = 0.02
"""How often an onlooker asks for the newest block: its blocks' times are as late as that at most."""
_LOOKS_A_CHECK: Final = 5
_IDLE_SECONDS: Final = 0.005
_LONGEST_SECONDS: Final = 120
NOTE = (
    "In process, a real anvil on this machine with a block each second, settings as they are by default. "
    "Of several floods this is the one with the median rate: it depends on when in a block one begins, and "
    "they begin at moments that are spread evenly over one. "
    "Each payer has been paid for before, so that watch knows him, as it does in production. *Mined a "
    "second* is from the first acceptance to the moment when an onlooker sees the last block with any of "
    "them. Ingest, submit, confirm and watch have processes of their own on AWS; here they are threads that "
    "share one interpreter, so they wait for one another. Tables and queue are in memory; keys too, behind "
    "the real signer, with signatures shaped as KMS gives them."
)
USE_NOTE = (
    "Of the flood above. *Computes* is the processor time of the function's threads without that of the "
    "tables in memory; boto3 is not in here. confirm and watch look once a block, whatever the number of "
    "payments: with fewer payments in a block they have more per payment."
)


@dataclass
class Flood:
    """A deployment, and what was sent to it."""

    chain: RealChain
    deployment: Deployment
    bodies: deque[dict[str, Any]] = field(default_factory=deque)
    """What is still to be posted."""
    names: list[TransactionId] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    seen_at: dict[int, int] = field(default_factory=dict)
    """When the onlooker first saw each block, or a later one."""
    node_seconds: float = 0.0
    """Processor time of the node during the last run."""

    @classmethod
    def over(cls, chain: RealChain) -> "Flood":
        """Build one with nothing stored yet."""
        deployment = Deployment(
            chain.settings, chain.rpc_url, lambda: kms_signer(WALLET_KEYS), queue=FifoQueue()
        )
        flood = cls(chain, deployment)
        turns = {
            "ingest": (flood._post, _IDLE_SECONDS),
            "submit": (World.deliver, _IDLE_SECONDS),
            "confirm": (flood._confirm, _IDLE_SECONDS),
            "watch": (flood._watch, 0.1),
        }
        for function, count in _FUNCTIONS.items():
            turn, idle_seconds = turns[function]
            for _ in range(count):
                # A turn that did nothing gives something false.
                flood.workers.append(deployment.worker(function, turn, idle_seconds=idle_seconds))
        return flood

    def run(self, bodies: Sequence[dict[str, Any]]) -> None:
        """Post payments as fast as ingest takes them, and wait until all are over.

        Raises:
            LocalStackError: that took too long.

        """
        self.bodies.extend(bodies)
        self.names.clear()
        for worker in self.workers:
            worker.forget()
        node_before = self.chain.node.cpu_seconds()
        over = threading.Event()
        with ThreadPoolExecutor(len(self.workers)) as threads:
            running = [threads.submit(worker.run, over) for worker in self.workers]
            try:
                self._look_on(len(bodies), over)
            finally:
                over.set()
            for one in running:
                one.result()
        self.node_seconds = self.chain.node.cpu_seconds() - node_before

    def rows(self) -> Sequence[Transaction]:
        """Read the rows of what was posted last.

        Raises:
            LocalStackError: not all of them were confirmed.

        """
        rows = self.workers[0].world.store.get_many(self.names)
        if len(rows) != len(self.names) or {row.status for row in rows} - {Status.CONFIRMED}:
            raise LocalStackError("not every payment of the flood was confirmed")
        return rows

    # -- what the processes do ----------------------------------------------------------------

    def _post(self, world: World) -> bool:
        try:
            body = self.bodies.popleft()
        except IndexError:
            return False
        self.names.append(world.post(body).transaction.transaction_id)
        return True

    def _confirm(self, world: World) -> bool:
        if not self.deployment.starts.started:
            return False
        self.deployment.starts.started.clear()
        world.follow(run_ms=_RUN_MS)
        return True

    def _watch(self, world: World) -> bool:
        world.watch([world.settings.chain_id], until=Instant(world.clock.now() + _RUN_MS))
        return False

    # -- the onlooker -------------------------------------------------------------------------

    def _look_on(self, count: int, over: threading.Event) -> None:
        world, _, _ = self.deployment.world()
        started = time.monotonic()
        for look in range(int(_LONGEST_SECONDS / _LOOK_SECONDS)):
            head = world.chain.head()
            self.seen_at.setdefault(head.number, world.clock.now())
            is_posted = len(self.names) == count
            if over.is_set() or (look % _LOOKS_A_CHECK == 0 and is_posted and self._is_over(world)):
                return
            if time.monotonic() - started > _LONGEST_SECONDS:
                break
            time.sleep(_LOOK_SECONDS)
        raise LocalStackError("the flood was not worked off in time")

    def _is_over(self, world: World) -> bool:
        """Whether nothing waits for a nonce, and no nonce is open."""
        store, chain_id = world.store, world.settings.chain_id
        wallets = DynamoWallets(world.tables).wallets(chain_id)
        is_open = any(wallet.open_count for wallet in wallets)
        return not is_open and not any(store.backlog(chain_id, part=part, limit=1) for part in range(PARTS))


def measure_flood(plan: Plan) -> list[ResultTable]:
    """Send many payments at once, more than once, and measure how fast they go and what that takes.

    Returns:
        The tables of the flood whose rate is the median: it depends on how soon after a block one begins.

    """
    floods = [_measured(plan, place) for place in range(1, plan.floods + 1)]
    floods.sort(key=itemgetter(0))
    _, (rates, use) = floods[len(floods) // 2]
    every = ", ".join(number(rate) for rate, _ in floods)
    return [replace(rates, rows=[*rates.rows, ("mined a second, every flood", every)]), use]


def _measured(plan: Plan, place: int) -> tuple[float, list[ResultTable]]:
    """Measure a flood on a new chain; give how many payments were mined a second, and its tables."""
    with RealChain.running(payers=plan.flood_senders, wallet_keys=WALLET_KEYS) as chain, _mining(chain.web3):
        flood, payers = Flood.over(chain), chain.signing_payers()
        with step("Preparing the flood's payers"):
            flood.run(_bodies(payers, len(payers)))
            flood.rows()
        bodies, since = _bodies(payers, plan.flood_at_once), chain.web3.eth.block_number
        with step(f"Measuring flood {place} of {plan.floods}, of {len(bodies)} payments"):
            _wait_into_block(chain.web3, (place - 0.5) / plan.floods)
            flood.run(bodies)
        _check_once(chain, bodies, since)
    return _mined_a_second(flood), [_flood_table(flood, plan), _use_table(flood)]


def _wait_into_block(web3: Web3, part: float) -> None:
    """Wait for a block, and for a part of a block time after it.

    Left to itself each flood would begin just after a block, for that is when the payments before it end.
    """
    before, until = web3.eth.block_number, time.monotonic() + _LONGEST_SECONDS
    while web3.eth.block_number == before:
        if time.monotonic() > until:
            raise LocalStackError("no block came")
        time.sleep(_IDLE_SECONDS)
    time.sleep(part * _BLOCK_SECONDS)


def _bodies(payers: Sequence[Payer], count: int) -> list[dict[str, Any]]:
    deadline = int(time.time()) + _DEADLINE_SECONDS
    return [payers[place % len(payers)].pay(1, fee=1, to=PAYEE, deadline=deadline) for place in range(count)]


def _check_once(chain: RealChain, bodies: Sequence[dict[str, Any]], since: int) -> None:
    """Make sure that the escrow carried out each payment, and nothing twice.

    Raises:
        LocalStackError: it did not.

    """
    executed = Counter((str(payer), nonce) for payer, nonce in chain.executed(since))
    if executed != Counter((str(body["from"]), int(body["nonce"])) for body in bodies):
        raise LocalStackError("the escrow did not execute every payment of the flood exactly once")


def _mined_at(flood: Flood, rows: Sequence[Transaction]) -> int:
    """When the onlooker saw the last block with any of them."""
    last_block = max(row.block_number or 0 for row in rows)
    return min(at for block, at in flood.seen_at.items() if block >= last_block)


def _mined_a_second(flood: Flood) -> float:
    rows = flood.rows()
    return len(rows) * 1000 / (_mined_at(flood, rows) - min(row.reached[Step.ACCEPTED] for row in rows))


def _flood_table(flood: Flood, plan: Plan) -> ResultTable:
    rows = flood.rows()
    count = len(rows)
    accepted = sorted(row.reached[Step.ACCEPTED] for row in rows)
    confirmed = [row.reached[Step.CONFIRMED] for row in rows]
    took = [row.reached[Step.CONFIRMED] - row.reached[Step.ACCEPTED] for row in rows]
    rates = {
        "accepted a second": accepted[-1],
        "mined a second": _mined_at(flood, rows),
        "CONFIRMED a second": max(confirmed),
    }
    cached = _judged(flood)
    table = [
        ("CONFIRMED, and executed exactly once", f"{count} of {plan.flood_at_once}"),
        *((name, number(count * 1000 / (end - accepted[0]))) for name, end in rates.items()),
        ("202 → CONFIRMED p50, milliseconds", number(percentile(took, 50))),
        ("202 → CONFIRMED p95, milliseconds", number(percentile(took, 95))),
        ("anvil's own processor time per payment, milliseconds", number(flood.node_seconds * 1000 / count)),
        ("blocks with some of them", str(len({row.block_number for row in rows}))),
        ("chain transactions", str(len({row.hash for row in rows}))),
        ("accepted by what watch had cached", f"{cached} of {count}"),
    ]
    title = f"A flood of {count} payments from {plan.flood_senders} senders, {len(WALLET_KEYS)} wallets"
    return ResultTable(title, ("", "measured"), table, NOTE)


def _judged(flood: Flood) -> int:
    """Count the acceptances of the last run that asked the chain nothing."""
    asked = Counter(
        named["outcome"]
        for worker in flood.workers
        for metric, _, named in worker.world.metrics.added
        if metric is Metric.CACHED_READING
    )
    return asked["judged"]


def _use_table(flood: Flood) -> ResultTable:
    count, rows = len(flood.names), list[list[float]]()
    for function in _FUNCTIONS:
        mine = [worker for worker in flood.workers if worker.function == function]
        tables = sum(worker.tables.cpu_seconds for worker in mine)
        rows.append(
            [
                (sum(worker.cpu_seconds for worker in mine) - tables) * 1000,
                tables * 1000,
                sum(worker.rpc.requests for worker in mine),
                sum(worker.rpc.calls for worker in mine),
                sum(worker.tables.requests for worker in mine),
            ]
        )
    rows.append([sum(column) for column in zip(*rows, strict=True)])
    names = (*(f"{name} ({processes})" for name, processes in _FUNCTIONS.items()), "together")
    columns = ("function (processes)", "computes, ms", "tables, ms", "RPC requests", "RPC calls")
    return ResultTable(
        "What a payment of the flood takes",
        (*columns, "DynamoDB requests"),
        [(name, *(number(value / count) for value in row)) for name, row in zip(names, rows, strict=True)],
        USE_NOTE,
    )


@contextmanager
def _mining(web3: Web3) -> Iterator[None]:
    """Let blocks come by themselves."""
    request(web3, "evm_setIntervalMining", _BLOCK_SECONDS)
    try:
        yield
    finally:
        request(web3, "evm_setIntervalMining", 0)
