"""`POST /settle` of the stack, and of the reference facilitator beside it on the same chain."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import urllib3
from eth_typing import HexStr
from web3 import HTTPProvider, Web3
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import ExactEvmClientScheme
from x402.schemas import PaymentPayload, PaymentRequirements, ResourceInfo

from ferryman.contracts import load
from local.accounts import dev_account
from local.bench.costs import settlement_costs
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.usage import Usage, now_ms, usage_between
from local.bench.waiting import waited
from local.chain import LocalChain
from local.description import StackDescription
from local.errors import LocalStackError
from local.ports import LOOPBACK, any_free_port
from local.probe import answers
from local.process import ChildProcess
from local.progress import step
from local.summary import percentile

_UNITS: Final = 10_000
_TIMEOUT_SECONDS: Final = 300
_READY_SECONDS: Final = 60.0
_REFERENCE_INDEX: Final = 90_000
"""Far above the accounts that pay."""
NOTE = (
    "Authorizations of 0.01 USDC of {senders} payers, signed by x402's own client, {at_once} at a time over "
    "HTTP, with blocks of {block_seconds:g} s. *As its example* awaits the reference facilitator in the "
    "server's event loop, where its waiting for a block is everybody's; *in threads* gives each request one. "
    "It has one key and Ferryman {wallets}, of whose runs this is the one with the median rate: {rates} a "
    "second, one after the other. A run counts only if every answer is a success, every "
    "transaction named is mined with status 1, and the payee has the money of each. *A function that waits* "
    "looks at a row of DynamoDB twice in a second and does nothing else; *one that waits and writes* "
    "also reads a quota and makes the two transactions of a settlement, and asks no queue, no other function "
    "and no chain: no `/settle` that keeps what it takes can be answered more often than that."
)


Answer = dict[str, Any]
Call = Callable[[urllib3.PoolManager, str], Answer]


@dataclass(frozen=True)
class Settled:
    """What came of one run."""

    name: str
    seconds: float
    milliseconds: Sequence[float]
    """Of each `/settle`."""
    transactions: int
    """How many transactions there are among the answers."""
    gas: int
    """Of all of them together."""

    @property
    def a_second(self) -> float:
        """How many were settled a second."""
        return len(self.milliseconds) / self.seconds

    def row(self) -> tuple[str, ...]:
        """Write it as a row."""
        count = len(self.milliseconds)
        return (
            self.name,
            str(count),
            number(self.a_second),
            number(percentile(self.milliseconds, 50)),
            number(percentile(self.milliseconds, 95)),
            str(self.transactions),
            number(self.gas / count),
        )


def measure_facilitators(stack: StackDescription, plan: Plan) -> tuple[list[ResultTable], ResultTable]:
    """Settle through the stack, then through the reference facilitator in both ways of serving it.

    Returns:
        How fast that was, and what ours costs on AWS.

    Raises:
        LocalStackError: a settlement did not succeed, or the payee does not have the money.

    """
    with step(f"Settling {plan.settlements} authorizations, {plan.settling_at_once} at a time"):
        _warm_up(stack, plan)
        runs = [
            _used(stack, plan, count=plan.settlements, at_once=plan.settling_at_once)
            for _ in range(plan.settling_runs)
        ]
        rates = [number(run.a_second) for run, _ in runs]
        ours, together = sorted(runs, key=lambda run: run[0].a_second)[len(runs) // 2]
    with step(f"Settling {plan.settlements_alone} one after the other"):
        _, alone = _used(stack, plan, count=plan.settlements_alone, at_once=1)
    shown = [ours]
    for served, name, count in (
        ("loop", "reference, as its example", plan.settlements_of_reference),
        ("threads", "reference, in threads", plan.settlements),
    ):
        with step(f"Settling {count} through the {name}"), _reference(stack, served) as url:
            shown.append(_settled(stack, name, url, count, plan, at_once=plan.settling_at_once))
    with step("Measuring what the emulator can do at most"):
        limits = _emulator_rows(stack, plan)
    costs = settlement_costs(alone, together, counts=(plan.settlements_alone, plan.settlements))
    return [_table(stack, plan, [*(run.row() for run in shown), *limits], rates)], costs


def _emulator_rows(stack: StackDescription, plan: Plan) -> list[tuple[str, ...]]:
    """Measure functions that wait, and a route that does no work of ours, once its processes have started."""
    count, at_once = plan.settlements, plan.settling_at_once
    waits, waiting_seconds = waited(stack, count, at_once=at_once, writes=False)
    writing, writing_seconds = waited(stack, count, at_once=at_once, writes=True)
    _all(stack.api_url, [_health] * at_once, at_once)
    started = time.monotonic()
    replies = _all(stack.api_url, [_health] * count, at_once)
    seconds = time.monotonic() - started
    return [
        _emulator_row("the emulator: a function that waits a second", waits, waiting_seconds),
        _emulator_row("the emulator: one that waits and writes", writing, writing_seconds),
        _emulator_row("the emulator: GET /health", [each for each, _ in replies], seconds),
    ]


def _emulator_row(name: str, times: Sequence[float], seconds: float) -> tuple[str, ...]:
    measured = (len(times) / seconds, percentile(times, 50), percentile(times, 95))
    return (name, str(len(times)), *map(number, measured), "-", "-")


def _warm_up(stack: StackDescription, plan: Plan) -> None:
    """Let the emulator start its workers; they may take longer than `/settle` waits."""
    payee = Web3.to_checksum_address("0x" + os.urandom(20).hex())
    bodies = _signed(stack, payee, count=plan.settling_at_once, senders=plan.burst_senders)
    calls: list[Call] = [partial(_settle, body=body) for body in bodies]
    calls += [_health] * len(bodies)
    _all(stack.api_url, calls, plan.settling_at_once)


def _used(stack: StackDescription, plan: Plan, *, count: int, at_once: int) -> tuple[Settled, Usage]:
    """Settle through the stack, and give what its functions used."""
    started_ms = now_ms()
    ours = _settled(stack, "Ferryman, on the local stack", stack.api_url, count, plan, at_once=at_once)
    return ours, usage_between(stack, started_ms, now_ms())


def _settled(
    stack: StackDescription, name: str, url: str, count: int, plan: Plan, *, at_once: int
) -> Settled:
    payee = Web3.to_checksum_address("0x" + os.urandom(20).hex())
    bodies = _signed(stack, payee, count=count, senders=plan.burst_senders)
    started = time.monotonic()
    calls = [partial(_settle, body=body) for body in bodies]
    replies = _all(url, calls, at_once)
    seconds = time.monotonic() - started
    refused = [answer for _, answer in replies if not answer.get("success")]
    if refused:
        raise LocalStackError(f"{name}: {len(refused)} of {count} were not settled: {refused[:3]}")
    return Settled(
        name,
        seconds,
        [milliseconds for milliseconds, _ in replies],
        *_on_chain(stack, payee, [answer["transaction"] for _, answer in replies]),
    )


def _on_chain(stack: StackDescription, payee: str, hashes: Sequence[str]) -> tuple[int, int]:
    """Count the transactions and their gas, and make sure that the payee was paid for each answer."""
    web3 = Web3(HTTPProvider(stack.rpc_url))
    receipts = [web3.eth.get_transaction_receipt(HexStr(one)) for one in set(hashes)]
    usdc = web3.eth.contract(address=stack.contracts["MockUSDC"], abi=load("MockUSDC").abi)
    paid = usdc.functions.balanceOf(payee).call()
    if paid != _UNITS * len(hashes) or any(receipt["status"] != 1 for receipt in receipts):
        raise LocalStackError(f"the payee has {paid} units for {len(hashes)} payments of {_UNITS}")
    return len(receipts), sum(receipt["gasUsed"] for receipt in receipts)


def _all(url: str, calls: Sequence[Call], at_once: int) -> list[tuple[float, Answer]]:
    """Make all calls, and give each one's milliseconds and answer."""
    # The client shares its cores with all that is measured, and httpx takes several times as much of them.
    with (
        urllib3.PoolManager(maxsize=at_once, timeout=_TIMEOUT_SECONDS, retries=False) as http,
        ThreadPoolExecutor(at_once) as threads,
    ):

        def timed(call: Call) -> tuple[float, Answer]:
            started = time.monotonic()
            answer = call(http, url)
            return (time.monotonic() - started) * 1000, answer

        return list(threads.map(timed, calls))


def _health(http: urllib3.PoolManager, url: str) -> Answer:
    """Ask what does no work of ours."""
    return _answer(http.request("GET", f"{url}/health"))


def _settle(http: urllib3.PoolManager, url: str, *, body: bytes) -> Answer:
    """Ask as a seller's server does: once more if the transaction is sent but not mined yet."""
    headers = {"Content-Type": "application/json"}
    answer = _answer(http.request("POST", f"{url}/settle", body=body, headers=headers))
    if answer.get("errorReason") == "settlement_pending" and answer.get("transaction"):
        answer = _answer(http.request("POST", f"{url}/settle", body=body, headers=headers))
    return answer


def _answer(response: urllib3.BaseHTTPResponse) -> Answer:
    if response.status != HTTPStatus.OK:
        raise LocalStackError(f"HTTP {response.status}: {response.data[:200]!r}")
    answer: Answer = response.json()
    return answer


def _signed(stack: StackDescription, payee: str, *, count: int, senders: int) -> list[bytes]:
    requirements = PaymentRequirements(
        scheme="exact",
        network=f"eip155:{stack.chain_id}",
        asset=stack.contracts["MockUSDC"],
        amount=str(_UNITS),
        pay_to=payee,
        max_timeout_seconds=600,
        extra={"name": "USDC", "version": "2"},
    )
    payers = [
        ExactEvmClientScheme(EthAccountSigner(dev_account(index))) for index in range(min(senders, count))
    ]
    payloads = [
        PaymentPayload(
            payload=payers[index % len(payers)].create_payment_payload(requirements),
            accepted=requirements,
            resource=ResourceInfo(url=f"https://seller.example/{index}"),
        )
        for index in range(count)
    ]
    offered = requirements.model_dump(by_alias=True, exclude_none=True)
    bodies = [
        {
            "x402Version": 2,
            "paymentPayload": payload.model_dump(by_alias=True, exclude_none=True),
            "paymentRequirements": offered,
        }
        for payload in payloads
    ]
    return [json.dumps(body).encode() for body in bodies]


@contextmanager
def _reference(stack: StackDescription, served: str) -> Iterator[str]:
    """Run the reference facilitator on the stack's chain."""
    key = dev_account(_REFERENCE_INDEX)
    LocalChain.at(stack.rpc_url, key)
    port = any_free_port()
    told = {
        "RPC_URL": stack.rpc_url,
        "CHAIN_ID": str(stack.chain_id),
        "PRIVATE_KEY": f"0x{bytes(key.key).hex()}",
        "PORT": str(port),
        "SERVED": served,
    }
    command = [sys.executable, "-m", "local.bench.reference_facilitator"]
    process = ChildProcess.start(f"reference-{served}", command, os.environ | told)
    try:
        url = f"http://{LOOPBACK}:{port}"
        process.wait_until(
            lambda: answers(f"{url}/supported", timeout_seconds=5), timeout_seconds=_READY_SECONDS
        )
        yield url
    finally:
        process.stop()


def _table(
    stack: StackDescription, plan: Plan, rows: Sequence[Sequence[str]], rates: Sequence[str]
) -> ResultTable:
    return ResultTable(
        f"Settling by x402, {plan.settling_at_once} at a time",
        ("", "count", "a second", "p50 ms", "p95 ms", "transactions", "gas each"),
        rows,
        NOTE.format(
            senders=plan.burst_senders,
            at_once=plan.settling_at_once,
            block_seconds=stack.chains[0].block_time_ms / 1000,
            wallets=len(stack.wallets),
            rates=", ".join(rates),
        ),
    )
