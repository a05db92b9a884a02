"""Payments sent to the stack, paced or all at once, and followed over the WebSocket to their end."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from local.accounts import dev_account
from local.bench.plan import Plan
from local.client import ApiClient
from local.description import StackDescription
from local.payments import SignedPayment, sign_payment
from local.summary import Summary
from local.watching import Watch, WatchedPayment

Send = Callable[[StackDescription, Sequence[SignedPayment], Plan], Coroutine[Any, Any, Summary]]
"""Sends payments and follows them to their end."""

_POLL_SECONDS = 0.02


def signed_payments(stack: StackDescription, *, count: int, senders: int) -> list[SignedPayment]:
    """Sign payments of 1 USDC, the senders in turn, each to the next account."""
    accounts = stack.accounts
    return [
        sign_payment(stack, dev_account(index % senders), accounts[(index + 1) % len(accounts)])
        for index in range(count)
    ]


async def send_all(stack: StackDescription, payments: Sequence[SignedPayment], plan: Plan) -> Summary:
    """Send payments as fast as a limited number of clients can.

    Raises:
        TimeoutError: some did not end in time.

    """
    slots = asyncio.Semaphore(plan.concurrency)

    async def post(watch: Watch, payment: SignedPayment) -> None:
        async with slots:
            await watch.post(payment)

    async with ApiClient.open(stack) as client, asyncio.timeout(plan.stack_seconds):
        watch = _watch(client, payments)
        async with watch.listening(_topics(payments)):
            started = time.monotonic()
            await asyncio.gather(*(post(watch, payment) for payment in payments))
            await _all_ended(watch)
            return Summary(list(watch.payments.values()), time.monotonic() - started)


async def send_paced(stack: StackDescription, payments: Sequence[SignedPayment], plan: Plan) -> Summary:
    """Send payments from one client, one after the other at an even pace.

    Raises:
        TimeoutError: some did not end in time.

    """
    async with ApiClient.open(stack) as client, asyncio.timeout(plan.stack_seconds):
        watch = _watch(client, payments)
        async with watch.listening(_topics(payments)):
            started = time.monotonic()
            for number, payment in enumerate(payments):
                await asyncio.sleep(started + number * plan.pace_seconds - time.monotonic())
                await watch.post(payment)
            await _all_ended(watch)
            return Summary(list(watch.payments.values()), time.monotonic() - started)


def _watch(client: ApiClient, payments: Sequence[SignedPayment]) -> Watch:
    return Watch(client, {payment.transaction_id: WatchedPayment() for payment in payments})


async def _all_ended(watch: Watch) -> None:
    ended = watch.ended()
    while ended < len(watch.payments):
        await asyncio.sleep(_POLL_SECONDS)
        ended = watch.ended()


def _topics(payments: Sequence[SignedPayment]) -> list[str]:
    return [f"sender:{sender}" for sender in sorted({payment.body["from"] for payment in payments})]
