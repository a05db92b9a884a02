"""Settlements by x402 in this process: verified, accepted, sent in batches and confirmed, on a real anvil."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import mean
from time import perf_counter
from typing import Any, Final

from ferryman.domain.transaction import Transaction
from local.bench.flood import WALLET_KEYS
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.settling import PROCESSES, Settling
from local.errors import LocalStackError
from local.progress import step
from local.summary import percentile
from tests.faults.real_chain import RealChain, request
from tests.faults.test_settlements_on_anvil import RealMarket, market_on

_TOGETHER: Final = 40
_VERIFIED: Final = 100
_VALUE: Final = 10_000
_ROWS: Final = (
    "verify, p50 (ms)",
    "verify, p95 (ms)",
    "accept, a second",
    "send, a second",
    "confirm, a second",
    "all of it, a second",
    "gas of one alone",
    "gas of one in a batch",
)
NOTE = (
    "One process, one thread, tables in memory, one RPC batch a verification. *Accept* is `/settle` up to "
    "its row; *send* simulates, binds, signs and broadcasts; *confirm* ends them all; *all of it* is the "
    "three one after the other. Gas is what each bears of its transaction, the payee's balance warm after "
    "the first; a payer's account and balance are warm if he pays again in the same one."
)
WAITING_NOTE = (
    "`POST /settle` from the body to the answer, by the services that Lambda runs and a real anvil with a "
    "block each second; tables in memory, each caller a process of its own, as on Lambda, {workers}; all are "
    "threads of one interpreter here. {wallets} wallets, {payers} payers. Who waits for a block asks no more "
    "than once a block: *at most, by the wait* is callers / mean wait, which is what *a second* comes to. "
    "*Computes* is the caller's processor time for one, with all its looks at the row."
)


@dataclass(frozen=True)
class _Phases:
    """What came of one run in batches."""

    verified_ms: Sequence[float]
    seconds: Sequence[float]
    """All of them took to be accepted, sent and confirmed."""
    rows: Sequence[Transaction]

    def cells(self) -> list[str]:
        """Write it as a column."""
        count = len(self.rows) - 1
        shares = [row.gas_share or 0 for row in self.rows if row.batch_size]
        alone = [row.gas_used or 0 for row in self.rows if not row.batch_size]
        return [
            *(number(percentile(self.verified_ms, percent)) for percent in (50, 95)),
            *(number(count / each) for each in (*self.seconds, sum(self.seconds))),
            number(sum(alone) / len(alone)),
            number(sum(shares) / max(len(shares), 1)),
        ]


def measure_settlements(plan: Plan) -> list[ResultTable]:
    """Settle one alone, many in batches of forty, and with callers that wait for each."""
    return [_in_batches(plan), _waited_for(plan)]


def _in_batches(plan: Plan) -> ResultTable:
    count, columns = plan.batched_payments, list[list[str]]()
    for payers in (1, plan.settling_payers):
        with (
            step(f"Settling {count} payments of {payers} in process"),
            RealChain.running(payers=payers + 2) as chain,
        ):
            limits = chain.settings.sender_limits.model_copy(update={"per_minute": 60_000, "burst": 10_000})
            settings = chain.settings.model_copy(update={"batch_size": _TOGETHER, "sender_limits": limits})
            market = market_on(replace(chain, settings=settings), patience_ms=1)
            market.others.is_working = False
            columns.append(_phases(market, count, payers).cells())
    return ResultTable(
        f"x402 in process, {count} settlements in batches of {_TOGETHER}",
        ("", "of one payer", f"of {plan.settling_payers} payers"),
        list(zip(_ROWS, *columns, strict=True)),
        NOTE,
    )


def _phases(market: RealMarket, count: int, payers: int) -> _Phases:
    alone, *bodies = _bodies(market, count + 1, payers)
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
    return _Phases(verified, [after - before for before, after in pairwise(times)], rows)


def _waited_for(plan: Plan) -> ResultTable:
    """Let callers wait for one settlement after the other, after a first one that warms it all up."""
    rows = []
    for callers in plan.settling_callers:
        count = callers * plan.settlements_each
        with (
            step(f"Settling {count} payments, {callers} callers waiting"),
            RealChain.running(payers=plan.settling_payers + 2, wallet_keys=WALLET_KEYS) as chain,
        ):
            bodies = _bodies(market_on(chain), count + callers, plan.settling_payers)
            settling = Settling.over(chain, WALLET_KEYS)
            request(chain.web3, "evm_setIntervalMining", 1)
            settling.receipts(settling.settle(bodies[:callers], at_once=callers)[0])
            rows.append(_waited(settling, bodies[callers:], callers))
    columns = ("callers", "settled", "a second", "p50 ms", "p95 ms", "at most, by the wait")
    workers = " and ".join(f"{count} of {name}" for name, count in PROCESSES.items())
    return ResultTable(
        "x402 in process, callers that wait for their block",
        (*columns, "computes, ms", "transactions", "gas each"),
        rows,
        WAITING_NOTE.format(workers=workers, wallets=len(WALLET_KEYS), payers=plan.settling_payers),
    )


def _waited(settling: Settling, bodies: Sequence[dict[str, Any]], callers: int) -> tuple[str, ...]:
    answers, seconds = settling.settle(bodies, at_once=callers)
    receipts, waits = settling.receipts(answers), [one.milliseconds for one in answers]
    return (
        str(callers),
        f"{len(answers)} of {len(bodies)}",
        number(len(answers) / seconds),
        *(number(percentile(waits, percent)) for percent in (50, 95)),
        number(callers * 1_000 / mean(waits)),
        number(mean(one.computed_ms for one in answers)),
        str(len(receipts)),
        number(sum(receipt["gasUsed"] for receipt in receipts) / len(answers)),
    )


def _bodies(market: RealMarket, count: int, payers: int) -> list[dict[str, Any]]:
    paying = market.payers()[:payers]
    return [market.asked(place, value=_VALUE, by=paying[place % payers]) for place in range(count)]
