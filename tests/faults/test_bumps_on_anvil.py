"""Bumps on a real chain: the base fee rises tenfold and falls again, the original wins, gas prices rise."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hexbytes import HexBytes

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.fees import FeeModel
from ferryman.domain.nonces import NonceRow
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds
from tests.fakes.world import unwrapped
from tests.faults.messages import FEE
from tests.faults.real_chain import RealChain, RealWorld, request
from tests.faults.scenarios import AMOUNT

PAYERS = 6
GWEI = 10**9
PAYEE = Address("0x" + "ee" * 20)


@pytest.fixture(scope="module")
def running() -> Iterator[RealChain]:
    """An anvil whose payers have locked funds."""
    with RealChain.running(payers=PAYERS) as started:
        yield started


@pytest.fixture
def chain(running: RealChain) -> Iterator[RealChain]:
    """That chain, with whatever a test does undone."""
    with running.rewound():
        yield running


def pending(real: RealWorld, chain: RealChain) -> int:
    """Broadcast a payment of each payer, when the base fee is a gwei; give the newest block."""
    set_base_fee(chain, GWEI)
    request(chain.web3, "anvil_mine", "0x1", "0x1")
    set_base_fee(chain, GWEI)
    deadline = real.clock.now() // 1000 + 3_600
    for payer in real.payers:
        real.world.post(payer.pay(AMOUNT, fee=FEE, to=PAYEE, deadline=deadline))
    while real.world.deliver():
        pass
    return int(chain.web3.eth.block_number)


def set_base_fee(chain: RealChain, base_fee: int) -> None:
    """Choose what the next block asks."""
    request(chain.web3, "anvil_setNextBlockBaseFeePerGas", hex(base_fee))


def look(real: RealWorld, chain: RealChain, seconds: int, *, base_fee: int) -> None:
    """Mine a block a second at one base fee, with a look and a delivery after each."""
    for _ in range(seconds):
        set_base_fee(chain, base_fee)
        real.clock.sleep(Milliseconds(1_000))
        set_base_fee(chain, base_fee)
        real.world.follow(run_ms=1)
        while real.world.deliver():
            pass


def nonces(real: RealWorld) -> list[NonceRow]:
    """All nonces of this deployment's wallets."""
    wallets = DynamoWallets(real.world.tables)
    found = []
    for row in real.world.rows():
        assert row.wallet is not None
        assert row.nonce is not None
        nonce = wallets.nonce_row(row.chain_id, row.wallet, row.nonce)
        assert nonce
        found.append(nonce)
    return found


def check(real: RealWorld, chain: RealChain, start: int, spent: int) -> None:
    """Each payment has one transaction on the chain, and that is one of its attempts."""
    rows = real.world.rows()
    assert [row.status for row in rows] == [Status.CONFIRMED] * PAYERS
    assert len(chain.executed(start)) == len(set(chain.executed(start))) == PAYERS
    assert chain.spent_nonces() == spent + PAYERS
    for row, nonce in zip(rows, nonces(real), strict=True):
        assert row.hash in {attempt.hash for attempt in nonce.attempts}
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()


@pytest.mark.parametrize("fee_model", FeeModel)
def test_a_base_fee_ten_times_as_high_and_back_gets_each_payment_mined_once(
    chain: RealChain, fee_model: FeeModel
) -> None:
    """While it is high they are bumped to it and mined; nothing is left over when it is back."""
    settings = chain.settings.model_copy(update={"batch_min": PAYERS + 1, "fee_model": fee_model})
    real = replace(chain, settings=settings).world(unwrapped)
    spent = chain.spent_nonces()
    start = pending(real, chain)

    look(real, chain, 12, base_fee=10 * GWEI)
    set_base_fee(chain, GWEI)
    real.world.settle()

    check(real, chain, start, spent)
    assert all(len(nonce.attempts) >= 2 for nonce in nonces(real))
    kinds = {chain.web3.eth.get_transaction(row.hash)["type"] for row in real.world.rows()}  # type: ignore[arg-type]
    assert kinds == {2 if fee_model is FeeModel.EIP1559 else 0}


def test_the_original_that_is_mined_before_its_replacement_counts(chain: RealChain) -> None:
    """The base fee falls, and a node that kept them mines them: each bump meets `nonce too low` (Alto 747).

    anvil itself drops what is below the base fee from its pool, so the test plays that other node.
    """
    settings = chain.settings.model_copy(update={"batch_min": PAYERS + 1})
    real = replace(chain, settings=settings).world(unwrapped)
    spent = chain.spent_nonces()
    start = pending(real, chain)
    originals = [nonce.attempts[0] for nonce in nonces(real)]
    for _ in range(6):
        set_base_fee(chain, 10 * GWEI)
        real.clock.sleep(Milliseconds(1_000))
    set_base_fee(chain, 10 * GWEI)
    real.world.follow(run_ms=1)
    send = real.world.chain.send

    def late(envelopes: object) -> object:
        set_base_fee(chain, GWEI)
        for original in originals:
            chain.web3.eth.send_raw_transaction(HexBytes(original.raw))
        request(chain.web3, "anvil_mine", "0x1", "0x1")
        originals.clear()
        return send(envelopes)  # type: ignore[arg-type]

    real.world.chain.send = late  # type: ignore[method-assign, assignment]
    while real.world.deliver():
        pass
    real.world.chain.send = send  # type: ignore[method-assign]
    real.world.settle()

    check(real, chain, start, spent)
    for row, nonce in zip(real.world.rows(), nonces(real), strict=True):
        assert [attempt.hash == row.hash for attempt in nonce.attempts] == [True, False]
    assert any("nonce too low" in str(line).lower() for line in real.world.log.lines)
