"""Sellers that wait for `/settle`, over a real anvil: each request has a process of its own, as on Lambda."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from web3.types import TxReceipt

from ferryman.adapters.http.answers import ok
from ferryman.adapters.http.requests import json_body
from ferryman.domain.units import Milliseconds
from local.bench.fifo import FifoQueue
from local.bench.kms_keys import kms_signer
from local.bench.shared_tables import SharedTables
from local.bench.worker import Deployment, Worker
from local.errors import LocalStackError
from tests.fakes.market import facilitator_over
from tests.fakes.world import World
from tests.faults.real_chain import RealChain

PROCESSES: Final[Mapping[str, int]] = {"submit": 3, "confirm": 1}
"""Processes of each function, besides those that wait."""
_PATIENCE_MS: Final = Milliseconds(20_000)
"""As the template has it."""
_RUN_MS: Final = 6_000
_IDLE_SECONDS: Final = 0.005
_JSON: Final = {"content-type": "application/json"}


@dataclass(frozen=True)
class Answered:
    """One answer of `/settle`."""

    body: Mapping[str, Any]
    milliseconds: float
    """From the request to it, with the wait."""
    computed_ms: float
    """Of that, processor time without that of the tables in memory."""


@dataclass(frozen=True)
class Settling:
    """A deployment whose `/settle` many ask at once."""

    chain: RealChain
    deployment: Deployment
    workers: Sequence[Worker]

    @classmethod
    def over(
        cls, chain: RealChain, keys: Sequence[bytes], processes: Mapping[str, int] = PROCESSES
    ) -> "Settling":
        """Build one with nothing stored yet.

        Args:
            chain: whose blocks come by themselves.
            keys: of its relayer wallets.
            processes: how many there are of submit and of confirm.

        """
        deployment = Deployment(chain.settings, chain.rpc_url, lambda: kms_signer(keys), queue=FifoQueue())

        def confirm(world: World) -> bool:
            if not deployment.starts.started:
                return False
            deployment.starts.started.clear()
            world.follow(run_ms=_RUN_MS)
            return True

        turns: dict[str, Callable[[World], object]] = {"submit": World.deliver, "confirm": confirm}
        workers = [
            deployment.worker(function, turns[function], idle_seconds=_IDLE_SECONDS)
            for function, count in processes.items()
            for _ in range(count)
        ]
        return cls(chain, deployment, workers)

    def settle(self, bodies: Sequence[Mapping[str, Any]], *, at_once: int) -> tuple[list[Answered], float]:
        """Ask for all settlements, so many at a time.

        Returns:
            Every answer, and the seconds from the first request to the last answer.

        """
        waiting = deque(map(_request, bodies))
        callers = [self._caller() for _ in range(at_once)]
        answers: list[Answered] = []
        over = threading.Event()
        with ThreadPoolExecutor(len(self.workers) + at_once) as threads:
            running = [threads.submit(worker.run, over) for worker in self.workers]
            began = time.perf_counter()
            try:
                for asking in [threads.submit(_ask_on, caller, waiting, answers) for caller in callers]:
                    asking.result()
            finally:
                over.set()
            seconds = time.perf_counter() - began
            for one in running:
                one.result()
        return answers, seconds

    def receipts(self, answers: Sequence[Answered]) -> list[TxReceipt]:
        """Read the receipt of each transaction that the answers name.

        Raises:
            LocalStackError: an answer is no success, or its transaction has failed.

        """
        refused = [one.body for one in answers if not one.body["success"]]
        if refused:
            raise LocalStackError(f"{len(refused)} of {len(answers)} were not settled: {refused[:3]}")
        named = {str(one.body["transaction"]) for one in answers}
        found = [self.chain.web3.eth.get_transaction_receipt(name) for name in sorted(named)]  # type: ignore[arg-type]
        if any(receipt["status"] != 1 for receipt in found):
            raise LocalStackError("a transaction that was named as a settlement has failed")
        return found

    def _caller(self) -> Callable[[Mapping[str, Any]], Answered]:
        """Build a process of x402."""
        world, tables, _ = self.deployment.world()
        facilitator = facilitator_over(world, world.clock, _PATIENCE_MS)

        def ask(event: Mapping[str, Any]) -> Answered:
            began, computed = time.perf_counter(), _computed(tables)
            answer = ok(facilitator.settle(json_body(event)))
            milliseconds = (time.perf_counter() - began) * 1_000
            return Answered(json.loads(answer["body"]), milliseconds, (_computed(tables) - computed) * 1_000)

        return ask


def _request(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"headers": _JSON, "body": json.dumps(body), "isBase64Encoded": False}


def _ask_on(
    ask: Callable[[Mapping[str, Any]], Answered],
    waiting: deque[dict[str, Any]],
    answers: list[Answered],
) -> None:
    """Ask for one settlement after the other, until none waits."""
    while True:
        try:
            event = waiting.popleft()
        except IndexError:
            return
        answers.append(ask(event))


def _computed(tables: SharedTables) -> float:
    return time.thread_time() - tables.cpu_seconds
