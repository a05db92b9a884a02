"""Sellers and payers that nobody here wrote: the processes they run in, and what they say."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import httpx
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.types import TypedDataDomain, TypedDataField

from local.description import ChainDescription, StackDescription
from local.example import RUN, environment_of
from local.paths import ROOT
from local.ports import any_free_port
from local.process import ChildProcess
from tests.support.settlements import counterfactual

V1_FOLDER: Final = ROOT / "tests" / "e2e" / "x402_v1"
V1_PACKAGE: Final = ROOT / ".venv" / "x402-v1"
_READY_SECONDS: Final = 60.0
_PAYING_SECONDS: Final = 120.0

COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: example.command for name, example in RUN.items()},
    **{
        f"v1_{name}": (sys.executable, f"{V1_FOLDER}/{name}.py")
        for name in ("seller_fastapi", "seller_flask", "payer_httpx")
    },
    **{f"permit2_{name}": RUN[name].command for name in ("seller_fastapi", "seller_express")},
}
"""Name of a program and how it is started."""


@dataclass(frozen=True)
class Sale:
    """What a payer has seen of one purchase."""

    status: int
    body: str
    receipt: dict[str, Any] | None
    """As the facilitator answered `/settle`; None without one."""


@dataclass(frozen=True)
class Seller:
    """A server that asks for 0.01 USDC."""

    process: ChildProcess
    address: str
    """Of what it sells."""

    @classmethod
    def started(cls, name: str, chain_id: int, told: Mapping[str, str]) -> "Seller":
        """Start one."""
        port = any_free_port()
        environment = _environment(name, {**told, "PORT": str(port)})
        process = ChildProcess.start(f"{name}-{chain_id}", COMMANDS[name], environment)
        return cls(process, f"http://127.0.0.1:{port}/weather")

    def wait(self) -> None:
        """Wait until it asks for money."""
        self.process.wait_until(lambda: _asks_for_money(self.address), timeout_seconds=_READY_SECONDS)


@dataclass(frozen=True)
class UndeployedWallet:
    """A contract wallet that is not there yet, as x402's own client wants a payer."""

    factory: Contract
    owner: LocalAccount

    @cached_property
    def address(self) -> ChecksumAddress:
        """Where it will be."""
        address: ChecksumAddress = self.factory.functions.walletOf(self.owner.address).call()
        return address

    def sign_typed_data(
        self,
        domain: TypedDataDomain,
        types: dict[str, list[TypedDataField]],
        primary_type: str,
        message: dict[str, Any],
    ) -> bytes:
        """Have its owner sign, and say how it is deployed (ERC-6492)."""
        signature = EthAccountSigner(self.owner).sign_typed_data(domain, types, primary_type, message)
        deployment = bytes.fromhex(self.factory.encode_abi("deploy", [self.owner.address])[2:])
        return counterfactual(self.factory.address, deployment, signature)


@dataclass(frozen=True)
class Market:
    """Sellers on one chain, who all settle through one facilitator."""

    chain: ChainDescription
    stack: StackDescription
    sellers: Mapping[str, "Seller"]

    @classmethod
    @contextmanager
    def open(
        cls, chain: ChainDescription, stack: StackDescription, sellers: Sequence[str]
    ) -> Iterator["Market"]:
        """Start the sellers, and end them afterwards; they are not ready at once."""
        with ExitStack() as cleanup:
            told = environment_of(chain, stack)
            started = {name: Seller.started(name, chain.chain_id, told) for name in sellers}
            for seller in started.values():
                cleanup.callback(seller.process.stop)
            yield cls(chain, stack, started)

    @property
    def environment(self) -> dict[str, str]:
        """What a program here is told."""
        return environment_of(self.chain, self.stack)

    def run(self, name: str) -> None:
        """Run a program to its end."""
        ended = self.send(name, (), self.environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr

    def buy(self, payer: str, sellers: Sequence[str]) -> dict[str, Sale]:
        """Have a payer buy from one seller after the other."""
        ended = self.send(payer, sellers, self.environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        lines = map(json.loads, ended.stdout.splitlines())
        sales = [Sale(line["status"], line["body"], line["paid"]) for line in lines]
        return dict(zip(sellers, sales, strict=True))

    def send(
        self, payer: str, sellers: Sequence[str], told: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Send a payer, who has been told this, to sellers; he may come back with nothing."""
        for seller in sellers:
            self.sellers[seller].wait()
        return subprocess.run(
            [*COMMANDS[payer], *(self.sellers[seller].address for seller in sellers)],
            env=_environment(payer, told),
            check=False,
            capture_output=True,
            text=True,
            timeout=_PAYING_SECONDS,
        )


def _asks_for_money(address: str) -> bool:
    try:
        return httpx.get(address, timeout=10.0).status_code == httpx.codes.PAYMENT_REQUIRED
    except httpx.HTTPError:
        return False


_TOLD_BESIDES: Final[Mapping[str, Mapping[str, str]]] = {
    "v1": {"PYTHONPATH": str(V1_PACKAGE)},
    "permit2": {"TRANSFER_METHOD": "permit2"},
}
"""First word of a program's name -> what it is told, and others are not."""


def _environment(name: str, told: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **told, **_TOLD_BESIDES.get(name.partition("_")[0], {})}
