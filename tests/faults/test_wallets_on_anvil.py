"""Wallets and their money on a real chain, which knows exactly what is paid for and what is not."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds
from ferryman.ports import Refusal
from ferryman.services.records import record_of
from ferryman.services.waiting import NO_FUNDS
from tests.fakes.signer import FakeSigner
from tests.fakes.world import unwrapped
from tests.faults.messages import FEE
from tests.faults.real_chain import WALLET_KEYS, RealChain, RealWorld, request
from tests.faults.scenarios import AMOUNT

COIN = 10**18
GWEI = 10**9
PAYEE = Address("0xee" + "00" * 19)


@pytest.fixture(scope="module")
def running() -> Iterator[RealChain]:
    """An anvil, two wallets, payers with locked funds."""
    with RealChain.running(payers=12) as started:
        yield started


@pytest.fixture
def chain(running: RealChain) -> Iterator[RealChain]:
    """That chain, with whatever a test does undone."""
    with running.rewound():
        # Each payment alone: the more nonces, the more there is to pay for.
        yield replace(running, settings=running.settings.model_copy(update={"batch_size": 0}))


def fund(chain: RealChain, wallet: Address, wei: int) -> None:
    """Let a wallet have exactly so much."""
    request(chain.web3, "anvil_setBalance", wallet, hex(wei))


def post(real: RealWorld, first: int, last: int) -> None:
    """Post a payment of each of some payers, and submit what can be."""
    deadline = real.clock.now() // 1000 + 3_600
    for payer in real.payers[first:last]:
        real.world.post(payer.pay(AMOUNT, fee=FEE, to=PAYEE, deadline=deadline))
    while real.world.deliver():
        pass


def pass_blocks(real: RealWorld, chain: RealChain, count: int, *, base_fee: int) -> None:
    """Mine a block a second at one base fee, with a look and a delivery after each."""
    for _ in range(count):
        request(chain.web3, "anvil_setNextBlockBaseFeePerGas", hex(base_fee))
        real.clock.sleep(Milliseconds(1_000))
        request(chain.web3, "anvil_setNextBlockBaseFeePerGas", hex(base_fee))
        real.world.follow(run_ms=1)
        while real.world.deliver():
            pass


def test_wallets_drained_to_zero_in_the_middle_and_then_funded_lose_nothing(chain: RealChain) -> None:
    """What was broadcast keeps its nonces, what was not waits and says so, and all of it is mined once."""
    real, start = chain.world(unwrapped), chain.web3.eth.block_number
    post(real, 0, 6)
    for wallet in chain.signer.wallets():
        fund(chain, wallet, 0)
    post(real, 6, 12)
    real.clock.sleep(Milliseconds(10_000))
    real.world.follow(run_ms=5_000)
    while real.world.deliver():
        pass

    waiting = [row for row in real.world.rows() if row.status is Status.VALIDATED]
    assert {record_of(row)["waiting_for"] for row in waiting} == {NO_FUNDS}
    assert len(waiting) == 6
    assert not [row for row in real.world.rows() if row.status.is_terminal]

    for wallet in chain.signer.wallets():
        fund(chain, wallet, COIN)
    real.world.settle()

    assert {row.status for row in real.world.rows()} == {Status.CONFIRMED}
    assert len(chain.executed(start)) == len(set(chain.executed(start))) == 12
    assert real.world.reserved() == real.world.held() == 0


def test_the_poor_of_two_wallets_pays_for_what_it_can_and_the_other_for_the_rest(chain: RealChain) -> None:
    """Nothing is ever refused for lack of funds: what is kept covers what the chain takes."""
    real = chain.world(unwrapped)
    poor, _ = chain.signer.wallets()
    fund(chain, poor, 2 * 10**15)
    post(real, 0, 12)
    real.world.settle()

    assert {row.status for row in real.world.rows()} == {Status.CONFIRMED}
    assert not [line for line in real.world.log.lines if line[1] == "broadcast not taken"]
    left = chain.web3.eth.get_balance(poor)  # type: ignore[arg-type]
    assert 0 <= left <= 2 * 10**15


def test_a_wallet_without_a_wei_to_spare_in_a_tenfold_market_fills_its_nonce(chain: RealChain) -> None:
    """What was kept for the payment pays for the fill; no node is sent what the wallet cannot pay for."""
    alone = replace(chain, signer=FakeSigner(WALLET_KEYS[:1]))
    real = alone.world(unwrapped)
    (wallet,) = alone.signer.wallets()
    pass_blocks(real, chain, 2, base_fee=GWEI)
    real.world.post(real.payers[0].pay(AMOUNT, fee=FEE, to=PAYEE, deadline=real.clock.now() // 1000 + 40))
    while real.world.deliver():
        pass
    (bound,) = DynamoWallets(real.world.tables).wallets(chain.settings.chain_id)
    fund(chain, wallet, bound.committed)

    pass_blocks(real, chain, 60, base_fee=10 * GWEI)

    (row,) = real.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "deadline_passed")
    refused = [said for _, words, said in real.world.log.lines if words == "broadcast not taken"]
    assert Refusal.FUNDS not in {said["refusal"] for said in refused}
    assert [line for line in real.world.log.lines if line[1] == "no coin to offer more"]
    assert 0 <= int(chain.web3.eth.get_balance(wallet)) < bound.committed  # type: ignore[arg-type]
    real.world.check_nonces()


def test_wallets_that_are_low_get_coin_from_the_treasury_and_everything_is_mined(chain: RealChain) -> None:
    """By real transfers; the treasury pays for their gas, and for nothing else."""
    limits = {"low_balance_wei": COIN // 100, "top_up_wei": COIN // 10}
    funded = replace(
        chain,
        settings=chain.settings.model_copy(update=limits),
        signer=FakeSigner(WALLET_KEYS, treasury=b"\x77" * 32),
    )
    real, treasury = funded.world(unwrapped), funded.signer.treasury()
    assert treasury is not None
    fund(chain, treasury, COIN)
    for wallet in chain.signer.wallets():
        fund(chain, wallet, 0)

    post(real, 0, 4)
    real.world.settle()

    assert {row.status for row in real.world.rows()} == {Status.CONFIRMED}
    assert chain.web3.eth.get_transaction_count(treasury) == 2  # type: ignore[arg-type]
    left = int(chain.web3.eth.get_balance(treasury))  # type: ignore[arg-type]
    assert 0 < COIN - 2 * (COIN // 10) - left < COIN // 1_000
    real.world.check_nonces()
