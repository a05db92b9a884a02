"""Payments to the running stack: `python -m local.demo` sends many and sums up how it went."""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.accounts import dev_account
from local.arguments import Arguments, whole_number
from local.client import ApiClient
from local.description import StackDescription
from local.errors import LocalStackError
from local.payments import SignedPayment, sign_payment
from local.progress import console
from local.summary import Summary, show_summary
from local.watching import Watch

_TIMEOUT_SECONDS = 600.0
_POLL_SECONDS = 0.1
_TELL_SECONDS = 10.0


class Counted(Protocol):
    """Payments on their way."""

    def answered(self) -> int:
        """Count those whose request was answered."""
        ...

    def ended(self) -> int:
        """Count those that have ended."""
        ...


async def pay_many(stack: StackDescription, *, count: int, senders: int, concurrency: int) -> Summary:
    """Send `count` payments of 1 USDC from `senders` accounts and follow all to their end.

    Where there are several chains, each has its turn.

    Raises:
        LocalStackError: the stack has fewer accounts.
        TimeoutError: some payment did not end.

    """
    payments = _signed(stack, count=count, senders=senders)
    topics = [f"sender:{sender}" for sender in stack.accounts[:senders]]
    async with ApiClient.open(stack) as client, asyncio.timeout(_TIMEOUT_SECONDS):
        watch = Watch(client)
        async with watch.listening(topics):
            started = time.monotonic()
            await _send_and_follow(watch, payments, concurrency)
            seconds = time.monotonic() - started
    return Summary(list(watch.payments.values()), seconds)


def main() -> int:
    """Run the command line."""
    parser = Arguments(prog="python -m local.demo", description=__doc__)
    for name, default, what in (
        ("count", "100", "payments to send"),
        ("senders", "10", "accounts to send them from"),
        ("concurrency", "16", "posts at the same time"),
    ):
        variable = name.upper()
        preset = os.environ.get(variable) or default
        parser.add_argument(
            f"--{name}",
            type=whole_number(variable, 1),
            default=preset,
            help=f"{what} ({variable}, default {default})",
        )
    arguments = parser.parse_args()
    try:
        summary = asyncio.run(pay_many(StackDescription.read(), **vars(arguments)))
    except (LocalStackError, TimeoutError) as error:
        console.print(str(error) or "not all ended in time", style="red", markup=False)
        return 1
    show_summary(summary)
    return 0 if summary.all_confirmed else 1


def _signed(stack: StackDescription, *, count: int, senders: int) -> list[SignedPayment]:
    if not 1 <= senders <= len(stack.accounts):
        raise LocalStackError(
            f"SENDERS must be 1 to {len(stack.accounts)}; start the stack with ACCOUNTS=n for more"
        )
    chains, accounts = stack.by_chain(), stack.accounts
    turns = ((chains[index % len(chains)], index // len(chains)) for index in range(count))
    return [
        sign_payment(chain, dev_account(turn % senders), accounts[(turn + 1) % len(accounts)])
        for chain, turn in turns
    ]


async def _send_and_follow(watch: Watch, payments: Sequence[SignedPayment], concurrency: int) -> None:
    free_slots = asyncio.Semaphore(concurrency)

    async def post(payment: SignedPayment) -> None:
        async with free_slots:
            await watch.post(payment)

    async with asyncio.TaskGroup() as tasks:
        for payment in payments:
            tasks.create_task(post(payment))
        if console.is_terminal:
            with _progress_bar() as progress:
                await _show_until_ended(watch, len(payments), progress)
        else:
            await tell_until_ended(watch, len(payments), every_seconds=_TELL_SECONDS)


async def _show_until_ended(watch: Watch, total: int, progress: Progress) -> None:
    sending, following = progress.add_task("answered", total=total), progress.add_task("ended", total=total)
    ended = 0
    while ended < total:
        await asyncio.sleep(_POLL_SECONDS)
        ended = watch.ended()
        progress.update(sending, completed=watch.answered())
        progress.update(following, completed=ended)


async def tell_until_ended(watch: Counted, total: int, *, every_seconds: float) -> None:
    """Print a line now and then: in a pipe or a log, a bar would stay unseen to the end."""
    started = told = time.monotonic()
    while watch.ended() < total:
        await asyncio.sleep(_POLL_SECONDS)
        now = time.monotonic()
        if now - told >= every_seconds:
            told = now
            console.print(
                f"{now - started:.0f} s: {watch.answered()} of {total} answered, {watch.ended()} ended"
            )


def _progress_bar() -> Progress:
    columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


if __name__ == "__main__":
    sys.exit(main())
