"""A chain from before base fees: anvil with the rules of Berlin."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from web3 import HTTPProvider, Web3

from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.domain.eip1559 import Call, Eip1559Transaction, transaction_hash
from ferryman.domain.fees import Eip1559Fees, FeeModel, Tier, price, replacement
from ferryman.domain.legacy import LegacyTransaction
from ferryman.domain.units import Address, Gas, WalletNonce, Wei
from ferryman.ports import SendOutcome
from local.anvil import anvil_binary
from local.ports import LOOPBACK, any_free_port
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.fakes.signer import FakeSigner
from tests.faults.real_chain import request
from tests.support.payments import CHAIN_ID, chain_settings
from tests.support.process import running

TERMS = {"min_tip": Wei(1), "cap": Wei(10**12)}


@pytest.fixture(scope="module")
def web3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web3]:
    """A node that knows types 0 and 1, and mines when told to."""
    port, log = any_free_port(), tmp_path_factory.mktemp("berlin") / "log"
    web3 = Web3(HTTPProvider(f"http://{LOOPBACK}:{port}"))
    command: list[str | Path] = [anvil_binary(), "--hardfork", "berlin", "--no-mining"]
    command += ["--host", LOOPBACK, "--port", str(port), "--chain-id", str(CHAIN_ID)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(log.parent)}
    with running(command, environment=environment, is_ready=web3.is_connected, log=log):
        yield web3


@pytest.fixture
def chain(web3: Web3) -> EvmChain:
    """Our own view of it."""
    settings = chain_settings(fee_model=FeeModel.LEGACY)
    endpoints = FakeEndpoints(web3.provider.endpoint_uri)  # type: ignore[attr-defined]
    return EvmChain(settings, JsonRpc(settings.chain_id, endpoints, metrics=FakeMetrics()), FakeClock())


@pytest.fixture
def signer(web3: Web3) -> FakeSigner:
    """A wallet with coins that nobody used before."""
    signer = FakeSigner([os.urandom(32)])
    request(web3, "anvil_setBalance", signer.wallets()[0], hex(10**18))
    return signer


def transfer(wallet: Address, fees: Eip1559Fees) -> LegacyTransaction:
    """Give a transfer of nothing, as a fill is."""
    return LegacyTransaction(
        chain_id=chain_settings().chain_id,
        nonce=WalletNonce(0),
        fees=fees,
        gas_limit=Gas(21_000),
        call=Call(wallet, b""),
    )


def test_a_bump_of_the_gas_price_replaces_what_waits_and_is_mined(
    web3: Web3, chain: EvmChain, signer: FakeSigner
) -> None:
    """The market is read, the price bumped, signature and chain id are taken, the receipt is understood."""
    (wallet,) = signer.wallets()
    market = chain.fee_history()
    first = transfer(wallet, price(market, Tier.NORMAL, **TERMS))
    second = transfer(wallet, replacement(first.fees, market, Tier.NORMAL, **TERMS))
    signed = [one.signed(signer.sign(wallet, one.signing_hash())) for one in (first, second)]

    sent = [chain.send([raw])[0] for raw in signed]
    request(web3, "evm_mine")

    assert [one.outcome for one in sent] == [SendOutcome.SENT] * 2, sent
    gone, mined = chain.receipts([transaction_hash(raw) for raw in signed])
    assert (gone, mined is not None) == (None, True)
    assert mined is not None
    assert mined.effective_gas_price == second.fees.max_fee_per_gas
    seen = web3.eth.get_transaction(mined.hash)  # type: ignore[arg-type]
    assert seen["type"] == 0
    assert seen["from"] == str(wallet)
    assert chain.transaction_count(wallet) == 1


def test_a_transaction_of_type_2_is_not_taken_there(chain: EvmChain, signer: FakeSigner) -> None:
    """Why `fee_model` has to be set: with the wrong one nothing is mined, and the node says so."""
    (wallet,) = signer.wallets()
    fees = Eip1559Fees(max_fee_per_gas=Wei(10**10), max_priority_fee_per_gas=Wei(1))
    wrong = Eip1559Transaction(
        chain_id=chain_settings().chain_id,
        nonce=WalletNonce(0),
        fees=fees,
        gas_limit=Gas(21_000),
        call=Call(wallet, b""),
    )

    (sent,) = chain.send([wrong.signed(signer.sign(wallet, wrong.signing_hash()))])

    assert (sent.outcome, "not supported" in sent.text) == (SendOutcome.POSSIBLY_SENT, True), sent
