"""How long urgent payments take alone, and while a flood of others is worked off."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from web3 import Web3

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip1559 import transaction_hash
from ferryman.domain.events import Step
from ferryman.domain.lanes import Lane
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, TransactionId, TxHash
from ferryman.ports import Clock, SendResult
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.errors import LocalStackError
from local.progress import step
from local.summary import percentile
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.fakes.payers import Payer
from tests.fakes.world import World, unwrapped
from tests.faults.real_chain import RealChain, request

_PAYERS: Final = 40
"""So many that none reaches its limit of posts."""
_PAYEE: Final = Address(f"0xee{0:038x}")
_DEADLINE_SECONDS: Final = 3_600
_BLOCK_SECONDS: Final = 1
_LOOK_SECONDS: Final = 0.25
_PACE_SECONDS: Final = 0.23
"""Between two urgent payments; no part of a block time, so that all phases of a block are met."""
_IDLE_SECONDS: Final = 0.005
_A_BATCH: Final = 10
"""Messages that SQS hands out at once."""
_LONGEST_SECONDS: Final = 120
NOTE = (
    "In process, a real anvil with a block each second, 2 wallets. One thread serves a batch of the express "
    "queue and one of the standard queue in turn, and looks at the chain every 250 ms; on AWS each of these "
    "has processes of its own. *Broadcast* is from the acceptance until the node has the bytes. *With the "
    "wait* adds how long an express payment found the thread busy with a batch of standard payments, or a "
    "look; so does *confirmed*, which ends when the record says so. Collisions of two runs on a wallet's row "
    "are not in here. The flood is accepted first and fills the standard part of both windows; express "
    "payments count that were accepted while some of it had no nonce."
)


class TimedChain(EvmChain):
    """A chain that knows when the node was first given each transaction."""

    def __init__(self, settings: ChainSettings, rpc: JsonRpc, clock: Clock) -> None:
        super().__init__(settings, rpc, clock)
        self._times = clock
        self.sent_at: dict[TxHash, int] = {}

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Broadcast, and note the time after it."""
        results = super().send(envelopes)
        for raw in envelopes:
            self.sent_at.setdefault(transaction_hash(raw), self._times.now())
        return results


@dataclass(frozen=True)
class Latencies:
    """Milliseconds that payments of one sort took, one each."""

    to_broadcast: Sequence[float]
    """From the acceptance."""
    with_wait: Sequence[float]
    """The same, and before it the wait for the thread."""
    to_confirmed: Sequence[float]
    """With that wait."""

    def cells(self) -> tuple[str, ...]:
        """Write how many they are, and their median and 95th percentile."""
        of_each = (
            number(percentile(values, percent))
            for values in (self.to_broadcast, self.with_wait, self.to_confirmed)
            for percent in (50, 95)
        )
        return str(len(self.to_broadcast)), *of_each


@dataclass
class Traffic:
    """A deployment in real time, and what was sent to it."""

    world: World
    chain: TimedChain
    payers: Sequence[Payer]
    express: list[TransactionId] = field(default_factory=list)
    standard: list[TransactionId] = field(default_factory=list)
    due_at: dict[TransactionId, int] = field(default_factory=dict)
    """When an urgent payment was to come: that the one thread was busy is part of what it took."""

    @classmethod
    def over(cls, chain: RealChain, changes: Mapping[str, Any]) -> "Traffic":
        """Build one with nothing stored yet."""
        settings = chain.settings.model_copy(update=changes)
        real = replace(chain, settings=settings).world(unwrapped)
        rpc = JsonRpc(settings.chain_id, FakeEndpoints(chain.rpc_url), metrics=FakeMetrics())
        clock = SystemClock()
        timed = TimedChain(settings, rpc, clock)
        return cls(World(settings, timed, chain.signer, clock), timed, real.payers)

    def flood(self, count: int) -> None:
        """Accept standard payments."""
        self.standard += [self._post("normal", number) for number in range(count)]

    def run(self, urgent: int) -> None:
        """Serve both queues in turn and follow the chain until all is over, urgent payments coming evenly.

        With a flood they come for as long as some of it waits, at most `urgent` of them.

        Raises:
            LocalStackError: it took too long.

        """
        follower = self.world.confirm.follower(self.world.settings.chain_id)
        started = next_post = next_look = time.monotonic()
        while len(self.express) < urgent or self._is_open():
            now = time.monotonic()
            if now - started > _LONGEST_SECONDS:
                raise LocalStackError("the flood was not worked off in time")
            if now >= next_post and len(self.express) < urgent:
                due_at = self.world.clock.now() - int((now - next_post) * 1000)
                self.express.append(self._post("fast", len(self.express)))
                self.due_at[self.express[-1]] = due_at
                next_post += _PACE_SECONDS
            served = [self._serve(lane) for lane in Lane]
            if now >= next_look:
                seen = follower.look()
                resting = partial(follower.resting, head=seen.head)
                self.world.confirm.sweep(self.world.settings.chain_id, freed=seen.freed, resting=resting)
                next_look = now + _LOOK_SECONDS
            if not any(served):
                time.sleep(_IDLE_SECONDS)

    def latencies(self, names: Sequence[TransactionId]) -> Latencies:
        """Read what some payments took.

        Raises:
            LocalStackError: not all were confirmed: then the times mean nothing.

        """
        rows = self.world.store.get_many(names)
        if len(rows) != len(names) or {row.status for row in rows} - {Status.CONFIRMED}:
            raise LocalStackError("not every payment of the lanes was confirmed")
        accepted = {row.transaction_id: row.reached[Step.ACCEPTED] for row in rows}
        began = accepted | self.due_at
        sent = {row.transaction_id: self.chain.sent_at[row.hash] for row in rows if row.hash}
        return Latencies(
            [sent[name] - accepted[name] for name in names],
            [sent[name] - began[name] for name in names],
            [row.reached[Step.CONFIRMED] - began[row.transaction_id] for row in rows],
        )

    def amid_the_flood(self) -> list[TransactionId]:
        """Name the urgent payments that were accepted before the last of the flood had a nonce."""
        flood = self.world.store.get_many(self.standard)
        end = max((row.reached[Step.BOUND] for row in flood), default=0)
        rows = self.world.store.get_many(self.express)
        return [row.transaction_id for row in rows if row.reached[Step.ACCEPTED] < end]

    def _post(self, priority: str, number: int) -> TransactionId:
        deadline = self.world.clock.now() // 1000 + _DEADLINE_SECONDS
        payer = self.payers[number % len(self.payers)]
        body = payer.pay(1, fee=1, to=_PAYEE, deadline=deadline, priority=priority)
        return self.world.post(body).transaction.transaction_id

    def _serve(self, lane: Lane) -> bool:
        """Deliver a batch of one queue, as its own event source mapping does."""
        batch = self.world.queue.waiting(lane)[:_A_BATCH]
        if batch:
            self.world.queue.settle(batch, self.world.submit(list(dict.fromkeys(batch))))
        return bool(batch)

    def _is_open(self) -> bool:
        return bool(self.world.queue) or bool(self.world.open_rows())


def measure_lanes(plan: Plan) -> list[ResultTable]:
    """Time urgent payments without a flood, and amid one whose payments go alone or in batches."""
    rows = []
    with RealChain.running(payers=_PAYERS) as chain, _mining(chain.web3):
        for name, changes, flood in (
            ("no flood", {}, 0),
            ("flood, each alone", {"batch_size": 0}, plan.flood_payments),
            ("flood, in batches", {}, plan.flood_payments * plan.flood_factor_in_batches),
        ):
            with step(f"Measuring lanes: {name}"), chain.rewound():
                traffic = Traffic.over(chain, changes)
                traffic.flood(flood)
                traffic.run(plan.urgent_payments)
            urgent = traffic.amid_the_flood() if flood else traffic.express
            rows.append((f"express, {name}", *traffic.latencies(urgent).cells()))
            if flood:
                rows.append((f"standard, {name}", *traffic.latencies(traffic.standard).cells()))
    columns = ("", "payments", "broadcast p50", "p95", "with the wait p50", "p95", "confirmed p50", "p95")
    return [ResultTable("Lanes (milliseconds)", columns, rows, NOTE)]


@contextmanager
def _mining(web3: Web3) -> Iterator[None]:
    """Let blocks come by themselves."""
    request(web3, "evm_setIntervalMining", _BLOCK_SECONDS)
    try:
        yield
    finally:
        request(web3, "evm_setIntervalMining", 0)
