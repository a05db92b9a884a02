"""One local stack for all end-to-end tests: the real template, IAM enforced, a real chain."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.paths import ROOT
from tests.e2e.denials import unexplained
from tests.e2e.stack import Stack

_STATE = ROOT / ".local" / "e2e"
"""Apart from a person's own stack, which may run beside the tests."""
_OF_TWO_CHAINS = ROOT / ".local" / "e2e-two-chains"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Start the stack on free ports, and stop it by its process ids."""
    with _started(_STATE) as started:
        yield started


@pytest.fixture(scope="module")
def two_chains() -> Iterator[Stack]:
    """Start another one, of two chains, for as long as a file's tests want it."""
    with _started(_OF_TWO_CHAINS, CHAINS="2") as started:
        yield started


@contextmanager
def _started(state: Path, **settings: str) -> Iterator[Stack]:
    environment = {
        **os.environ,
        "LOCAL_STATE": str(state),
        "WALLETS": "2",
        # The second is for x402: its packages know Base Sepolia and its USDC.
        "CHAIN_IDS": "31337,84532",
        "BLOCK_TIME": "1",
        "AWS_ENDPOINT_URL": "",
        **settings,
    }
    _local("stack", environment, "--detach")
    try:
        started = Stack.read(state)
        yield started
        denied = unexplained(started.denials(), started.purposes)
    finally:
        _local("down", environment)
    # Here and not in a test: whatever the functions were asked for by then has been asked.
    assert not denied, "a function lacks a permission: " + "\n".join(map(str, denied))


def _local(module: str, environment: dict[str, str], *flags: str) -> None:
    command = [sys.executable, "-m", f"local.{module}", *flags]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, (
        ended.stdout + ended.stderr + _log(Path(environment["LOCAL_STATE"]) / "logs" / "stack.log")
    )


def _log(path: Path) -> str:
    return path.read_text()[-4_000:] if path.exists() else ""
