"""Trouble for the running local stack: `python -m local.outage node` and `python -m local.outage aws`."""

import gzip
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from local.anvil import node_name, start_anvil
from local.arguments import Arguments
from local.description import ChainDescription, StackDescription
from local.errors import LocalStackError
from local.ministack import SAVED, start_ministack
from local.paths import STATE
from local.process import end_group
from local.progress import console
from local.running import KnownProcess, leave_alone, take_over, written_down
from local.scratch import scratch_folder
from local.settings import StackSettings

_SAVED_SECONDS = 60.0
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1
_POSITIONS = "dynamodb_stream_positions"


def main() -> int:
    """Run the command line."""
    parser = Arguments(prog="python -m local.outage", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    node = commands.add_parser("node", help="kill a chain's node; it comes back without its mempool")
    node.add_argument("--chain", type=int, help="its id (default: that of the first chain)")
    aws = commands.add_parser("aws", help="end the emulator in order; it comes back with what it had")
    for command in (node, aws):
        command.add_argument("--seconds", type=float, default=20.0, help="how long it is away (default 20)")
    arguments = parser.parse_args()
    try:
        stack = StackDescription.read()
        if arguments.what == "node":
            told = kill_node(stack, arguments.chain or stack.chain_id, seconds=arguments.seconds)
        else:
            told = restart_aws(stack, seconds=arguments.seconds)
    except LocalStackError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    print(json.dumps(told))
    return 0


def kill_node(stack: StackDescription, chain_id: int, *, seconds: float) -> dict[str, float]:
    """Kill a chain's node, as when its machine dies, and start it again with its chain.

    It is killed as soon as its mempool has something to lose, or after a minute.

    Returns:
        `lost`: transactions that were in its mempool; `back_at`: Unix seconds, when it answered again.

    """
    chain_ids = [chain.chain_id for chain in stack.chains]
    if chain_id not in chain_ids:
        raise LocalStackError(f"the stack has no chain {chain_id}")
    place = chain_ids.index(chain_id)
    chain = stack.chains[place]
    process = _named(node_name(chain_ids, place))
    kept = STATE / f"chain-{chain_id}.json"
    leave_alone(process)
    # Not a block may come between the last look at the chain and the end.
    _ask(chain, "evm_setIntervalMining", 0)
    lost = _mempool_of(chain)
    dump: str = _ask(chain, "anvil_dumpState", True)  # noqa: FBT003 (with the states of past blocks)
    kept.write_bytes(gzip.decompress(bytes.fromhex(dump.removeprefix("0x"))))
    end_group(process.pid, signal.SIGKILL)
    time.sleep(seconds)
    started, _ = start_anvil(_settings_of(stack, rpc_port=_port(chain.rpc_url) - place), place, chain=kept)
    take_over(started)
    kept.unlink()
    return {"lost": lost, "back_at": time.time()}


def _mempool_of(chain: ChainDescription) -> int:
    """Wait until a node that mines nothing any more holds transactions; give how many."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status = _ask(chain, "txpool_status")
        held = int(status["pending"], 16) + int(status["queued"], 16)
        if held or time.monotonic() > deadline:
            return held
        time.sleep(_POLL_SECONDS)


def restart_aws(stack: StackDescription, *, seconds: float) -> dict[str, float]:
    """End the emulator, which saves what it has only then, and start it again with that.

    Functions that run meanwhile find no AWS any more, and die.

    Returns:
        `gone_at`, `back_at`: Unix seconds.

    """
    process = _named("ministack")
    leave_alone(process)
    gone_at = time.time()
    os.kill(process.pid, signal.SIGTERM)
    _wait_for_end(process)
    end_group(process.pid, signal.SIGKILL)
    _forget_stream_positions(scratch_folder() / SAVED / "lambda.json")
    for folder in scratch_folder().glob("ministack-lambda-*"):
        shutil.rmtree(folder)
    time.sleep(seconds)
    started, _ = start_ministack(_settings_of(stack, aws_port=_port(stack.aws_endpoint_url)), goes_on=True)
    take_over(started)
    return {"gone_at": gone_at, "back_at": time.time()}


def _forget_stream_positions(saved: Path) -> None:
    """Have mappings read their streams from the beginning: those are not saved, and begin anew.

    With the positions of before, a mapping would pass over as many records as it had read.
    """
    state = json.loads(saved.read_text())
    state["payload"][_POSITIONS]["data"] = {}
    saved.write_text(json.dumps(state))


def _wait_for_end(process: KnownProcess) -> None:
    deadline = time.monotonic() + _SAVED_SECONDS
    while process.is_running():
        if time.monotonic() > deadline:
            raise LocalStackError(f"{process.name} did not end within {_SAVED_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)


def _named(name: str) -> KnownProcess:
    for process in written_down():
        if process.name == name and process.is_running():
            return process
    raise LocalStackError(f"{name} is not running")


def _settings_of(
    stack: StackDescription, *, rpc_port: int | None = None, aws_port: int | None = None
) -> StackSettings:
    """Give the settings that the stack was started with, as far as its processes want them."""
    return StackSettings(
        block_times_seconds=[chain.block_time_ms / 1_000 for chain in stack.chains],
        chain_ids=[chain.chain_id for chain in stack.chains],
        wallets=len(stack.wallets),
        accounts=len(stack.accounts),
        aws_port=aws_port,
        rpc_port=rpc_port,
        log_level="INFO",
    )


def _port(url: str) -> int:
    return urlsplit(url).port or 0


def _ask(chain: ChainDescription, method: str, *parameters: object) -> Any:  # noqa: ANN401 (a JSON value)
    provider = HTTPProvider(chain.rpc_url)
    answer = Web3(provider).provider.make_request(RPCEndpoint(method), list(parameters))
    if "error" in answer:
        raise LocalStackError(f"{method}: {answer['error']}")
    return answer["result"]


if __name__ == "__main__":
    sys.exit(main())
