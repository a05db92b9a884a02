"""Reorgs of a real chain: payments whose blocks are replaced are told, sent again, and paid once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from web3 import Web3

from ferryman.domain.errors import InsufficientFundsError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds, TransactionId
from tests.fakes.world import unwrapped
from tests.faults.real_chain import RealChain, RealWorld, request

AMOUNT = 1_000_000


@pytest.fixture(scope="module")
def anvil() -> Iterator[RealChain]:
    """One anvil for all; what happens is undone."""
    with RealChain.running() as running:
        yield running


@pytest.fixture(params=[1, 3], ids=["1 confirmation", "3 confirmations"])
def chain(anvil: RealChain, request: pytest.FixtureRequest) -> Iterator[RealChain]:
    """The same with as many confirmations."""
    settings = anvil.settings.model_copy(update={"required_confirmations": request.param})
    with anvil.rewound():
        yield replace(anvil, settings=settings)
        drop_all(anvil)


def drop_all(chain: RealChain) -> None:
    """Lose the mempool."""
    request(chain.web3, "anvil_dropAllTransactions")


def look(real: RealWorld) -> None:
    """Let confirm and watch look once."""
    real.world.follow(run_ms=1_000)
    real.world.watch_once()


def mined(real: RealWorld, units: int, *, blocks: int) -> list[TransactionId]:
    """Pay once from each payer, and give the names; the payments are in the oldest of the newest blocks."""
    deadline = real.clock.now() // 1000 + 3_600
    look(real)
    names = [
        real.world.post(payer.pay(units, deadline=deadline)).transaction.transaction_id
        for payer in real.payers
    ]
    while real.world.deliver():
        pass
    for _ in range(blocks):
        real.clock.sleep(Milliseconds(1_000))
        look(real)
    return names


def events_of(real: RealWorld, name: TransactionId) -> list[str]:
    """The events of a payment, without their prefix."""
    row = next(row for row in real.world.rows() if row.transaction_id == name)
    events = real.world.store.events(row.transaction_id)
    return [event.name.removeprefix("payment_") for event in events]


def check(real: RealWorld, chain: RealChain) -> None:
    """What is stored agrees with itself and with the chain."""
    real.world.check_events()
    real.world.check_nonces()
    assert real.world.reserved() == real.world.held() == 0
    for row in real.world.rows():
        receipt = chain.web3.eth.get_transaction_receipt(row.hash or "")  # type: ignore[arg-type]
        assert row.block_hash == "0x" + bytes(receipt["blockHash"]).hex()
        assert row.block_number == int(receipt["blockNumber"])


@pytest.mark.parametrize("is_dropped", [False, True], ids=["kept by the node", "dropped"])
@pytest.mark.parametrize("depth", [1, 3, 20])
def test_payments_in_replaced_blocks_are_paid_once_and_told(
    chain: RealChain, depth: int, *, is_dropped: bool
) -> None:
    """With the ledger and what watch has cached exact to the last unit."""
    real = chain.world(unwrapped)
    start, payer = chain.web3.eth.block_number, real.payers[0]
    locked, signed = chain.locked(payer.address), chain.signer.signatures
    names = mined(real, AMOUNT, blocks=depth)
    was_over = {row.status.is_terminal for row in real.world.rows()}

    request(chain.web3, "anvil_reorg", depth, [])
    if is_dropped:
        drop_all(chain)
    look(real)
    look(real)
    between = [row.status for row in real.world.rows()]
    held = real.world.reserved()
    for _ in range(3):
        real.world.settle()
        look(real)

    assert was_over == {depth >= chain.settings.required_confirmations}
    assert between == [Status.PENDING] * len(names)
    assert held == AMOUNT * len(names)
    assert [row.status for row in real.world.rows()] == [Status.CONFIRMED] * len(names)
    assert len(chain.executed(start)) == len(names)
    assert all("reorged" in events_of(real, name) for name in names)
    assert chain.signer.signatures - signed == len(names), "nothing is signed again"
    check(real, chain)
    deadline = real.clock.now() // 1000 + 3_600
    with pytest.raises(InsufficientFundsError):
        real.world.post(payer.pay(locked - AMOUNT + 1, deadline=deadline))
    rest = real.world.post(payer.pay(locked - AMOUNT, deadline=deadline)).transaction
    assert rest.status is Status.VALIDATED


def test_a_payment_whose_money_came_in_a_block_that_went_fails_with_a_reason(chain: RealChain) -> None:
    """The deposit is gone, and nobody sends it again: the escrow refuses, and the ledger is exact."""
    real = chain.world(unwrapped)
    payer = Web3.to_checksum_address(real.payers[0].address)
    before = chain.locked(payer)
    request(chain.web3, "anvil_impersonateAccount", payer)
    token, escrow = chain.contracts.usdc, chain.contracts.escrow
    token.functions.mint(payer, AMOUNT).transact({"from": payer})
    token.functions.approve(escrow.address, AMOUNT).transact({"from": payer})
    real.clock.sleep(Milliseconds(1_000))
    first = chain.web3.eth.block_number
    escrow.functions.deposit(token.address, AMOUNT).transact({"from": payer})
    real.clock.sleep(Milliseconds(3_000))
    assert chain.locked(payer) == before + AMOUNT
    deadline = real.clock.now() // 1000 + 3_600
    real.world.post(real.payers[0].pay(before + AMOUNT, deadline=deadline))
    real.world.settle()
    (paid,) = real.world.rows()

    request(chain.web3, "anvil_reorg", chain.web3.eth.block_number - first, [])
    drop_all(chain)
    for _ in range(3):
        real.world.settle()
        real.clock.sleep(Milliseconds(2_000))

    (row,) = real.world.rows()
    assert paid.status is Status.CONFIRMED
    assert (row.status, row.reason) == (Status.FAILED, "reverted")
    assert chain.locked(payer) == before
    check(real, chain)
