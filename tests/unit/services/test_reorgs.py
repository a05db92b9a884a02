"""Reorgs deeper than the confirmations: what was over is open again, sent again, and over again."""

from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import BlockNumber, Milliseconds
from tests.fakes.settled import LOCKED, MemoryWorld, memory_world
from tests.fakes.witness import hidden


def paid(memory: MemoryWorld, units: int = 1_000, *, nonce: int = 1) -> Transaction:
    """Post one payment and see it confirmed; give its row."""
    body = memory.payers[0].pay(units, nonce=nonce, deadline=memory.deadline())
    name = memory.world.post(body).transaction.transaction_id
    memory.world.settle()
    row = memory.world.store.get(name)
    assert row is not None
    assert row.status is Status.CONFIRMED
    return row


def again(memory: MemoryWorld, row: Transaction) -> Transaction:
    """Read a row again."""
    found = memory.world.store.get(row.transaction_id)
    assert found is not None
    return found


def names(memory: MemoryWorld, row: Transaction) -> list[str]:
    """The events of a row, without the prefix."""
    events = memory.world.store.events(row.transaction_id)
    return [event.name.removeprefix("payment_") for event in events]


def settled(memory: MemoryWorld) -> None:
    """Go on until all is over, and check what must hold of everything."""
    for _ in range(3):
        memory.world.settle()
        memory.clock.sleep(Milliseconds(2_000))
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0


def forget_anchor(memory: MemoryWorld) -> None:
    """Have a run take the lease, and die at its first look."""
    leases, now = memory.world.confirm.leases, memory.clock.now()
    lease = leases.take(memory.world.settings.chain_id, until=now, now=now)
    assert lease is not None
    leases.renew(lease, until=now, head=None)


@pytest.mark.parametrize("depth", [2, 9])
def test_a_confirmed_payment_whose_block_is_replaced_is_sent_again_and_confirmed_anew(depth: int) -> None:
    """Its mempool is gone as well: the bytes that were kept are sent, and nothing is signed again."""
    memory = memory_world()
    row = paid(memory)
    memory.clock.sleep(Milliseconds(1_000 * (depth - 2)))
    memory.chain.replace(depth, keeps_mempool=False)

    memory.world.follow(run_ms=1_000)

    assert (again(memory, row).status, again(memory, row).hash) == (Status.PENDING, None)
    assert memory.world.reserved() == memory.world.held() == 1_000
    assert memory.world.deliver(), "asked for at once, not when it is overdue"
    settled(memory)
    after = again(memory, row)
    assert (after.status, after.hash, memory.signer.signatures) == (Status.CONFIRMED, row.hash, 1)
    assert after.block_number is not None
    assert row.block_number is not None
    assert after.block_number > row.block_number
    assert names(memory, row) == ["accepted", "pending", "confirmed", "reorged", "confirmed"]
    assert memory.chain.state.executed == [(memory.payers[0].address.lower(), 1)]
    assert memory.world.metrics.total(Metric.REOPENED) == 1


def test_a_payment_that_another_block_carries_is_told_so_and_not_sent_again() -> None:
    """Both in one look: its record names a block that exists."""
    memory = memory_world()
    row = paid(memory)
    sends = memory.chain.sends
    memory.chain.replace(3)

    memory.world.follow(run_ms=1_000)

    after = again(memory, row)
    assert after.status is Status.CONFIRMED
    assert after.block_hash != row.block_hash
    (block,) = memory.chain.blocks([BlockNumber(after.block_number or 0)])
    assert block.hash == after.block_hash
    assert memory.chain.sends == sends
    settled(memory)


def test_a_reorg_while_nothing_is_open_is_seen_by_the_next_schedule() -> None:
    """A run that finds nothing to do looks at one header more, reads no nonce, and ends."""
    asked: list[str] = []
    memory = memory_world(wrap=lambda name, port: Recorder(name, port, asked))
    row = paid(memory)
    memory.clock.sleep(Milliseconds(5_000))
    asked.clear()

    memory.world.follow()
    quiet = list(asked)
    memory.chain.replace(9, keeps_mempool=False)
    memory.world.restart()
    memory.world.follow(run_ms=1_000)

    assert [name for name in quiet if name.startswith("chain.")] == ["chain.head", "chain.blocks"]
    assert "wallets.settled_nonces" not in quiet
    assert again(memory, row).status is Status.PENDING
    settled(memory)


class Recorder:
    """A port that says what it was asked."""

    def __init__(self, name: str, port: Any, asked: list[str]) -> None:  # noqa: ANN401 (any port)
        self._name, self._port, self._asked = name, port, asked

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 (any method)
        self._asked.append(f"{self._name}.{method}")
        return getattr(self._port, method)


def test_what_is_final_stays_over() -> None:
    """Ten times as deep as required: no reorg that happens reaches it, and none is looked for there."""
    memory = memory_world()
    row = paid(memory)
    memory.clock.sleep(Milliseconds(12_000))
    memory.world.follow(run_ms=1_000)

    memory.chain.replace(15, keeps_mempool=False)
    memory.world.follow(run_ms=1_000)

    assert again(memory, row).status is Status.CONFIRMED
    assert memory.world.metrics.total(Metric.REOPENED) == 0


@pytest.mark.parametrize("knows_anchor", [False, True])
def test_a_block_that_went_while_nobody_looked_is_missed_however_long_ago(*, knows_anchor: bool) -> None:
    """Its number is final by now; the block that has it is another one."""
    memory = memory_world()
    row = paid(memory)
    if not knows_anchor:
        forget_anchor(memory)
    memory.chain.replace(2, keeps_mempool=False)
    memory.clock.sleep(Milliseconds(40_000))

    memory.world.follow(run_ms=1_000)

    assert again(memory, row).status is Status.PENDING
    settled(memory)
    assert again(memory, row).status is Status.CONFIRMED


def test_where_the_chain_says_what_is_final_its_word_counts() -> None:
    """The same depth, on a chain whose finality comes later."""
    memory = memory_world()
    memory.chain.final_lag = 30
    row = paid(memory)
    memory.clock.sleep(Milliseconds(12_000))
    memory.world.follow(run_ms=1_000)

    memory.chain.replace(15, keeps_mempool=False)
    memory.world.follow(run_ms=1_000)

    assert again(memory, row).status is Status.PENDING
    settled(memory)


def test_a_deep_block_that_went_while_nobody_looked_is_missed_where_the_chain_says_what_is_final() -> None:
    """At the last look it was deeper than ten confirmations, and by the chain's word not final."""
    memory = memory_world()
    memory.chain.final_lag = 30
    row = paid(memory)
    memory.clock.sleep(Milliseconds(12_000))
    memory.world.follow(run_ms=1_000)
    memory.chain.replace(15, keeps_mempool=False)
    memory.clock.sleep(Milliseconds(60_000))

    memory.world.follow(run_ms=1_000)

    assert again(memory, row).status is Status.PENDING
    settled(memory)
    assert again(memory, row).status is Status.CONFIRMED


def test_a_failed_payment_is_opened_again_and_may_succeed() -> None:
    """It reverted in a block that is gone: in another it finds its funds."""
    memory = memory_world()
    body = memory.payers[0].pay(1_000, nonce=1, deadline=memory.deadline())
    name = memory.world.post(body).transaction.transaction_id
    memory.world.deliver()
    spent = (memory.payers[0].address.lower(), 1)
    memory.chain.state.used.add(spent)
    memory.world.settle()
    row = memory.world.store.get(name)
    assert row is not None
    assert (row.status, row.reason) == (Status.FAILED, "reverted")

    memory.chain.replace(3, meanwhile=lambda: memory.chain.state.used.discard(spent))
    settled(memory)

    assert again(memory, row).status is Status.CONFIRMED
    assert again(memory, row).reason is None
    assert names(memory, row) == ["accepted", "pending", "failed", "reorged", "confirmed"]


def test_a_payer_who_took_the_money_meanwhile_is_told_failed_and_the_ledger_is_exact() -> None:
    """The reorg gave it back, and a withdrawal was mined before the payment was."""
    memory = memory_world(payers=1)
    row = paid(memory, LOCKED)
    key = (memory.world.settings.tokens[0].lower(), memory.payers[0].address.lower())

    memory.chain.replace(3, meanwhile=lambda: memory.chain.state.balances.update({key: LOCKED - 1}))
    settled(memory)

    after = again(memory, row)
    assert (after.status, after.reason) == (Status.FAILED, "reverted")
    assert names(memory, row)[-2:] == ["reorged", "failed"]
    assert memory.chain.state.balances[key] == LOCKED - 1


def test_more_held_than_locked_is_said() -> None:
    """Between the reorg and the look, the payer's money was promised a second time."""
    memory = memory_world(payers=1)
    row = paid(memory, LOCKED)
    memory.chain.replace(3, keeps_mempool=False)
    memory.world.post(memory.payers[0].pay(LOCKED, nonce=2, deadline=memory.deadline()))

    memory.world.follow(run_ms=1_000)

    assert again(memory, row).status is Status.PENDING
    assert memory.world.reserved() == memory.world.held() == 2 * LOCKED
    assert memory.world.metrics.total(Metric.OVER_FUNDS) == 1
    settled(memory)
    ends = {one.status for one in memory.world.rows()}
    assert ends == {Status.CONFIRMED, Status.FAILED}


def test_what_a_run_that_died_had_settled_is_judged_anew() -> None:
    """Nobody wrote down on which branch: the next run reads what is not final."""
    memory = memory_world()
    row = paid(memory)
    forget_anchor(memory)
    memory.chain.replace(2, keeps_mempool=False)
    memory.world.restart()

    memory.world.follow(run_ms=1_000)

    assert again(memory, row).status is Status.PENDING
    settled(memory)


@pytest.mark.parametrize("is_read_from", [True, False])
def test_one_endpoint_on_another_branch_opens_nothing(is_read_from: bool) -> None:  # noqa: FBT001 (a case)
    """Two must agree that a block is gone, whichever of them everything else is read from."""
    memory = memory_world()
    liar, _ = memory.chain.served_by_two()
    row = paid(memory)
    if is_read_from:
        memory.world.chain = liar
        memory.world.restart()
    memory.clock.sleep(Milliseconds(2_000))
    memory.chain.head()
    memory.chain.replace(1)
    liar.branch_from, liar.receipt_lie = BlockNumber(1), hidden

    for _ in range(3):
        memory.world.follow(run_ms=2_000)
        memory.clock.sleep(Milliseconds(1_000))

    assert again(memory, row).status is Status.CONFIRMED
    assert "reorged" not in names(memory, row)


def test_a_receipt_that_is_missing_for_a_moment_is_no_reorg() -> None:
    """An endpoint lost its index; the block is still there."""
    memory = memory_world(required_confirmations=3)
    body = memory.payers[0].pay(1_000, nonce=1, deadline=memory.deadline())
    row = memory.world.post(body).transaction
    memory.world.deliver()
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=2_000)
    receipts = memory.chain.receipts
    memory.chain.receipts = lambda hashes: tuple(None for _ in hashes)  # type: ignore[method-assign]
    memory.world.restart()
    memory.world.follow(run_ms=3_000)
    memory.chain.receipts = receipts  # type: ignore[method-assign]

    settled(memory)

    assert names(memory, row) == ["accepted", "pending", "included", "confirmed"]


def test_a_payment_that_vanishes_before_it_is_deep_is_sent_again_at_once() -> None:
    """Its last send was a moment ago: nothing waits for it to be overdue."""
    memory = memory_world(required_confirmations=3)
    body = memory.payers[0].pay(1_000, nonce=1, deadline=memory.deadline())
    row = memory.world.post(body).transaction
    memory.world.deliver()
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=1_000)
    assert again(memory, row).block_hash

    memory.chain.replace(2, keeps_mempool=False)
    memory.world.follow(run_ms=1_000)

    assert names(memory, row)[-1] == "reorged"
    assert memory.world.deliver()
    settled(memory)


def test_a_batch_whose_block_is_gone_opens_all_its_payments() -> None:
    """One nonce, many fates: those that failed in it as well."""
    memory = memory_world(payers=3, batch_min=2, batch_size=3)
    for payer in memory.payers:
        memory.world.post(payer.pay(1_000, nonce=1, deadline=memory.deadline()))
    memory.world.settle()
    memory.chain.replace(3, keeps_mempool=False)

    memory.world.follow(run_ms=1_000)

    assert [row.status for row in memory.world.rows()] == [Status.PENDING] * 3
    assert memory.world.reserved() == memory.world.held() == 3_000
    settled(memory)
    assert [row.status for row in memory.world.rows()] == [Status.CONFIRMED] * 3
    assert memory.signer.signatures == 1


@pytest.mark.parametrize("is_alone_first", [True, False])
def test_what_a_batch_left_out_is_confirmed_once_whichever_carries_it_out(*, is_alone_first: bool) -> None:
    """It got a nonce of its own; then a reorg let the batch carry it out after all."""
    memory = memory_world(payers=3, wallets=1, batch_min=2, batch_size=3)
    left_out = (memory.payers[1].address.lower(), 1)
    memory.chain.left_out.add(left_out)
    for payer in memory.payers:
        memory.world.post(payer.pay(1_000, nonce=1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=1_000)
    returned = next(row for row in memory.world.rows() if row.sender == memory.payers[1].address)
    assert returned.status is Status.VALIDATED
    if is_alone_first:
        memory.world.settle()
        assert again(memory, returned).status is Status.CONFIRMED

    memory.chain.left_out.clear()
    memory.chain.replace(6 if is_alone_first else 2)
    settled(memory)

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert sorted(memory.chain.state.executed) == sorted((one.address.lower(), 1) for one in memory.payers)


def test_a_nonce_without_intents_is_opened_again_as_well() -> None:
    """Else the nonces above it would hang on a gap."""
    memory = memory_world(payers=1, wallets=1)
    wallets = DynamoWallets(memory.world.tables)
    paid(memory)
    (wallet,) = wallets.wallets(memory.world.settings.chain_id)
    paid(memory, nonce=2)
    (row,) = (row for row in wallets.settled_nonces(wallet) if row.nonce == 0)
    wallets.replace_nonce_row(row, replace(row, intents=(), version=row.version + 1))

    memory.chain.replace(5, keeps_mempool=False)
    settled(memory)

    assert memory.world.metrics.total(Metric.REOPENED) == 1
