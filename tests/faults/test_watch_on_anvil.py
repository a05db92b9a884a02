"""Watch on a real chain whose newest blocks are replaced: what is cached is what the contract answers."""

from collections.abc import Iterator

import pytest
from web3 import Web3

from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.domain.errors import InsufficientFundsError
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.world import World, unwrapped
from tests.faults.real_chain import RealChain, RealWorld, request


@pytest.fixture(scope="module")
def chain() -> Iterator[RealChain]:
    """One anvil for all; what happens is undone."""
    with RealChain.running() as running:
        yield running


@pytest.fixture
def followed(chain: RealChain) -> Iterator[RealWorld]:
    """A deployment that watch has followed through a payer's withdrawal and its end: the payer is known."""
    with chain.rewound():
        real = chain.world(unwrapped)
        for call in withdrawal(chain, 1):
            happen(chain, real, call)
        follow(real)
        yield real
        # What a reorg put back would be in the next test's way.
        request(chain.web3, "anvil_dropAllTransactions")


def withdrawal(chain: RealChain, units: int) -> list[object]:
    """The calls that announce a withdrawal and call it off."""
    escrow, token = chain.contracts.escrow.functions, chain.contracts.usdc.address
    return [escrow.requestWithdraw(token, units), escrow.cancelWithdraw(token)]


def happen(chain: RealChain, real: RealWorld, call: object) -> None:
    """Carry out a call of the first payer in the next block."""
    payer = Web3.to_checksum_address(real.payers[0].address)
    request(chain.web3, "anvil_impersonateAccount", payer)
    sent = call.transact({"from": payer, "gas": 500_000})  # type: ignore[attr-defined]
    real.clock.sleep(Milliseconds(1_000))
    assert chain.web3.eth.get_transaction_receipt(sent)["status"] == 1


def follow(real: RealWorld) -> None:
    """Run watch until it is at the head."""
    for _ in range(4):
        real.world.watch_once()


def outcomes(world: World) -> list[object]:
    """How each acceptance's question to the cache ended."""
    return [named["outcome"] for metric, _, named in world.metrics.added if metric is Metric.CACHED_READING]


def pay(real: RealWorld, units: int) -> Status:
    """Post a payment; give its status."""
    deadline = real.clock.now() // 1000 + 3_600
    return real.world.post(real.payers[0].pay(units, deadline=deadline)).transaction.status


def test_a_withdrawal_in_blocks_that_went_holds_nothing_back(chain: RealChain, followed: RealWorld) -> None:
    """Three blocks are replaced by empty ones; after the undo the cache vouches for all of it again."""
    locked = chain.locked(followed.payers[0].address)
    happen(chain, followed, withdrawal(chain, locked)[0])
    followed.clock.sleep(Milliseconds(2_000))
    follow(followed)
    with pytest.raises(InsufficientFundsError):
        pay(followed, locked)

    request(chain.web3, "anvil_reorg", 3, [])
    request(chain.web3, "anvil_dropAllTransactions")
    followed.clock.sleep(Milliseconds(1_000))
    follow(followed)

    assert pay(followed, locked) is Status.VALIDATED
    assert outcomes(followed.world) == ["refusing", "judged"]
    assert followed.world.metrics.total(Metric.WATCH_UNDONE_BLOCKS) == 3
    followed.world.settle()
    assert [row.status for row in followed.world.rows()] == [Status.CONFIRMED]


def test_a_payment_executed_in_a_block_that_went_is_followed_again(
    chain: RealChain, followed: RealWorld
) -> None:
    """In a new process, which knows of the reorg only what the tables say; and nothing is spent twice."""
    locked = chain.locked(followed.payers[0].address)
    pay(followed, locked // 2)
    followed.world.deliver()
    followed.clock.sleep(Milliseconds(1_000))
    follow(followed)
    spent = chain.locked(followed.payers[0].address)
    request(chain.web3, "anvil_reorg", 1, [])
    followed.world.restart()
    followed.world.settle()
    follow(followed)

    assert spent == locked - locked // 2
    assert pay(followed, locked - locked // 2) is Status.VALIDATED
    with pytest.raises(InsufficientFundsError):
        pay(followed, 1)
    assert outcomes(followed.world)[:2] == ["judged", "judged"]


def test_a_chain_that_began_anew_voids_everything(chain: RealChain, followed: RealWorld) -> None:
    """A development chain that was reset, or a reorg deeper than what is kept: the payer is unknown again."""
    cursors = DynamoCursors(followed.world.tables)
    before = cursors.cursor(chain.settings.chain_id)
    followed.clock.sleep(Milliseconds(20_000))
    follow(followed)
    request(chain.web3, "anvil_reorg", 18, [])
    follow(followed)
    after = cursors.cursor(chain.settings.chain_id)

    assert before
    assert after
    assert after.fork > before.fork
    assert pay(followed, 1) is Status.VALIDATED
    assert outcomes(followed.world) == ["unknown_account"]
