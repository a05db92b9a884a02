"""x402's own clients and servers, which nobody here wrote: whoever pays is served, and the seller is paid."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Final

import httpx
import pytest
from eth_account import Account
from eth_typing import HexStr
from eth_utils.crypto import keccak
from web3 import HTTPProvider, Web3
from x402 import x402ClientSync
from x402.http import decode_payment_response_header, x402HTTPClientSync
from x402.mechanisms.evm import ClientEvmSigner, EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.schemas import PaymentPayload
from x402.schemas.v1 import PaymentPayloadV1

from ferryman.contracts import load
from local.accounts import dev_account
from local.contracts import PERMIT2_PROXY
from local.description import ChainDescription
from local.example import PAYER_INDEX, SELLER_INDEX
from tests.e2e.market import Market, Sale, UndeployedWallet
from tests.e2e.stack import Stack

LOCAL: Final = 31337
BASE_SEPOLIA: Final = 84532
PAYER, SELLER = dev_account(PAYER_INDEX).address, dev_account(SELLER_INDEX).address
PRICE_UNITS: Final = 10_000
PAYERS: Final = ("payer_httpx", "payer_fetch")
SELLERS: Final = ("seller_fastapi", "seller_flask", "seller_express")
SELLERS_OF_V1: Final = ("v1_seller_fastapi", "v1_seller_flask")
SELLERS_BY_PERMIT2: Final = ("permit2_seller_fastapi", "permit2_seller_express")
SELLERS_BY_USE: Final = {"seller_upto": 2_350, "seller_upto_express": 2_350}
"""What each takes of the same price."""
LOCAL_SELLERS: Final = (*SELLERS, *SELLERS_BY_PERMIT2, *SELLERS_BY_USE)
PURCHASES: Final = [
    *((LOCAL, payer, seller) for payer in PAYERS for seller in LOCAL_SELLERS),
    *((BASE_SEPOLIA, payer, seller) for payer in PAYERS for seller in (*SELLERS, *SELLERS_OF_V1)),
    *((BASE_SEPOLIA, "v1_payer_httpx", seller) for seller in SELLERS_OF_V1),
]
"""Chain, payer, seller; the first version of the protocol has no name for a local chain."""
NETWORKS_OF_V1: Final = {BASE_SEPOLIA: "base-sepolia"}
TRANSFER: Final = keccak(text="Transfer(address,address,uint256)")

Purchase = tuple[int, str, str]


@pytest.fixture(scope="module")
def markets(stack: Stack) -> Iterator[Mapping[int, Market]]:
    """Open a market on each of the stack's chains."""
    sellers = {LOCAL: LOCAL_SELLERS, BASE_SEPOLIA: (*SELLERS, *SELLERS_OF_V1)}
    told = stack.description
    with ExitStack() as cleanup:
        yield {
            chain.chain_id: cleanup.enter_context(Market.open(chain, told, sellers[chain.chain_id]))
            for chain in told.chains
        }


@pytest.fixture(scope="module")
def sales(markets: Mapping[int, Market]) -> Mapping[Purchase, Sale]:
    """Have every payer buy from every seller; the payers beside each other, as they are processes."""
    markets[LOCAL].run("payer_approval")
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

    assert sale.status == 200, sale.body
    assert json.loads(sale.body) == {"weather": "sunny"}
    assert sale.receipt is not None
    assert sale.receipt["success"] is True
    assert sale.receipt["network"] == (
        NETWORKS_OF_V1[chain_id] if seller in SELLERS_OF_V1 else f"eip155:{chain_id}"
    )
    assert sale.receipt["payer"] == PAYER
    paid = SELLERS_BY_USE.get(seller, PRICE_UNITS)
    assert _paid_in(markets[chain_id].chain, sale.receipt["transaction"]) == [paid]


def test_who_asks_for_permit2_is_paid_by_its_proxy(
    markets: Mapping[int, Market], sales: Mapping[Purchase, Sale]
) -> None:
    """And nobody else: a token that knows EIP-3009 is paid with by that, unless the seller says otherwise."""
    web3 = Web3(HTTPProvider(markets[LOCAL].chain.rpc_url))

    by_proxy = {
        seller
        for (chain_id, _, seller), sale in sales.items()
        if chain_id == LOCAL
        and sale.receipt
        and web3.eth.get_transaction(sale.receipt["transaction"])["to"] == PERMIT2_PROXY
    }

    assert by_proxy == set(SELLERS_BY_PERMIT2)


def test_nobody_is_paid_twice_with_one_transaction(sales: Mapping[Purchase, Sale]) -> None:
    """Every sale has its own: the receipts of two are never the same."""
    transactions = [sale.receipt and sale.receipt["transaction"] for sale in sales.values()]

    assert len(set(transactions)) == len(PURCHASES)


def test_a_payer_keeps_to_what_he_allowed(markets: Mapping[int, Market]) -> None:
    """Spend controls are on: a token that he has not named is not paid with."""
    before = _balance(markets[LOCAL].chain)

    ended = markets[LOCAL].send("payer_fetch", ["seller_express"], markets[BASE_SEPOLIA].environment)

    assert ended.returncode != 0
    assert "spendControls" in ended.stderr
    assert _balance(markets[LOCAL].chain) == before


def test_what_was_served_is_not_served_again(markets: Mapping[int, Market]) -> None:
    """The very same payment once more finds its authorization settled."""
    market = markets[LOCAL]
    seller = market.sellers["seller_fastapi"]
    seller.wait()
    before = _balance(market.chain)
    payment = _headers(_payment(seller.address, EthAccountSigner(dev_account(PAYER_INDEX))))

    answers = [httpx.get(seller.address, headers=payment, timeout=60.0) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 402]
    assert _balance(market.chain) == before + PRICE_UNITS


def test_one_authorization_is_sold_once_by_two_sellers(markets: Mapping[int, Market]) -> None:
    """Both ask the same for the same payee, at the same moment: one is paid and serves, the other refuses."""
    market = markets[BASE_SEPOLIA]
    sellers = [market.sellers[name] for name in SELLERS_OF_V1]
    for seller in sellers:
        seller.wait()
    before = _balance(market.chain)
    payment = _headers(_payment(sellers[0].address, EthAccountSigner(dev_account(PAYER_INDEX))))

    with ThreadPoolExecutor() as aside:
        asking = [aside.submit(httpx.get, one.address, headers=payment, timeout=60.0) for one in sellers]
        statuses = sorted(asked.result().status_code for asked in asking)

    assert statuses == [200, 402]
    assert _balance(market.chain) == before + PRICE_UNITS


def test_a_wallet_is_deployed_with_its_first_payment(stack: Stack, markets: Mapping[int, Market]) -> None:
    """It has nothing but USDC; the seller serves it, and is paid in the transaction that deploys it."""
    chain, seller = markets[LOCAL].chain, markets[LOCAL].sellers["seller_fastapi"]
    wallet = UndeployedWallet(stack.contracts.wallet_factory, Account.create())
    stack.chain.call([stack.contracts.usdc.functions.mint(wallet.address, PRICE_UNITS)])
    seller.wait()

    answer = httpx.get(seller.address, headers=_headers(_payment(seller.address, wallet)), timeout=60.0)

    assert answer.status_code == 200, answer.text
    paid = decode_payment_response_header(answer.headers["PAYMENT-RESPONSE"])
    assert (paid.success, paid.payer) == (True, wallet.address)
    assert _paid_in(chain, paid.transaction, payer=wallet.address) == [PRICE_UNITS]
    block = stack.web3.eth.get_transaction(HexStr(paid.transaction))["blockNumber"]
    codes = [bytes(stack.web3.eth.get_code(wallet.address, at)) for at in (block - 1, block)]
    assert (codes[0], len(codes[1]) > 0) == (b"", True)


def test_no_wallet_is_deployed_by_a_factory_that_is_not_listed(
    stack: Stack, markets: Mapping[int, Market]
) -> None:
    """Though it is as good as the other, and the wallet has the money: refused, at no cost."""
    seller = markets[LOCAL].sellers["seller_fastapi"]
    wallet = UndeployedWallet(stack.chain.deploy("WalletFactory"), Account.create())
    stack.chain.call([stack.contracts.usdc.functions.mint(wallet.address, PRICE_UNITS)])
    seller.wait()
    payment, relayed = _payment(seller.address, wallet).model_dump(by_alias=True), stack.relayed()
    body = {"x402Version": 2, "paymentPayload": payment, "paymentRequirements": payment["accepted"]}

    verified, settled = (stack.http.post(route, json=body) for route in ("/verify", "/settle"))

    assert [verified.status_code, settled.status_code] == [200, 200]
    assert verified.json()["invalidReason"] == "eip6492_factory_not_allowed"
    assert (settled.json()["success"], settled.json()["transaction"]) == (False, "")
    assert settled.json()["errorReason"] == "eip6492_factory_not_allowed"
    assert stack.relayed() == relayed
    assert not stack.web3.eth.get_code(wallet.address)


def _payment(address: str, payer: ClientEvmSigner) -> PaymentPayload | PaymentPayloadV1:
    """Ask a seller for the price, and have x402's own client sign what it asks."""
    asked = httpx.get(address, timeout=60.0)
    client = register_exact_evm_client(x402ClientSync(), payer)
    client.set_spend_controls(False)
    required = x402HTTPClientSync(client).get_payment_required_response(asked.headers.get, asked.json())
    return client.create_payment_payload(required)


def _headers(payment: PaymentPayload | PaymentPayloadV1) -> dict[str, str]:
    """Write what to ask again with."""
    return x402HTTPClientSync(x402ClientSync()).encode_payment_signature_header(payment)


def _balance(chain: ChainDescription) -> int:
    """Read what the seller has, in units of USDC."""
    web3 = Web3(HTTPProvider(chain.rpc_url))
    usdc = web3.eth.contract(address=chain.contracts["MockUSDC"], abi=load("MockUSDC").abi)
    return int(usdc.functions.balanceOf(SELLER).call())


def _paid_in(chain: ChainDescription, transaction: str, payer: str = PAYER) -> list[int]:
    """Read from the chain what a payer has sent the seller in a transaction, in units of USDC."""
    receipt = Web3(HTTPProvider(chain.rpc_url)).eth.get_transaction_receipt(HexStr(transaction))
    assert receipt["status"] == 1
    wanted = [TRANSFER, *(bytes.fromhex(who[2:]).rjust(32, b"\0") for who in (payer, SELLER))]
    return [
        int.from_bytes(log["data"])
        for log in receipt["logs"]
        if log["address"] == chain.contracts["MockUSDC"]
        and [bytes(topic) for topic in log["topics"]] == wanted
    ]
