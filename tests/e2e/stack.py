"""The running stack as its users see it: HTTPS, WebSocket, chain and, for operators, AWS."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import boto3
import httpx
from eth_account.messages import encode_defunct
from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from websockets.sync.client import ClientConnection, connect

from ferryman.domain.chain import ChainSettings
from local.accounts import dev_account, operator
from local.anvil import node_name
from local.api_keys import ask_as_operator
from local.chain import LocalChain
from local.contracts import LocalContracts
from local.description import StackDescription
from local.ministack import REGION
from local.paths import ROOT
from tests.e2e.denials import Denial, Purpose, denials_told
from tests.fakes.payers import Payer
from tests.faults.real_chain import request

PATIENCE_SECONDS: Final = 90.0
_OVER: Final = frozenset({"CONFIRMED", "FAILED"})


@dataclass(frozen=True)
class Stack:
    """The stack under test."""

    description: StackDescription
    state: Path
    purposes: list[Purpose] = field(default_factory=list)
    """What tests have taken away for a while."""

    @classmethod
    def read(cls, state: Path) -> "Stack":
        """Find the stack that keeps its state in a folder."""
        return cls(StackDescription.parse((state / "stack.json").read_text()), state)

    # -- clients ------------------------------------------------------------------------------

    @cached_property
    def http(self) -> httpx.Client:
        """The REST API."""
        return httpx.Client(base_url=self.description.api_url, timeout=60.0)

    @cached_property
    def settings(self) -> ChainSettings:
        """The chain as the stack is configured for it."""
        contracts = self.description.contracts
        return ChainSettings.model_validate(
            {
                "chain_id": self.description.chain_id,
                "block_time_ms": 1_000,
                "escrow": contracts["PaymentEscrow"],
                "tokens": (contracts["MockUSDC"],),
            }
        )

    def payer(self, index: int) -> Payer:
        """One of the accounts with locked funds; its nonces do not meet those of other tests."""
        return Payer(bytes(dev_account(index).key), self.settings, secrets.randbits(200))

    def deadline(self, seconds: int = 3_600) -> int:
        """Unix seconds, from now."""
        return int(time.time()) + seconds

    @staticmethod
    def stay_within_a_day(seconds: int = 60) -> None:
        """Let a day (UTC) that ends within so many seconds end first: counts begin anew with it."""
        left = 86_400 - time.time() % 86_400
        if left < seconds:
            time.sleep(left + 1)

    def aws(self, service: str, **credentials: str) -> Any:  # noqa: ANN401 (boto3 types clients by literals)
        """An AWS client: the administrator's, unless other credentials are given."""
        given = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} | credentials
        return boto3.client(  # type: ignore[call-overload]
            service, endpoint_url=self.description.aws_endpoint_url, region_name=REGION, **given
        )

    @contextmanager
    def denying(self, step: str, aws_service: str) -> Iterator[None]:
        """Say that what AWS denies a function meanwhile is what a test wants."""
        since = time.time()
        try:
            yield
        finally:
            self.purposes.append(Purpose(step, aws_service, since, time.time()))

    def denials(self) -> Iterator[Denial]:
        """Read what AWS has denied to functions, on purpose or not."""
        return denials_told(self.aws("logs"))

    def denial_of(self, step: str) -> Denial:
        """Wait until a function has told that it was denied something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (told := [denial for denial in self.denials() if denial.step == step]):
            assert time.monotonic() < deadline, f"{step} was denied nothing"
            time.sleep(0.3)
        return told[-1]

    def output(self, name: str) -> str:
        """An output of the deployed stack."""
        stacks = self.aws("cloudformation").describe_stacks(StackName=self.description.stack_name)["Stacks"]
        return str({one["OutputKey"]: one["OutputValue"] for one in stacks[0]["Outputs"]}[name])

    # -- payments -----------------------------------------------------------------------------

    def post(self, body: dict[str, Any]) -> httpx.Response:
        """Post a payment."""
        return self.http.post("/payments", json=body)

    def record(self, transaction_id: str) -> dict[str, Any]:
        """Read a record."""
        answer = self.http.get(f"/transactions/{transaction_id}")
        assert answer.status_code == httpx.codes.OK, answer.text
        record: dict[str, Any] = answer.json()
        return record

    def ended(self, transaction_id: str) -> dict[str, Any]:
        """Wait until a transaction is over; give its record."""
        return self.record_when(transaction_id, lambda record: record["status"] in _OVER)

    def record_when(self, transaction_id: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until a record is as wanted; give it."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so(record := self.record(transaction_id)):
            assert time.monotonic() < deadline, f"still {record}"
            time.sleep(0.3)
        return record

    @contextmanager
    def socket(self, ticket: str | None = None) -> Iterator["Socket"]:
        """Open a WebSocket: as whose ticket it is, or as nobody."""
        url = self.description.websocket_url + (f"?ticket={ticket}" if ticket else "")
        with connect(url, open_timeout=30) as connection:
            yield Socket(connection)

    # -- callers ------------------------------------------------------------------------------

    @cached_property
    def administrator(self) -> boto3.Session:
        """The emulator's administrator."""
        return boto3.Session("test", "test", region_name=REGION)

    def operator(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Ask one of the operators' routes, signed."""
        return ask_as_operator(self.administrator, method, f"{self.description.api_url}{path}", body)

    @cached_property
    def reader(self) -> dict[str, str]:
        """The headers of one who may read everything."""
        return {"X-Api-Key": self.description.reader_key}

    def challenge(self, index: int) -> dict[str, Any]:
        """Ask for a message to sign in with."""
        body = {"address": dev_account(index).address, "chain_id": self.description.chain_id}
        answer = self.http.post("/sign-in/challenge", json=body)
        assert answer.status_code == httpx.codes.OK, answer.text
        challenge: dict[str, Any] = answer.json()
        return challenge

    def signed_in(self, index: int) -> dict[str, str]:
        """Sign an account in; give its headers."""
        message = self.challenge(index)["message"]
        answer = self.http.post(
            "/sign-in", json={"message": message, "signature": personally_signed(message, index)}
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}

    def ticket(self, headers: dict[str, str]) -> str:
        """Get a ticket for one WebSocket."""
        answer = self.http.post("/socket-tickets", headers=headers)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["ticket"])

    # -- the chain and the machine under it ---------------------------------------------------

    @cached_property
    def web3(self) -> Web3:
        """The chain."""
        return Web3(HTTPProvider(self.description.rpc_url))

    @cached_property
    def contracts(self) -> LocalContracts:
        """The contracts, to call as the chain's operator."""
        return LocalContracts.at(self.chain, self.description.contracts)

    @cached_property
    def chain(self) -> LocalChain:
        """The chain as its operator."""
        return LocalChain.at(self.description.rpc_url, operator())

    def relayed(self) -> int:
        """How many transactions of the relayer wallets are mined: gas was spent on each."""
        return sum(self.web3.eth.get_transaction_count(wallet) for wallet in self.description.wallets)

    def contract_wallet(self, code: bytes, *, locked: int) -> ChecksumAddress:
        """Put code at a fresh address, and lock funds from there; give the address."""
        wallet = Web3.to_checksum_address("0x" + secrets.token_hex(20))
        usdc, escrow = self.contracts.usdc, self.contracts.escrow
        self.chain.give_gas_money(wallet)
        self.chain.call([usdc.functions.mint(wallet, locked)])
        request(self.web3, "anvil_setCode", wallet, "0x" + code.hex())
        request(self.web3, "anvil_impersonateAccount", wallet)
        for step in (
            usdc.functions.approve(escrow.address, locked),
            escrow.functions.deposit(usdc.address, locked),
        ):
            sent = step.transact({"from": wallet})
            request(self.web3, "evm_mine")
            assert self.web3.eth.wait_for_transaction_receipt(sent)["status"] == 1
        return wallet

    def chains(self) -> "list[Stack]":
        """The stack as the payers of each of its chains see it."""
        return [Stack(description, self.state, self.purposes) for description in self.description.by_chain()]

    def process_id(self, name: str) -> int:
        """The id of one of its processes."""
        processes = json.loads((self.state / "processes.json").read_text())
        return int(next(process["pid"] for process in processes if process["name"] == name))

    @contextmanager
    def chain_stopped(self) -> Iterator[None]:
        """Stop the chain's node for a while, as a paused machine would."""
        chain_ids = [chain.chain_id for chain in self.description.chains]
        pid = self.process_id(node_name(chain_ids, chain_ids.index(self.description.chain_id)))
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def outage(self, what: str, *, seconds: float) -> dict[str, float]:
        """Have the chain's `node` die, or `aws` end and start again; give what is told of it then."""
        ended = subprocess.run(
            [sys.executable, "-m", "local.outage", what, "--seconds", f"{seconds:g}"],
            env={**os.environ, "LOCAL_STATE": str(self.state)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told: dict[str, float] = json.loads(ended.stdout)
        return told


def personally_signed(message: str, index: int) -> str:
    """Sign a message as a person does with a wallet (EIP-191)."""
    signed = dev_account(index).sign_message(encode_defunct(text=message))
    return "0x" + signed.signature.to_0x_hex().removeprefix("0x")


@dataclass(frozen=True)
class Socket:
    """One WebSocket connection."""

    connection: ClientConnection

    def ask(self, message: object) -> dict[str, Any]:
        """Send a message and wait for an answer that is no pushed event."""
        self.connection.send(message if isinstance(message, str) else json.dumps(message))
        while "sequence" in (answer := self.heard()):
            continue
        return answer

    def heard(self, seconds: float = 30.0) -> dict[str, Any]:
        """Wait for the next message."""
        message: dict[str, Any] = json.loads(self.connection.recv(timeout=seconds))
        return message

    def events_of(self, transaction_id: str, until: str) -> list[dict[str, Any]]:
        """Hear a transaction's events until one of this name."""
        events: list[dict[str, Any]] = []
        while not events or events[-1]["event"] != until:
            message = self.heard()
            if message.get("transaction_id") == transaction_id:
                events.append(message)
        return events
