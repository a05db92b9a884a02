"""The examples' payers where nobody sells: what a person sees is a sentence, and no trace of calls."""

import os
import subprocess
from typing import Final

import pytest

from local.accounts import dev_account
from local.example import PAYER_INDEX, RUN
from local.ports import LOOPBACK, any_free_port

PAYERS: Final = ("payer_httpx", "payer_fetch")


@pytest.mark.parametrize("payer", PAYERS)
@pytest.mark.parametrize("wrong", ["nobody there", "no address"])
def test_a_payer_says_whom_it_cannot_reach(payer: str, wrong: str) -> None:
    """The seller may be down, or its address mistyped."""
    address = f"http://{LOOPBACK}:{any_free_port()}/weather" if wrong == "nobody there" else "weather"

    ended = run(payer, address)

    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"{address} does not answer")


@pytest.mark.parametrize("payer", PAYERS)
def test_a_payer_that_is_sent_nowhere_says_what_it_wants(payer: str) -> None:
    """Nothing at all would look like success."""
    ended = run(payer)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines() == ["which address? It is paid for if it asks for money."]


def run(payer: str, *addresses: str) -> subprocess.CompletedProcess[str]:
    """Send a payer to these addresses."""
    return subprocess.run(
        [*RUN[payer].command, *addresses],
        env={**os.environ, "PRIVATE_KEY": "0x" + bytes(dev_account(PAYER_INDEX).key).hex()},
        check=False,
        capture_output=True,
        text=True,
        timeout=60.0,
    )
