"""The Python client on the deployed template: its README's example, and a payment followed to its end."""

import asyncio
import os
import queue
import re
import subprocess
import sys
import threading
import time
from typing import Any, Final

import pytest

from ferryman_client import (
    AsyncClient,
    Client,
    Event,
    ForbiddenError,
    InsufficientFundsError,
    InvalidRequestError,
    Status,
    TransactionFailedError,
    UnauthorizedError,
    WaitTimeoutError,
)
from local.accounts import dev_account
from tests.e2e.stack import Stack
from tests.support.template import ROOT

README = ROOT / "clients" / "python" / "README.md"
PATIENT: Final[dict[str, Any]] = {"timeout": 60.0, "patience": 120.0, "chain_id": 31337}
"""The emulator starts its workers one by one, on a machine that is shared."""
EVENTS = ["payment_accepted", "payment_pending", "payment_confirmed"]


def test_the_example_of_the_readme_pays_and_follows(stack: Stack) -> None:
    """Word for word, in a process of its own: ten lines of code."""
    (example,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        if "Client(" in block
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "clients" / "python" / "src"),
        "FERRYMAN_URL": stack.description.api_url,
        "PAYER_KEY": bytes(dev_account(22).key).hex(),
        "PAYEE": dev_account(23).address,
    }

    ended = subprocess.run(
        [sys.executable, "-c", example],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ended.returncode == 0, ended.stderr
    first, *told = ended.stdout.splitlines()
    assert first == "VALIDATED assured"
    assert [line.split()[1] for line in told] == EVENTS
    assert len([line for line in example.splitlines() if line and "import" not in line]) <= 10


def test_a_signed_payment_may_be_sent_again_and_is_paid_once(stack: Stack) -> None:
    """Kept before it is sent; waited for; known by its record."""
    payee, usdc = dev_account(24).address, stack.contracts.usdc.functions
    before = usdc.balanceOf(payee).call()
    with Client(stack.description.api_url, signer=dev_account(25), **PATIENT) as client:
        signed = client.sign(payee, 1_000)
        first, again = client.send(signed), client.send(signed)
        confirmed = client.wait_for(first.transaction_id, timeout=90)
        events = client.events(first.transaction_id)

    assert again.transaction_id == first.transaction_id
    assert (confirmed.status, confirmed.confirmations >= 1) == (Status.CONFIRMED, True)
    assert [one.name for one in events] == EVENTS
    assert usdc.balanceOf(payee).call() == before + 1_000


def test_many_payments_are_sent_and_followed_at_once(stack: Stack) -> None:
    """With an event loop."""

    async def paid() -> list[list[str]]:
        async with AsyncClient(stack.description.api_url, signer=dev_account(26), **PATIENT) as client:
            await client.deployment()

            async def one() -> list[str]:
                record = await client.pay(dev_account(27).address, 1_000)
                return [event.name async for event in client.follow(record.transaction_id)]

            return await asyncio.gather(*(one() for _ in range(5)))

    assert asyncio.run(paid()) == [EVENTS] * 5


def test_what_the_deployment_refuses_is_an_error_that_says_what(stack: Stack) -> None:
    """Of the problem's own code and fields; nothing was stored."""
    payer = dev_account(28)
    with Client(stack.description.api_url, signer=payer, **PATIENT) as client:
        with pytest.raises(InsufficientFundsError) as funds:
            client.pay(dev_account(29).address, 10**18)
        with pytest.raises(InvalidRequestError) as fields:
            client.pay(payer.address, 1_000)

    assert funds.value.code == "insufficient_funds"
    assert funds.value.needed > funds.value.free
    assert fields.value.errors[0].field == "to"


def test_a_wait_that_is_too_short_ends_and_the_payment_goes_on(stack: Stack) -> None:
    """Nothing is undone by not waiting."""
    with (
        Client(stack.description.api_url, signer=dev_account(31), **PATIENT) as client,
        stack.chain_stopped(),
    ):
        record = client.pay(dev_account(30).address, 1_000, fee=0)
        with pytest.raises((WaitTimeoutError, TransactionFailedError)):
            client.wait_for(record.transaction_id, timeout=2)

    assert stack.ended(record.transaction_id)["status"] == "CONFIRMED"


def test_a_payer_signs_in_lists_and_hears_of_all_its_payments(stack: Stack) -> None:
    """EIP-4361, a token, a ticket for the socket; nobody else's are shown."""
    url, payer = stack.description.api_url, dev_account(32)
    heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with Client(url, signer=payer, **PATIENT) as client, pytest.raises(UnauthorizedError):
        client.list()

    with Client(url, signer=payer, **PATIENT) as client:
        client.sign_in()
        before = client.list()
        with pytest.raises(ForbiddenError):
            client.list(dev_account(33).address)

        def listen() -> None:
            for event in client.follow_sender():
                heard.put(event)
                if event.status.is_over:
                    return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        time.sleep(3)
        with Client(url, signer=payer, **PATIENT) as another:
            record = another.pay(dev_account(34).address, 1_000)
        listener.join(timeout=120)
        after = client.list()
        client.sign_out()

    told = [heard.get_nowait() for _ in range(heard.qsize())]
    assert [one.name for one in told] == EVENTS
    assert {one.transaction_id for one in told} == {record.transaction_id}
    assert [one.transaction_id for one in after.records] == [
        record.transaction_id,
        *(one.transaction_id for one in before.records),
    ]
