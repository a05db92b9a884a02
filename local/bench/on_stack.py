"""(A) The whole way on the local stack: HTTPS to chain and back over WebSocket."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from local.bench.costs import payment_costs
from local.bench.emulator import emulator_table
from local.bench.executed import Executed, executed_since, head_of
from local.bench.paying import Send, send_all, send_paced, signed_payments
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.targets import TARGETS, target_table
from local.bench.usage import Usage, now_ms, usage_between, usage_table
from local.description import StackDescription
from local.errors import LocalStackError
from local.payments import SignedPayment
from local.progress import step
from local.summary import Summary, percentile


@dataclass(frozen=True)
class Paid:
    """Payments that ended, and what the chain says of them."""

    payments: Sequence[SignedPayment]
    summary: Summary
    executed: Executed
    usage: Usage
    """What the functions used meanwhile."""

    def check(self) -> None:
        """Make sure that each was confirmed and executed once.

        Raises:
            LocalStackError: some were not; then their times mean nothing.

        """
        once = self.executed.count(self.payments, times=1)
        if not self.summary.all_confirmed or once != len(self.payments) or self.executed.count_twice():
            raise LocalStackError(
                f"of {len(self.payments)} payments {len(self.summary.confirmed)} are CONFIRMED, "
                f"{once} were executed once, {self.executed.count_twice()} more than once; "
                f"refused: {[payment.refusal for payment in self.summary.refused[:3]]}"
            )


def measure_on_stack(stack: StackDescription, plan: Plan) -> tuple[list[ResultTable], ResultTable]:
    """Measure one client, then many, then what of the time is the emulator's; and price what was used.

    Raises:
        LocalStackError: a payment was not confirmed, or not executed exactly once.

    """
    if len(stack.accounts) < plan.burst_senders:
        raise LocalStackError(f"the stack has too few accounts: start it with ACCOUNTS={plan.burst_senders}")
    with step(f"Warming up with {plan.warm_up_payments} payments"):
        _pay(stack, plan, count=plan.warm_up_payments, send=send_all)
    with step(f"Sending {plan.paced_payments} payments from one client"):
        paced = _pay(stack, plan, count=plan.paced_payments, send=send_paced)
    with step(f"Sending {plan.burst_payments} payments, {plan.concurrency} at a time"):
        burst = _pay(stack, plan, count=plan.burst_payments, send=send_all)
    tables = [
        target_table([target.row(target.milliseconds(paced.summary)) for target in TARGETS]),
        _latency_table(stack, plan, paced.summary, burst.summary),
        _burst_table(stack, plan, burst),
        usage_table("What the functions use, one client", paced.usage, plan.paced_payments),
        usage_table(f"What they use, {plan.concurrency} at a time", burst.usage, plan.burst_payments),
        emulator_table(stack, plan, paced.summary),
    ]
    costs = payment_costs(paced.usage, burst.usage, counts=(plan.paced_payments, plan.burst_payments))
    return tables, costs


def _pay(stack: StackDescription, plan: Plan, *, count: int, send: Send) -> Paid:
    payments = signed_payments(stack, count=count, senders=plan.burst_senders)
    before, started_ms = head_of(stack), now_ms()
    summary = asyncio.run(send(stack, payments, plan))
    executed, used = executed_since(stack, before), usage_between(stack, started_ms, now_ms())
    paid = Paid(payments, summary, executed, used)
    paid.check()
    return paid


def _latency_table(stack: StackDescription, plan: Plan, paced: Summary, burst: Summary) -> ResultTable:
    rows = []
    for target in TARGETS:
        measured = [target.milliseconds(summary) for summary in (paced, burst)]
        cells = [number(percentile(values, percent)) for values in measured for percent in (50, 95)]
        rows.append([target.name, *cells])
    return ResultTable(
        "On the local stack (milliseconds)",
        ("", "one client p50", "p95", f"{plan.concurrency} at a time p50", "p95"),
        rows,
        f"One client: {len(paced.payments)} payments, one every {plan.pace_seconds * 1000:.0f} ms. "
        f"{plan.concurrency} at a time: {len(burst.payments)} payments from {plan.burst_senders} senders, "
        f"through {len(stack.wallets)} relayer wallets. "
        "Times of events are those at which the WebSocket pushed them.",
    )


def _burst_table(stack: StackDescription, plan: Plan, burst: Paid) -> ResultTable:
    total, seconds = len(burst.payments), burst.summary.seconds
    answered = max(payment.answered_at for payment in burst.summary.payments)
    posting = answered - min(payment.posted_at for payment in burst.summary.payments)
    rows = (
        ("CONFIRMED", f"{len(burst.summary.confirmed)} of {total}"),
        ("executed exactly once (PaymentExecuted logs)", f"{burst.executed.count(burst.payments, times=1)}"),
        ("executed more than once", f"{burst.executed.count_twice()}"),
        ("accepted a second", number(total / posting)),
        ("all CONFIRMED after, seconds", number(seconds)),
        ("CONFIRMED a second", number(total / seconds)),
    )
    title = f"{total} payments from {plan.burst_senders} senders, {plan.concurrency} at a time"
    return ResultTable(f"{title}, {len(stack.wallets)} wallets", ("", "measured"), rows)
