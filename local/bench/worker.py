"""One process of a deployed function: services of its own over tables, a queue and a chain that all share."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.domain.chain import MOST_RPC_CALLS, ChainSettings
from ferryman.ports import Signer
from local.bench.shared_tables import SharedTables
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.fakes.queue import FakeQueue
from tests.fakes.talk import FakeConfirmer
from tests.fakes.world import World


@dataclass
class RpcCount:
    """The Tracing port: counts what a process asks of the chain."""

    requests: int = 0
    """Over HTTP."""
    calls: int = 0

    @contextmanager
    def span(self, name: str, **annotations: str | int) -> Iterator[None]:  # noqa: ARG002 (the port's)
        """Count one batch of calls."""
        calls = int(annotations.get("calls", 0))
        self.calls += calls
        self.requests += -(-calls // MOST_RPC_CALLS)
        yield


@dataclass
class Worker:
    """A process that does one thing again and again, in a thread here; its own time is counted."""

    function: str
    world: World
    tables: SharedTables
    rpc: RpcCount
    turn: Callable[[World], object]
    """Does what there is to do; whether there was anything."""
    idle_seconds: float
    """How long it rests when there is nothing."""
    cpu_seconds: float = field(default=0.0, init=False)
    """With that of the tables in memory."""

    def forget(self) -> None:
        """Count from nothing."""
        self.world.metrics.added.clear()
        self.cpu_seconds = self.tables.cpu_seconds = 0.0
        self.tables.requests = self.rpc.requests = self.rpc.calls = 0

    def run(self, over: threading.Event) -> None:
        """Go on until it is over."""
        started = time.thread_time()
        try:
            while not over.is_set():
                if not self.turn(self.world):
                    time.sleep(self.idle_seconds)
        except BaseException:
            over.set()  # without it nothing would ever end
            raise
        finally:
            self.cpu_seconds += time.thread_time() - started


@dataclass(frozen=True)
class Deployment:
    """What all processes share."""

    settings: ChainSettings
    rpc_url: str
    signer: Callable[[], Signer]
    """Gives each process a client of its own."""
    queue: FakeQueue
    tables: SharedTables = field(default_factory=SharedTables)
    starts: FakeConfirmer = field(default_factory=FakeConfirmer)
    """Who asks for a run of confirm."""

    def world(self) -> tuple[World, SharedTables, RpcCount]:
        """Build the services of one more process; its tables and its calls are counted."""
        tables, clock, rpc = self.tables.beside(), SystemClock(), RpcCount()
        endpoints, chain_id = FakeEndpoints(self.rpc_url), self.settings.chain_id
        json_rpc = JsonRpc(chain_id, endpoints, metrics=FakeMetrics(), tracing=rpc)
        chain = EvmChain(self.settings, json_rpc, clock)
        world = World(
            self.settings,
            chain,
            self.signer(),
            clock,
            tables=tables,
            queue=self.queue,
            confirmer=self.starts,
        )
        return world, tables, rpc

    def worker(self, function: str, turn: Callable[[World], object], *, idle_seconds: float) -> Worker:
        """Build a process of a function."""
        world, tables, rpc = self.world()
        return Worker(function, world, tables, rpc, turn, idle_seconds)
