"""A real chain in trouble: mining at once or not at all, empty wallets, a paused escrow, a jump of time."""

from collections import Counter
from collections.abc import Iterator

import pytest
from web3.types import Wei

from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds
from tests.fakes.world import unwrapped
from tests.faults.messages import FEE, Body
from tests.faults.real_chain import RealChain, RealWorld, request
from tests.faults.scenarios import AMOUNT

PAYERS = 6
PAYEE = Address("0x" + "ee" * 20)
FIVE_MINUTES = 300
TEN_ETHER = 10**19


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
        request(running.web3, "anvil_dropAllTransactions")


def bodies_of(real: RealWorld, *, deadline_seconds: int = 3_600) -> list[Body]:
    """A payment of each payer."""
    deadline = real.clock.now() // 1000 + deadline_seconds
    return [payer.pay(AMOUNT, fee=FEE, to=PAYEE, deadline=deadline) for payer in real.payers]


def post(real: RealWorld, bodies: list[Body]) -> None:
    """Have them accepted: every one is."""
    for body in bodies:
        assert real.world.post(body).transaction.status is Status.VALIDATED


def live(real: RealWorld, seconds: int) -> None:
    """Do what queue and schedule do, for so long."""
    until = real.clock.now() + seconds * 1_000
    while real.clock.now() < until:
        while real.world.deliver():
            pass
        real.world.bury()
        real.world.follow(run_ms=1)
        real.clock.sleep(Milliseconds(1_000))


def check(real: RealWorld, chain: RealChain, bodies: list[Body], start: int) -> None:
    """Each was executed exactly once, and the records say so."""
    assert Counter(row.status for row in real.world.rows()) == {Status.CONFIRMED: len(bodies)}
    assert Counter(chain.executed(start)) == Counter((body["from"], int(body["nonce"])) for body in bodies)
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()


def wallet_balances(chain: RealChain, wei: int) -> None:
    """Give every relayer wallet so much, whatever it had."""
    for wallet in chain.signer.wallets():
        request(chain.web3, "anvil_setBalance", wallet, hex(wei))


def test_a_chain_that_mines_at_once_and_then_not_for_two_minutes_mines_each_payment_once(
    chain: RealChain,
) -> None:
    """Automine on: each transaction is mined while it is sent. Off: nothing is, and nobody loses patience."""
    real, start = chain.world(unwrapped), chain.web3.eth.block_number
    at_once, later = bodies_of(real), bodies_of(real)

    request(chain.web3, "evm_setAutomine", True)  # noqa: FBT003 (a JSON parameter)
    post(real, at_once)
    live(real, 2)
    request(chain.web3, "evm_setAutomine", False)  # noqa: FBT003 (a JSON parameter)
    mined = Counter(chain.executed(start))
    real.clock.is_mining = False
    post(real, later)
    live(real, 120)
    statuses = Counter(row.status for row in real.world.open_rows())
    real.clock.is_mining = True
    real.world.settle()

    assert mined.total() == PAYERS
    assert statuses == {Status.PENDING: PAYERS}
    check(real, chain, at_once + later, start)


def test_wallets_that_are_drained_to_zero_fail_nothing_and_go_on_when_they_are_filled(
    chain: RealChain,
) -> None:
    """What is in the mempool and what is accepted meanwhile waits for the money."""
    real, start = chain.world(unwrapped), chain.web3.eth.block_number
    under_way, later = bodies_of(real), bodies_of(real)

    post(real, under_way)
    while real.world.deliver():
        pass
    wallet_balances(chain, 0)
    post(real, later)
    live(real, FIVE_MINUTES)
    mined = chain.executed(start)
    failed = [row for row in real.world.rows() if row.status is Status.FAILED]
    wallet_balances(chain, TEN_ETHER)
    live(real, 60)
    real.world.settle()

    assert not mined
    assert not failed
    check(real, chain, under_way + later, start)


def test_an_escrow_that_is_paused_for_five_minutes_fails_no_queued_payment(chain: RealChain) -> None:
    """Neither what was on its way when the pause came, nor what was accepted in it."""
    real, start = chain.world(unwrapped), chain.web3.eth.block_number
    under_way, later = bodies_of(real), bodies_of(real)
    escrow = chain.contracts.escrow.functions
    operator = escrow.defaultAdmin().call()
    request(chain.web3, "anvil_impersonateAccount", operator)

    post(real, under_way)
    first_of_its_block = Wei(10**12)
    escrow.pause().transact({"from": operator, "gas": 500_000, "maxPriorityFeePerGas": first_of_its_block})
    while real.world.deliver():
        pass
    real.clock.sleep(Milliseconds(1_000))
    paused = escrow.paused().call()
    post(real, later)
    live(real, FIVE_MINUTES)
    mined = chain.executed(start)
    failed = [row for row in real.world.rows() if row.status is Status.FAILED]
    escrow.unpause().transact({"from": operator, "gas": 500_000})
    live(real, 60)
    real.world.settle()

    assert paused
    assert not mined
    assert not failed
    check(real, chain, under_way + later, start)


def test_chain_time_that_jumps_an_hour_fails_what_is_too_late_for_the_chain_and_nothing_else(
    chain: RealChain,
) -> None:
    """Ours goes on as before: the contract's word counts, and what was held is free again."""
    real, start = chain.world(unwrapped), chain.web3.eth.block_number
    late, in_time = bodies_of(real, deadline_seconds=120), bodies_of(real, deadline_seconds=7_200)
    locked = {payer.address: chain.locked(payer.address) for payer in real.payers}

    post(real, late + in_time)
    newest = int(chain.web3.eth.get_block("latest")["timestamp"])
    request(chain.web3, "evm_setNextBlockTimestamp", newest + 3_600)
    request(chain.web3, "anvil_mine", "0x1")
    live(real, 150)
    real.world.settle()

    ends = Counter((row.status, row.reason) for row in real.world.rows())
    assert ends == {(Status.CONFIRMED, None): PAYERS, (Status.FAILED, "deadline_passed"): PAYERS}
    assert Counter(chain.executed(start)) == Counter((body["from"], int(body["nonce"])) for body in in_time)
    assert {payer: units - chain.locked(payer) for payer, units in locked.items()} == dict.fromkeys(
        locked, AMOUNT + FEE
    )
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()
