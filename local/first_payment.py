"""One real payment of 1 USDC, with every event printed as it arrives."""

import asyncio
import time

from local.accounts import dev_account
from local.client import ENDED, ApiClient, HeardEvent
from local.description import StackDescription
from local.errors import LocalStackError
from local.payments import sign_payment
from local.progress import console

_TIMEOUT_SECONDS = 60.0
_PAYEE_INDEX = 1


async def pay_once(stack: StackDescription) -> None:
    """Subscribe, post a payment, and print its events until it is confirmed.

    Raises:
        LocalStackError: it was refused, or failed.
        TimeoutError: it did not end.

    """
    payment = sign_payment(stack, dev_account(0), stack.accounts[_PAYEE_INDEX])
    console.print(
        f"\nPaying 1 USDC on chain {stack.chain_id} from {stack.accounts[0]} "
        f"to {stack.accounts[_PAYEE_INDEX]}, signed off-chain",
        soft_wrap=True,
    )
    async with ApiClient.open(stack) as client, asyncio.timeout(_TIMEOUT_SECONDS):
        # Before posting, so that nothing can be missed.
        await client.subscribe(f"transaction:{payment.transaction_id}")
        posted_at = time.monotonic()
        record = await client.post(payment)
        accepted = f"202 {record['status']} {record['transaction_id']}"
        console.print(f"  {_ms_since(posted_at):>6} {accepted}", soft_wrap=True)
        last = await _print_events(client, posted_at)
        if last.status != "CONFIRMED":
            raise LocalStackError(f"the payment ended as {last.status}: {last.data}")
        record = await client.record(payment.transaction_id)
    console.print(
        f"[bold green]CONFIRMED[/] in block {record['block_number']}, transaction {record['hash']}\n",
        soft_wrap=True,
    )


async def _print_events(client: ApiClient, posted_at: float) -> HeardEvent:
    """Print events in their order until one ends the payment, and return that one."""
    heard: set[int] = set()
    async for event in client.events():
        if event.sequence in heard:
            continue
        heard.add(event.sequence)
        details = "".join(f" {name}={value}" for name, value in event.data.items() if value is not None)
        console.print(f"  {_ms_since(posted_at):>6} {event.name} [dim]{details}[/]", soft_wrap=True)
        if event.status in ENDED:
            return event
    raise LocalStackError("the WebSocket closed before the payment ended")


def _ms_since(start: float) -> str:
    return f"{(time.monotonic() - start) * 1000:.0f} ms"
