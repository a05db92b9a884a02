"""Run one of the examples on the local stack: `python -m local.example seller_fastapi`.

A payer takes the addresses it pays at: `python -m local.example payer_fetch http://127.0.0.1:4021/weather`.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from local.accounts import dev_account
from local.arguments import Arguments
from local.default_assets import DEFAULT_ASSETS
from local.description import ChainDescription, StackDescription
from local.errors import LocalStackError
from local.paths import ROOT

EXAMPLES: Final = ROOT / "examples"
PAYER_INDEX: Final = 0
SELLER_INDEX: Final = 1


@dataclass(frozen=True)
class Example:
    """A program under examples/."""

    command: tuple[str, ...]
    port: int | None = None
    """Where a seller listens."""


RUN: Final[Mapping[str, Example]] = {
    "seller_fastapi": Example((sys.executable, f"{EXAMPLES}/seller_fastapi/seller.py"), 4021),
    "seller_flask": Example((sys.executable, f"{EXAMPLES}/seller_flask/seller.py"), 4022),
    "seller_express": Example(("node", f"{EXAMPLES}/seller_express/seller.js"), 4023),
    "seller_upto": Example((sys.executable, f"{EXAMPLES}/seller_upto/seller.py"), 4024),
    "seller_upto_express": Example(("node", f"{EXAMPLES}/seller_upto_express/seller.js"), 4025),
    "payer_httpx": Example((sys.executable, f"{EXAMPLES}/payer_httpx/payer.py")),
    "payer_fetch": Example(("node", f"{EXAMPLES}/payer_fetch/payer.js")),
    "payer_approval": Example((sys.executable, f"{EXAMPLES}/payer_approval/approve.py")),
    "user_meta_transaction": Example((sys.executable, f"{EXAMPLES}/user_meta_transaction/user.py")),
    "user_forward_request": Example((sys.executable, f"{EXAMPLES}/user_forward_request/user.py")),
}
"""Name -> what it is."""


def environment_of(chain: ChainDescription, stack: StackDescription) -> dict[str, str]:
    """Tell an example where it is: all that it needs to know, but for its port."""
    there = {
        "FACILITATOR_URL": stack.api_url,
        "FACILITATOR_KEY": stack.service_key,
        "RPC_URL": chain.rpc_url,
        "NETWORK": f"eip155:{chain.chain_id}",
        "TARGET": chain.contracts["Guestbook"],
        "PAY_TO": dev_account(SELLER_INDEX).address,
        "PRIVATE_KEY": f"0x{bytes(dev_account(PAYER_INDEX).key).hex()}",
    }
    if chain.chain_id in DEFAULT_ASSETS:
        return there
    token = chain.contracts["MockUSDC"]
    return {**there, "ASSET": token, "ASSET_NAME": "USDC", "ASSET_VERSION": "2"}


def main() -> NoReturn:
    """Become the example."""
    parser = Arguments(prog="python -m local.example", description=__doc__)
    parser.add_argument("name", choices=RUN, help="which one")
    parser.add_argument("words", nargs="*", help="addresses a payer pays at; what a user writes")
    parser.add_argument("--chain-id", type=int, help="of which of the stack's chains; the first by default")
    parser.add_argument("--port", type=int, help="where a seller listens; each has one of its own by default")
    arguments = parser.parse_args()
    example = RUN[arguments.name]
    try:
        stack = StackDescription.read()
        environment = environment_of(_chain_of(stack, arguments.chain_id), stack)
    except LocalStackError as error:
        sys.exit(str(error))
    if example.port:
        environment["PORT"] = str(arguments.port or example.port)
    command = [*example.command, *arguments.words]
    os.execvpe(command[0], command, os.environ | environment)  # noqa: S606 (our own program, and no shell)


def _chain_of(stack: StackDescription, chain_id: int | None) -> ChainDescription:
    for chain in stack.chains:
        if chain_id in (None, chain.chain_id):
            return chain
    raise LocalStackError(f"the stack has no chain {chain_id}; CHAIN_IDS={chain_id} make up starts one")


if __name__ == "__main__":
    main()
