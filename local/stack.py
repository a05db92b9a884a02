"""The local stack: chain, AWS, contracts and the real template, started, awaited and stopped together."""

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from eth_typing import ChecksumAddress

from local.accounts import dev_accounts, operator
from local.anvil import start_anvil
from local.arguments import Arguments
from local.build import LOCAL_RUNTIME, build, tool_environment
from local.chain import LocalChain
from local.contracts import allow_relayers, deploy_contracts, lock_funds
from local.deployment import Deployment, deploy
from local.description import ChainDescription, StackDescription
from local.errors import LocalStackError
from local.ministack import LocalAws, start_ministack
from local.paths import LOGS, STACK_FILE
from local.probe import answers
from local.process import ChildProcess
from local.progress import console, show_description, show_next_steps, step
from local.running import (
    forget,
    running_processes,
    stop_running,
    stop_taken_over,
    write_down,
    written_down,
)
from local.scratch import remove_scratch_folder
from local.settings import STACK_NAME, StackSettings, add_setting_flags, settings_from
from local.warming import warm_up

_READY_SECONDS = 60.0
_DETACHED_SECONDS = 600.0
_POLL_SECONDS = 0.3


@dataclass(frozen=True)
class RunningStack:
    """A stack that answers."""

    description: StackDescription
    children: Sequence[ChildProcess]

    def serve(self) -> NoReturn:
        """Stay until a signal ends this process.

        Raises:
            ProcessEndedError: a child ended by itself, and not by an outage.

        """
        while True:
            minded = {process.pid for process in written_down()}
            for child in self.children:
                if child.pid in minded:
                    child.check()
            time.sleep(_POLL_SECONDS)


@contextmanager
def local_stack(settings: StackSettings) -> Iterator[RunningStack]:
    """Start everything, wait until it answers, and stop it all in the end, however the end comes.

    Raises:
        LocalStackError: something did not start, or a stack is running already.

    """
    _refuse_second_stack()
    signal.signal(signal.SIGTERM, _exit)
    # A shell starts background jobs deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as cleanup:
        cleanup.callback(forget)
        cleanup.callback(remove_scratch_folder)
        cleanup.callback(stop_taken_over)
        yield _start(settings, cleanup)


def main() -> int:
    """Run the command line."""
    parser = Arguments(prog="python -m local.stack", description=__doc__)
    add_setting_flags(parser)
    parser.add_argument(
        "--detach", action="store_true", help="return when the stack is ready and leave it running"
    )
    arguments = parser.parse_args()
    try:
        if arguments.detach:
            show_description(_detach())
            show_next_steps()
        else:
            _serve(settings_from(arguments))
    except LocalStackError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _serve(settings: StackSettings) -> None:
    with local_stack(settings) as stack:
        show_description(stack.description)
        stack.serve()


def _start(settings: StackSettings, cleanup: ExitStack) -> RunningStack:
    children: list[ChildProcess] = []
    rpc_urls: list[str] = []

    def keep(child: ChildProcess) -> None:
        cleanup.callback(child.stop)
        children.append(child)
        write_down(children)

    with step(f"Starting {_chains(len(settings.chain_ids))} and AWS"):
        for place in range(len(settings.chain_ids)):
            anvil, rpc_url = start_anvil(settings, place)
            keep(anvil)
            rpc_urls.append(rpc_url)
        ministack, aws = start_ministack(settings)
        keep(ministack)
    # Runs first of all callbacks: a second Ctrl-C must not leave children behind.
    cleanup.callback(_ignore_signals)
    with step("Building the functions and layers"):
        build(LOCAL_RUNTIME)
    description = _prepare(settings, aws, rpc_urls)
    with step("Calling every function once"):
        warm_up(aws, description.api_url)
    with step("Waiting until the API is ready"):
        _wait_for_api(description, ministack)
    description.write()
    return RunningStack(description, children)


def _prepare(settings: StackSettings, aws: LocalAws, rpc_urls: Sequence[str]) -> StackDescription:
    networks = [LocalChain.at(rpc_url, operator()) for rpc_url in rpc_urls]
    accounts = dev_accounts(settings.accounts)
    with step("Deploying the contracts"):
        contracts = [deploy_contracts(network) for network in networks]
    prepared = list(zip(networks, contracts, strict=True))
    chains = [
        ChainDescription(
            chain_id=settings.chain_ids[place],
            rpc_url=rpc_url,
            block_time_ms=round(settings.block_time_seconds(place) * 1000),
            contracts=contracts[place].addresses,
        )
        for place, rpc_url in enumerate(rpc_urls)
    ]
    with (
        step(f"Deploying the template, locking funds of {len(accounts)} accounts"),
        ThreadPoolExecutor() as aside,
    ):
        funding = [aside.submit(lock_funds, network, on, accounts) for network, on in prepared]
        deployment = deploy(aws, settings, chains)
        for funded in funding:
            funded.result()
    with step(f"Making {len(deployment.wallets)} wallets relayers"):
        for network, on in prepared:
            allow_relayers(network, on, deployment.wallets)
            network.give_gas_money(deployment.treasury)
    return _describe(aws, chains, deployment, [account.address for account in accounts])


def _describe(
    aws: LocalAws,
    chains: list[ChainDescription],
    deployment: Deployment,
    accounts: list[ChecksumAddress],
) -> StackDescription:
    first = chains[0]
    return StackDescription(
        api_url=deployment.api_url,
        websocket_url=deployment.websocket_url,
        chain_id=first.chain_id,
        rpc_url=first.rpc_url,
        aws_endpoint_url=aws.endpoint_url,
        stack_name=STACK_NAME,
        contracts=first.contracts,
        chains=chains,
        wallets=deployment.wallets,
        treasury=deployment.treasury,
        accounts=accounts,
        reader_key=deployment.reader_key,
        service_key=deployment.service_key,
    )


def _chains(count: int) -> str:
    return "the chain" if count == 1 else f"{count} chains"


def _wait_for_api(description: StackDescription, ministack: ChildProcess) -> None:
    url = f"{description.api_url}/health/ready"
    ministack.wait_until(lambda: answers(url, timeout_seconds=20), timeout_seconds=_READY_SECONDS)


def _refuse_second_stack() -> None:
    if _is_running():
        raise LocalStackError(
            "a local stack is running already; `make down` stops it, `make demo` sends to it"
        )
    _clear_up()


def _is_running() -> bool:
    return any(process.name == "stack" for process in running_processes())


def _clear_up() -> None:
    """Stop what a stack that was killed left behind, and forget its files."""
    if running_processes():
        with step("Stopping what an earlier stack left behind"):
            stop_running()
    forget()


def _detach() -> StackDescription:
    """Start the stack in a process of its own and wait until it is ready."""
    if _is_running():
        console.print("A local stack is running already and was left as it is; `make down` stops it.")
        return StackDescription.read()
    # Else the old description would look like the new one.
    _clear_up()
    LOGS.mkdir(parents=True, exist_ok=True)
    flags = [flag for flag in sys.argv[1:] if flag != "--detach"]
    stack = ChildProcess.start("stack", [sys.executable, "-m", "local.stack", *flags], tool_environment())
    with step("Starting the local stack"):
        try:
            stack.wait_until(STACK_FILE.exists, timeout_seconds=_DETACHED_SECONDS)
        except BaseException:
            stack.stop()
            raise
    return StackDescription.read()


def _exit(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
