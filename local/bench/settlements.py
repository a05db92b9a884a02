"""Settlements by x402 in this process: verified, accepted, sent in batches and confirmed, on a real anvil."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from time import perf_counter

from ferryman.domain.transaction import Transaction
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.errors import LocalStackError
from local.progress import step
from local.summary import percentile
from tests.faults.real_chain import RealChain
from tests.faults.test_settlements_on_anvil import RealMarket, market_on

_TOGETHER = 40
_VERIFIED = 100
NOTE = (
    "One process, one thread, tables in memory, one RPC batch a verification. *Accept* is `/settle` up to "
    "its row; *send* simulates, binds, signs and broadcasts; *confirm* ends them all. Gas is what each bears "
    "of its transaction, the payee's balance warm after the first."
)


def measure_settlements(plan: Plan) -> list[ResultTable]:
    """Settle one alone, then many in batches of forty."""
    count = plan.batched_payments
    with step(f"Settling {count} payments in process"), RealChain.running() as chain:
        limits = chain.settings.sender_limits.model_copy(update={"per_minute": 60_000, "burst": 10_000})
        settings = chain.settings.model_copy(update={"batch_size": _TOGETHER, "sender_limits": limits})
        market = market_on(replace(chain, settings=settings), patience_ms=1)
        market.others.is_working = False
        return [_settled(market, count)]


def _settled(market: RealMarket, count: int) -> ResultTable:
    alone, *bodies = [market.asked(number, value=10_000) for number in range(1, count + 2)]
    market.facilitator.settle(alone)
    market.real.world.settle()
    verified = []
    for body in bodies[:_VERIFIED]:
        began = perf_counter()
        answer = market.facilitator.verify(body)
        verified.append((perf_counter() - began) * 1_000)
        if not answer["isValid"]:
            raise LocalStackError(f"a payment was not valid: {answer['invalidReason']}")
    times = [perf_counter()]
    for body in bodies:
        market.facilitator.settle(body)
    times.append(perf_counter())
    hints = market.real.world.queue.everything()
    for first in range(0, len(hints), _TOGETHER):
        market.real.world.submit(hints[first : first + _TOGETHER])
    times.append(perf_counter())
    market.real.world.queue.lose()
    market.real.world.settle()
    times.append(perf_counter())
    rows = market.real.world.rows()
    if len(rows) != count + 1 or any(row.reason or row.hash is None for row in rows):
        raise LocalStackError("not every payment was settled")
    return _table(verified, times, rows, count)


def _table(
    verified: Sequence[float], times: Sequence[float], rows: Sequence[Transaction], count: int
) -> ResultTable:
    accepting, sending, confirming = (after - before for before, after in pairwise(times))
    shares = [row.gas_share or 0 for row in rows if row.batch_size]
    alone = [row.gas_used or 0 for row in rows if not row.batch_size]
    return ResultTable(
        f"x402 in process, {count} settlements in batches of {_TOGETHER}",
        ("", "measured"),
        [
            ("verify, p50 (ms)", number(percentile(verified, 50))),
            ("verify, p95 (ms)", number(percentile(verified, 95))),
            ("accept, a second", number(count / accepting)),
            ("send, a second", number(count / sending)),
            ("confirm, a second", number(count / confirming)),
            ("gas of one alone", number(sum(alone) / len(alone))),
            ("gas of one in a batch", number(sum(shares) / max(len(shares), 1))),
        ],
        NOTE,
    )
