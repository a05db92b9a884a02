"""Batches on a real chain with the real contract: gas limits, logs, and who is left out."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds, TransactionId
from tests.fakes.world import unwrapped
from tests.faults.messages import FEE
from tests.faults.real_chain import RealChain, RealWorld, request
from tests.faults.scenarios import AMOUNT

PAYERS = 40


@pytest.fixture(scope="module")
def running() -> Iterator[RealChain]:
    """An anvil whose forty payers have locked funds."""
    with RealChain.running(payers=PAYERS) as started:
        yield started


@pytest.fixture
def chain(running: RealChain) -> Iterator[RealChain]:
    """That chain, with whatever a test does undone."""
    with running.rewound():
        yield running


def posted(real: RealWorld, count: int, *, deadline_seconds: int = 3_600) -> list[str]:
    """Post a payment of each of the first payers; give their ids."""
    deadline = real.clock.now() // 1000 + deadline_seconds
    bodies = [
        payer.pay(AMOUNT, fee=FEE, to=Address(f"0xee{number:038x}"), deadline=deadline)
        for number, payer in enumerate(real.payers[:count])
    ]
    return [real.world.post(body).transaction.transaction_id for body in bodies]


def test_forty_payments_are_one_transaction_of_which_each_bears_its_share(chain: RealChain) -> None:
    """The gas limit that was estimated is enough, though the contract keeps gas back for every payment."""
    settings = chain.settings.model_copy(update={"batch_size": PAYERS, "batch_min": 10})
    real = replace(chain, settings=settings).world(unwrapped)
    start, spent = chain.web3.eth.block_number, chain.spent_nonces()
    posted(real, PAYERS)

    real.world.submit(real.world.queue.everything())
    real.world.queue.lose()
    real.world.settle()

    rows = real.world.rows()
    receipt = chain.web3.eth.get_transaction_receipt(rows[0].hash or "")  # type: ignore[arg-type]
    assert {(row.status, row.hash, row.batch_size) for row in rows} == {
        (Status.CONFIRMED, rows[0].hash, PAYERS)
    }
    assert chain.spent_nonces() == spent + 1
    assert sum(row.gas_share or 0 for row in rows) == receipt["gasUsed"] == rows[0].gas_used
    assert len(chain.executed(start)) == len(set(chain.executed(start))) == PAYERS
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()


def test_one_that_expires_before_its_block_fails_alone(chain: RealChain) -> None:
    """By the contract's own word, in the log of the transaction that carried out the others."""
    settings = chain.settings.model_copy(update={"batch_min": 2, "express_deadline_seconds": 0})
    real = replace(chain, settings=settings).world(unwrapped)
    start = chain.web3.eth.block_number
    (late,) = posted(real, 1, deadline_seconds=35)
    posted(real, 3)
    real.world.deliver()
    request(chain.web3, "anvil_dropAllTransactions")

    real.clock.sleep(Milliseconds(40_000))
    real.world.settle()

    rows = {row.transaction_id: row for row in real.world.rows()}
    failed = rows.pop(TransactionId(late))
    assert (failed.status, failed.reason) == (Status.FAILED, "deadline_passed")
    assert {(row.status, row.hash) for row in rows.values()} == {(Status.CONFIRMED, failed.hash)}
    assert len(chain.executed(start)) == len(rows) == 3
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()
