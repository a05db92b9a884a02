"""A payer races the ledger with all the contract lets him do; another relayer executes what we accepted."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import Web3
from web3.types import Wei

from ferryman.domain.errors import InsufficientFundsError, NonceUsedError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds
from tests.fakes.world import unwrapped
from tests.faults.messages import FEE, Body
from tests.faults.real_chain import RealChain, RealWorld, request

PAYEE = Address(Web3.to_checksum_address("0x" + "ee" * 20))
STRANGER = Web3.to_checksum_address("0x" + "57" * 20)
FIRST_OF_ITS_BLOCK = Wei(10**12)


@pytest.fixture(scope="module")
def running() -> Iterator[RealChain]:
    """An anvil whose payers have locked funds."""
    with RealChain.running() as started:
        yield started


@pytest.fixture
def chain(running: RealChain) -> Iterator[RealChain]:
    """That chain, with whatever a test does undone."""
    with running.rewound():
        yield running
        request(running.web3, "anvil_dropAllTransactions")


def send(chain: RealChain, sender: ChecksumAddress, call: Any) -> None:  # noqa: ANN401 (web3's functions)
    """Have anybody send a call that comes first in the next block."""
    request(chain.web3, "anvil_impersonateAccount", sender)
    request(chain.web3, "anvil_setBalance", sender, hex(10**20))
    call.transact({"from": sender, "gas": 500_000, "maxPriorityFeePerGas": FIRST_OF_ITS_BLOCK})


def pass_a_block(real: RealWorld) -> None:
    """Let the next block be mined."""
    real.clock.sleep(Milliseconds(1_000))


def everything(chain: RealChain, payer: ChecksumAddress, nonces: list[int]) -> None:
    """Announce the withdrawal of all, invalidate each nonce, and allow the escrow nothing any more."""
    escrow, token = chain.contracts.escrow.functions, chain.contracts.usdc
    send(chain, payer, escrow.requestWithdraw(token.address, chain.locked(payer)))
    send(chain, payer, token.functions.approve(chain.contracts.escrow.address, 0))
    for nonce in nonces:
        send(chain, payer, escrow.requestInvalidate(nonce))


@pytest.mark.parametrize("is_broadcast", [False, True], ids=["accepted", "broadcast"])
def test_a_payer_who_does_all_he_can_after_he_was_accepted_still_pays(
    chain: RealChain, *, is_broadcast: bool
) -> None:
    """Withdrawal, invalidation and allowance: each comes too late, though it is first in its block."""
    real, start = chain.world(unwrapped), chain.web3.eth.block_number
    payer, locked = real.payers[0], chain.locked(real.payers[0].address)
    half, deadline = locked // 2 - FEE, real.clock.now() // 1000 + 3_600
    bodies = [payer.pay(half, fee=FEE, to=PAYEE, deadline=deadline) for _ in range(2)]

    for body in bodies:
        real.world.post(body)
    while is_broadcast and real.world.deliver():
        pass
    everything(chain, Web3.to_checksum_address(payer.address), [int(body["nonce"]) for body in bodies])
    pass_a_block(real)
    real.world.settle()

    assert Counter(row.status for row in real.world.rows()) == {Status.CONFIRMED: 2}
    assert len(chain.executed(start)) == 2
    assert chain.locked(payer.address) == locked - 2 * (half + FEE)
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()


def test_what_a_payer_has_taken_back_before_is_not_accepted(chain: RealChain) -> None:
    """Neither funds whose withdrawal is announced, nor a nonce whose invalidation is."""
    real = chain.world(unwrapped)
    payer, locked = real.payers[0], chain.locked(real.payers[0].address)
    deadline = real.clock.now() // 1000 + 3_600
    escrow, token = chain.contracts.escrow.functions, chain.contracts.usdc.address
    address = Web3.to_checksum_address(payer.address)
    send(chain, address, escrow.requestWithdraw(token, locked - 10))
    send(chain, address, escrow.requestInvalidate(77))
    pass_a_block(real)

    with pytest.raises(InsufficientFundsError):
        real.world.post(payer.pay(11, to=PAYEE, deadline=deadline))
    with pytest.raises(NonceUsedError):
        real.world.post(payer.pay(10, to=PAYEE, nonce=77, deadline=deadline))
    real.world.post(payer.pay(10, to=PAYEE, deadline=deadline))
    real.world.settle()

    assert [row.status for row in real.world.rows()] == [Status.CONFIRMED]


def execution(chain: RealChain, body: Body) -> Any:  # noqa: ANN401 (web3's functions)
    """The call that executes a payment."""
    members = ("token", "from", "to", "amount", "fee", "nonce", "deadline")
    payment = tuple(
        int(body[name]) if name not in {"token", "from", "to"} else body[name] for name in members
    )
    return chain.contracts.escrow.functions.executePayment(payment, HexBytes(body["signature"]))


def accepted(real: RealWorld) -> None:
    """Leave it at its acceptance."""


def broadcast(real: RealWorld) -> None:
    """Bring it to the mempool."""
    while real.world.deliver():
        pass


@pytest.mark.parametrize("until", [accepted, broadcast], ids=["before a nonce", "after the broadcast"])
def test_a_payment_that_another_relayer_executes_is_paid_once_and_holds_nothing(
    chain: RealChain, until: Callable[[RealWorld], None]
) -> None:
    """Its role is an operator's mistake: the escrow belongs to one ledger. Still nobody pays twice.

    What has no nonce yet is found executed, and so is what we broadcast, though our own bytes revert.
    """
    real, start = chain.world(unwrapped), chain.web3.eth.block_number
    payer, locked = real.payers[0], chain.locked(real.payers[0].address)
    body = payer.pay(1_000, fee=FEE, to=PAYEE, deadline=real.clock.now() // 1000 + 3_600)
    escrow = chain.contracts.escrow.functions
    send(chain, escrow.defaultAdmin().call(), escrow.grantRole(escrow.RELAYER_ROLE().call(), STRANGER))
    pass_a_block(real)

    real.world.post(body)
    until(real)
    send(chain, STRANGER, execution(chain, body))
    pass_a_block(real)
    real.world.settle()

    (row,) = real.world.rows()
    assert (row.status, row.reason) == (Status.CONFIRMED, None)
    assert chain.web3.eth.get_transaction(HexBytes(str(row.hash)))["from"] == STRANGER
    assert len(chain.executed(start)) == 1
    assert chain.locked(payer.address) == locked - 1_000 - FEE
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()
