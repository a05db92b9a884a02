"""Acceptance by what watch has cached against acceptance by reading the chain."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc, Unfit
from ferryman.adapters.evm.rpc_batch import RpcRequest
from ferryman.domain.metrics import Metric
from ferryman.domain.units import Milliseconds
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.units import CountingTables
from local.errors import LocalStackError
from local.progress import step
from local.summary import percentile
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.fakes.world import World, unwrapped
from tests.faults.real_chain import RealChain

_DEADLINE_SECONDS: Final = 3_600
_FAR_SECONDS: Final = 0.04
_RUN_MS: Final = 5_000
NOTE = (
    "In process, one payment after the other; tables in memory, a real anvil on this machine. The second "
    "time is with an endpoint that takes 40 ms longer for each request, as one elsewhere does. DynamoDB's "
    "own time is not in here: a cached acceptance makes one request more (an account and a nonce in one "
    "batch), and one for the cursor unless the process read it within a quarter of a block time."
)


class CountingRpc(JsonRpc):
    """A connection that counts what it is asked, and may be far away."""

    requests = 0
    calls = 0
    extra_seconds = 0.0

    def batch(self, requests: Sequence[RpcRequest], *, unfit: Unfit | None = None) -> list[Any]:
        """Send a batch, which is one HTTP request."""
        self.requests += bool(requests)
        self.calls += len(requests)
        time.sleep(self.extra_seconds if requests else 0)
        return super().batch(requests, unfit=unfit)


@dataclass(frozen=True)
class Acceptances:
    """What so many acceptances of one sort took."""

    milliseconds: list[float]
    requests: int
    calls: int
    read_units: float

    def cells(self) -> tuple[str, str, str]:
        """Write requests, calls and read units for each."""
        count = len(self.milliseconds)
        return tuple(number(total / count) for total in (self.requests, self.calls, self.read_units))  # type: ignore[return-value]


def measure_cached(plan: Plan) -> list[ResultTable]:
    """Accept the same number of payments both ways, from a near endpoint and from a far one."""
    rows = []
    with RealChain.running() as chain:
        for name, is_cached in (("cached", True), ("read from the chain", False)):
            with step(f"Measuring acceptance, {name}"):
                near, far = (
                    _accepted(chain, plan.calls, seconds, is_cached) for seconds in (0, _FAR_SECONDS)
                )
            times = [number(percentile(one.milliseconds, 50)) for one in (near, far)]
            rows.append((name, *times, *near.cells()))
    columns = ("", "p50, ms", "p50, ms, 40 ms away", "RPC requests", "RPC calls", "read units")
    return [ResultTable("Acceptance, per payment", columns, rows, NOTE)]


def _accepted(chain: RealChain, count: int, extra_seconds: float, is_cached: bool) -> Acceptances:  # noqa: FBT001 (one of the two rows)
    with chain.rewound():
        world, rpc, tables = _world(chain, is_cached)
        payer = chain.world(unwrapped).payers[0]
        deadline = world.clock.now() // 1000 + _DEADLINE_SECONDS
        world.post(payer.pay(1, fee=0, deadline=deadline))
        _confirm(world)
        for _ in range(4):
            world.watch_once()
        bodies = [payer.pay(1, fee=0, deadline=deadline) for _ in range(count)]
        world.post(payer.pay(1, fee=0, deadline=deadline))  # the first of a process reads more
        rpc.extra_seconds = extra_seconds
        before = rpc.requests, rpc.calls, sum(tables.read_units.values())
        times = [_milliseconds(world, body) for body in bodies]
        after = rpc.requests, rpc.calls, sum(tables.read_units.values())
        _check(world, count + 1, is_cached)
    requests, calls, units = (later - earlier for later, earlier in zip(after, before, strict=True))
    return Acceptances(times, int(requests), int(calls), units)


def _world(chain: RealChain, is_cached: bool) -> tuple[World, CountingRpc, CountingTables]:  # noqa: FBT001 (as above)
    world, tables = chain.world(unwrapped).world, CountingTables()
    rpc = CountingRpc(chain.settings.chain_id, FakeEndpoints(chain.rpc_url), metrics=FakeMetrics())
    world.chain = EvmChain(chain.settings, rpc, world.clock)
    world.tables = tables
    if not is_cached:
        world.settings = chain.settings.model_copy(update={"cache_max_age_ms": Milliseconds(0)})
    world.restart()
    return world, rpc, tables


def _confirm(world: World) -> None:
    """Have the payer's first payment mined: from its log on watch knows the payer."""
    while world.deliver():
        world.follow(run_ms=_RUN_MS)


def _milliseconds(world: World, body: dict[str, Any]) -> float:
    started = time.perf_counter()
    world.post(body)
    return (time.perf_counter() - started) * 1000


def _check(world: World, count: int, is_cached: bool) -> None:  # noqa: FBT001 (as above)
    """Make sure that it was measured what it says.

    Raises:
        LocalStackError: it was not.

    """
    asked = [named["outcome"] for metric, _, named in world.metrics.added if metric is Metric.CACHED_READING]
    judged = asked.count("judged")
    if judged < count if is_cached else judged:
        raise LocalStackError(f"{judged} of {count} acceptances rested on the cache")
