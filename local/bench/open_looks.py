"""What a look of confirm asks of the chain and of the tables, by how many nonces are open."""

import time
from dataclasses import replace
from typing import Final

from local.bench.fifo import FifoQueue
from local.bench.flood import PAYEE, WALLET_KEYS
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.bench.worker import Deployment, RpcCount
from local.errors import LocalStackError
from local.progress import step
from tests.faults.real_chain import RealChain, request

_WIDEST_WINDOW: Final = 256
_DEADLINE_SECONDS: Final = 3_600
NOTE = (
    "Each nonce is a payment of its own, in the windows of four wallets; the blocks have none of them. A "
    "query counts as one request, though DynamoDB answers with a megabyte at a time. *Computes* is processor "
    "time without that of the tables in memory: what a look does for each open nonce is to read its row. "
    "What has waited for long is asked for by hash, a hundred in a request."
)


def measure_open_looks(plan: Plan) -> list[ResultTable]:
    """Count what looks ask when more and more nonces are open."""
    rows = []
    # All of them have to fit into the windows.
    changes = {"window": _WIDEST_WINDOW, "express_window": 0, "batch_size": 0}
    with RealChain.running(payers=plan.flood_senders, wallet_keys=WALLET_KEYS) as chain:
        wide = replace(chain, settings=chain.settings.model_copy(update=changes))
        for size in plan.crowds_open:
            with step(f"Counting what a look asks with {size} open"), chain.rewound():
                rows.append(_counted(wide, size, plan.looks))
    columns = ("open nonces", "RPC requests", "RPC calls", "DynamoDB requests", "computes, ms")
    return [ResultTable("A look of confirm at a new block, by what is open", columns, rows, NOTE)]


def _counted(chain: RealChain, size: int, looks: int) -> tuple[str, ...]:
    """Look at so many new blocks.

    Raises:
        LocalStackError: not as many are open as were to be.

    """
    deployment = Deployment(chain.settings, chain.rpc_url, lambda: chain.signer, queue=FifoQueue())
    world, tables, rpc = deployment.world()
    payers, deadline = chain.signing_payers(), int(time.time()) + _DEADLINE_SECONDS
    for place in range(size):
        world.post(payers[place % len(payers)].pay(1, fee=1, to=PAYEE, deadline=deadline))
    while world.deliver():
        pass
    request(chain.web3, "anvil_dropAllTransactions")
    follower = world.confirm.follower(chain.settings.chain_id)
    follower.look()  # the first look of a run asks by hash
    counted, asked, cpu, seen = RpcCount(), 0, 0.0, 0
    for _ in range(looks):
        request(chain.web3, "anvil_mine", "0x1", "0x1")
        before = rpc.requests, rpc.calls, tables.requests, tables.cpu_seconds
        started = time.process_time()
        seen = follower.look().open_nonces
        cpu += time.process_time() - started - (tables.cpu_seconds - before[3])
        counted.requests += rpc.requests - before[0]
        counted.calls += rpc.calls - before[1]
        asked += tables.requests - before[2]
    if seen != size:
        raise LocalStackError(f"{seen} nonces were open, and not {size}")
    totals = (counted.requests, counted.calls, asked, cpu * 1000)
    return (number(size), *(number(total / looks) for total in totals))
