"""x402's own clients and servers, which nobody here wrote: whoever pays is served, and the seller is paid."""

import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
from eth_typing import HexStr
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3

from local.accounts import dev_account, dev_accounts, operator
from local.anvil import start_anvil
from local.chain import LocalChain
from local.contracts import deploy_contracts, lock_funds
from local.description import ChainDescription
from local.ports import any_free_port
from local.probe import answers
from local.process import ChildProcess
from local.settings import StackSettings
from tests.e2e.market import Market, Sale

LOCAL: Final = 31337
BASE_SEPOLIA: Final = 84532
PAYER, SELLER = dev_account(0).address, dev_account(1).address
PRICE_UNITS: Final = 10_000
PAYERS: Final = ("payer_httpx", "payer_fetch")
SELLERS: Final = ("seller_fastapi", "seller_flask", "seller_express")
SELLERS_OF_V1: Final = ("v1_seller_fastapi", "v1_seller_flask")
PURCHASES: Final = [
    *((LOCAL, payer, seller) for payer in PAYERS for seller in SELLERS),
    *((BASE_SEPOLIA, payer, seller) for payer in PAYERS for seller in (*SELLERS, *SELLERS_OF_V1)),
    *((BASE_SEPOLIA, "v1_payer_httpx", seller) for seller in SELLERS_OF_V1),
]
"""Chain, payer, seller; the first version of the protocol has no name for a local chain."""
NETWORKS_OF_V1: Final = {BASE_SEPOLIA: "base-sepolia"}
TRANSFER: Final = keccak(text="Transfer(address,address,uint256)")

Purchase = tuple[int, str, str]


@pytest.fixture(scope="module")
def markets() -> Iterator[Mapping[int, Market]]:
    """Open a market on each chain."""
    with ExitStack() as cleanup:
        sellers = {LOCAL: SELLERS, BASE_SEPOLIA: (*SELLERS, *SELLERS_OF_V1)}
        settled = {chain_id: cleanup.enter_context(_facilitated(chain_id)) for chain_id in sellers}
        yield {
            chain_id: cleanup.enter_context(Market.open(chain, url, sellers[chain_id]))
            for chain_id, (chain, url) in settled.items()
        }


@pytest.fixture(scope="module")
def sales(markets: Mapping[int, Market]) -> Mapping[Purchase, Sale]:
    """Have every payer buy from every seller; the payers beside each other, as they are processes."""
    shops: dict[tuple[int, str], list[str]] = {}
    for chain_id, payer, seller in PURCHASES:
        shops.setdefault((chain_id, payer), []).append(seller)
    with ThreadPoolExecutor(len(shops)) as aside:
        shopping = {
            (chain_id, payer): aside.submit(markets[chain_id].buy, payer, sellers)
            for (chain_id, payer), sellers in shops.items()
        }
    return {
        (*where, seller): sale
        for where, bought in shopping.items()
        for seller, sale in bought.result().items()
    }


@pytest.mark.parametrize(("chain_id", "payer", "seller"), PURCHASES)
def test_whoever_pays_is_served(
    chain_id: int, payer: str, seller: str, markets: Mapping[int, Market], sales: Mapping[Purchase, Sale]
) -> None:
    """And the receipt names the transaction in which the seller was paid."""
    sale = sales[chain_id, payer, seller]

    assert (sale.status, sale.body) == (200, {"weather": "sunny"})
    assert sale.receipt is not None
    assert sale.receipt["success"] is True
    assert sale.receipt["network"] == (
        NETWORKS_OF_V1[chain_id] if seller in SELLERS_OF_V1 else f"eip155:{chain_id}"
    )
    assert sale.receipt["payer"] == PAYER
    assert _paid_in(markets[chain_id].chain, sale.receipt["transaction"]) == [PRICE_UNITS]


def test_nobody_is_paid_twice_with_one_transaction(sales: Mapping[Purchase, Sale]) -> None:
    """Every sale has its own: the receipts of two are never the same."""
    transactions = [sale.receipt and sale.receipt["transaction"] for sale in sales.values()]

    assert len(set(transactions)) == len(PURCHASES)


def _paid_in(chain: ChainDescription, transaction: str) -> list[int]:
    """Read from the chain what the payer has sent the seller in a transaction, in units of USDC."""
    receipt = Web3(HTTPProvider(chain.rpc_url)).eth.get_transaction_receipt(HexStr(transaction))
    assert receipt["status"] == 1
    wanted = [TRANSFER, *(bytes.fromhex(who[2:]).rjust(32, b"\0") for who in (PAYER, SELLER))]
    return [
        int.from_bytes(log["data"])
        for log in receipt["logs"]
        if log["address"] == chain.contracts["MockUSDC"]
        and [bytes(topic) for topic in log["topics"]] == wanted
    ]


@contextmanager
def _facilitated(chain_id: int) -> Iterator[tuple[ChainDescription, str]]:
    """Run a chain and the reference facilitator."""
    settings = StackSettings(
        block_times_seconds=[1],
        chain_ids=[chain_id],
        wallets=1,
        accounts=10,
        aws_port=None,
        rpc_port=any_free_port(),
        log_level="INFO",
    )
    with ExitStack() as cleanup:
        anvil, rpc_url = start_anvil(settings)
        cleanup.callback(anvil.stop)
        network = LocalChain.at(rpc_url, operator())
        contracts = deploy_contracts(network)
        lock_funds(network, contracts, dev_accounts(2))
        port = any_free_port()
        told = {
            "RPC_URL": rpc_url,
            "CHAIN_ID": str(chain_id),
            "PRIVATE_KEY": f"0x{bytes(dev_account(9).key).hex()}",
            "PORT": str(port),
            "SERVED": "threads",
        }
        module = "local.bench.reference_facilitator"
        facilitator = ChildProcess.start(
            f"facilitator-{chain_id}", [sys.executable, "-m", module], os.environ | told
        )
        cleanup.callback(facilitator.stop)
        url = f"http://127.0.0.1:{port}"
        facilitator.wait_until(lambda: answers(f"{url}/supported", timeout_seconds=5), timeout_seconds=60)
        yield (
            ChainDescription(
                chain_id=chain_id, rpc_url=rpc_url, block_time_ms=1_000, contracts=contracts.addresses
            ),
            url,
        )
