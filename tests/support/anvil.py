"""A real chain: anvil with our contracts, where blocks are mined when the test says so."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.types import RPCEndpoint

from ferryman.contracts import load
from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address
from local.anvil import anvil_binary
from local.ports import LOOPBACK, any_free_port
from tests.support.payments import CHAIN_ID, chain_settings
from tests.support.process import running

LOCKED: Final = 5_000_000
"""Token units that the payer has in the escrow."""
GRACE_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Node:
    """A running chain and the contracts on it."""

    url: str
    web3: Web3
    usdc: Contract
    escrow: Contract
    settler: Contract
    deployer: ChecksumAddress

    def rpc(self, method: str, *params: object) -> Any:  # noqa: ANN401 (a JSON value)
        """Ask the node directly."""
        answer = self.web3.provider.make_request(RPCEndpoint(method), list(params))
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def mine(self, blocks: int = 1) -> int:
        """Mine blocks, and give the number of the newest."""
        for _ in range(blocks):
            self.rpc("evm_mine")
        return int(self.web3.eth.block_number)

    def settings(self, **changes: object) -> ChainSettings:
        """Configure this chain as a deployment would."""
        ours = {
            "escrow": Address(self.escrow.address),
            "tokens": (Address(self.usdc.address),),
            "grace_seconds": GRACE_SECONDS,
        }
        return chain_settings(**ours | changes)

    def run(self, call: Any, *, sender: str | None = None) -> None:  # noqa: ANN401 (web3's functions)
        """Carry out a contract call and mine it."""
        name = call.transact({"from": sender or self.deployer, "gas": 5_000_000})
        self.mine()
        assert self.web3.eth.get_transaction_receipt(name)["status"] == 1

    def lock(self, payer: LocalAccount, units: int = LOCKED) -> None:
        """Mint tokens to a payer, who deposits them."""
        self.rpc("anvil_impersonateAccount", payer.address)
        self.rpc("anvil_setBalance", payer.address, hex(10**20))
        self.run(self.usdc.functions.mint(payer.address, units))
        self.run(self.usdc.functions.approve(self.escrow.address, units), sender=payer.address)
        self.run(self.escrow.functions.deposit(self.usdc.address, units), sender=payer.address)

    def allow(self, wallet: str) -> None:
        """Give a relayer wallet gas money and the escrow's relayer role."""
        self.rpc("anvil_setBalance", wallet, hex(10**20))
        self.run(self.escrow.functions.grantRole(self.escrow.functions.RELAYER_ROLE().call(), wallet))

    @contextmanager
    def rewound(self) -> Iterator[None]:
        """Undo afterwards whatever happens on the chain and in its mempool."""
        snapshot = self.rpc("evm_snapshot")
        try:
            yield
        finally:
            self.rpc("anvil_dropAllTransactions")
            self.rpc("evm_revert", snapshot)


@contextmanager
def anvil(log: Path) -> Iterator[Node]:
    """Run a chain with our contracts deployed."""
    port = any_free_port()
    url = f"http://{LOOPBACK}:{port}"
    web3 = Web3(HTTPProvider(url))
    command = [
        anvil_binary(),
        "--host",
        LOOPBACK,
        "--port",
        str(port),
        "--no-mining",
        "--chain-id",
        str(CHAIN_ID),
    ]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(log.parent)}
    with running(command, environment=environment, is_ready=web3.is_connected, log=log):
        yield _deployed(web3, url)


def _deployed(web3: Web3, url: str) -> Node:
    deployer, *_others, treasury = list[ChecksumAddress](web3.eth.accounts)
    usdc = _deploy(web3, "MockUSDC", deployer)
    escrow = _deploy(web3, "PaymentEscrow", deployer, deployer, treasury, GRACE_SECONDS)
    return Node(url, web3, usdc, escrow, _deploy(web3, "BatchSettler", deployer), deployer)


def _deploy(web3: Web3, name: str, deployer: ChecksumAddress, *arguments: object) -> Contract:
    artifact = load(name)
    factory = web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
    sent = factory.constructor(*arguments).transact({"from": deployer})
    web3.provider.make_request(RPCEndpoint("evm_mine"), [])
    address = web3.eth.get_transaction_receipt(sent)["contractAddress"]
    return web3.eth.contract(address=web3.to_checksum_address(str(address)), abi=artifact.abi)
