"""The local chain: anvil, from the npm packages of contracts/."""

import os

from web3 import HTTPProvider, Web3

from local.accounts import MNEMONIC
from local.errors import LocalStackError
from local.paths import ROOT
from local.ports import LOOPBACK, choose_port
from local.process import ChildProcess
from local.settings import CHAIN_ID, StackSettings

_READY_SECONDS = 20.0
_PREFERRED_PORT = 8545


def start_anvil(settings: StackSettings) -> tuple[ChildProcess, str]:
    """Start the chain, wait until it answers, and return it with its RPC address."""
    port = choose_port(settings.rpc_port, preferred=_PREFERRED_PORT, variable="RPC_PORT")
    rpc_url = f"http://{LOOPBACK}:{port}"
    process = ChildProcess.start("anvil", [*_command(settings), "--port", str(port)], os.environ)
    try:
        chain = Web3(HTTPProvider(rpc_url))
        process.wait_until(chain.is_connected, timeout_seconds=_READY_SECONDS)
    except BaseException:
        process.stop()
        raise
    return process, rpc_url


def _command(settings: StackSettings) -> list[str]:
    return [
        anvil_binary(),
        *("--host", LOOPBACK),
        *("--chain-id", str(CHAIN_ID)),
        *("--block-time", f"{settings.block_time_seconds:g}"),
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
