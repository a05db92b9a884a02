"""The local chain: anvil, from the npm packages of contracts/."""

import os
from collections.abc import Sequence
from pathlib import Path

from web3 import HTTPProvider, Web3

from local.accounts import MNEMONIC
from local.errors import LocalStackError
from local.paths import ROOT
from local.ports import LOOPBACK, choose_port
from local.process import ChildProcess
from local.settings import StackSettings

_READY_SECONDS = 20.0
_PREFERRED_PORT = 8545


def start_anvil(
    settings: StackSettings, place: int = 0, *, chain: Path | None = None
) -> tuple[ChildProcess, str]:
    """Start a chain, wait until it answers, and return it with its RPC address.

    Args:
        settings: of the local stack.
        place: which of its chains, counted from 0.
        chain: a file with the chain to go on with, as anvil dumps it; None begins a new one.

    """
    configured = settings.rpc_port and settings.rpc_port + place
    port = choose_port(configured, preferred=_PREFERRED_PORT + place, variable="RPC_PORT")
    rpc_url = f"http://{LOOPBACK}:{port}"
    command = [*_command(settings, place), "--port", str(port)]
    if chain:
        command += ["--load-state", str(chain)]
    process = ChildProcess.start(node_name(settings.chain_ids, place), command, os.environ)
    try:
        node = Web3(HTTPProvider(rpc_url))
        process.wait_until(node.is_connected, timeout_seconds=_READY_SECONDS)
    except BaseException:
        process.stop()
        raise
    return process, rpc_url


def node_name(chain_ids: Sequence[int], place: int) -> str:
    """Name the process of the chain at a place."""
    return f"anvil-{chain_ids[place]}" if place else "anvil"


def _command(settings: StackSettings, place: int) -> list[str]:
    return [
        anvil_binary(),
        *("--host", LOOPBACK),
        *("--chain-id", str(settings.chain_ids[place])),
        *("--block-time", f"{settings.block_time_seconds(place):g}"),
        *("--mnemonic", MNEMONIC),
        *("--accounts", str(settings.accounts)),
    ]


def anvil_binary() -> str:
    """Find anvil itself: the npm launcher would be one more process between us and the chain."""
    packages = ROOT / "contracts" / "node_modules" / "@foundry-rs"
    found = sorted(packages.glob("anvil-*/bin/anvil*"))
    if not found:
        raise LocalStackError(f"no anvil for this machine under {packages}; `make setup` installs it")
    return str(found[0])
