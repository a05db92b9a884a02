"""Filling: a nonce whose intents are given up is used up by nothing, and those above it go on."""

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import FillReason, NonceRow, Purpose
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Milliseconds, WalletNonce
from ferryman.ports import SendOutcome, SendResult
from tests.fakes.settled import MemoryWorld, memory_world


def nonce_row(memory: MemoryWorld, nonce: int = 0) -> NonceRow:
    """A nonce of the only wallet."""
    (wallet,) = memory.signer.wallets()
    row = DynamoWallets(memory.world.tables).nonce_row(
        memory.world.settings.chain_id, wallet, WalletNonce(nonce)
    )
    assert row
    return row


def names(memory: MemoryWorld, row: Transaction) -> list[str]:
    """The events of a row."""
    memory.world.check_events()
    return [event.name for event in memory.world.store.events(row.transaction_id)]


def refused_and_healthy(memory: MemoryWorld) -> tuple[Transaction, Transaction]:
    """Post a payment whose bytes no node takes, and a healthy one behind it; give both as they end."""
    first, second = memory.payers
    memory.chain.refused.add((first.address.lower(), 1))
    bad = memory.world.post(first.pay(1_000, nonce=1, deadline=memory.deadline())).transaction
    memory.world.deliver()
    good = memory.world.post(second.pay(1_000, nonce=1, deadline=memory.deadline())).transaction
    memory.world.settle()
    ended = {row.transaction_id: row for row in memory.world.rows()}
    return ended[bad.transaction_id], ended[good.transaction_id]


def test_cancelling_one_transaction_does_not_strand_the_nonces_above_it() -> None:
    """Bytes that no node takes are replaced by a fill of the same nonce (rrelayer #99)."""
    memory = memory_world(wallets=1)

    bad, good = refused_and_healthy(memory)

    assert (good.status, good.nonce) == (Status.CONFIRMED, 1)
    assert (bad.status, bad.reason, bad.nonce) == (Status.FAILED, "rejected", 0)
    assert names(memory, bad) == ["payment_accepted", "payment_pending", "payment_failed"]
    memory.world.check_nonces()


def test_a_refused_payment_ends_with_the_first_reason_and_lets_its_funds_go() -> None:
    """The node's own words stay on the nonce's row; what the fill cost is in the record."""
    memory = memory_world(wallets=1)

    bad, _ = refused_and_healthy(memory)

    row = nonce_row(memory)
    assert (row.fill_reason, row.last_error) == (FillReason.REJECTED, "intrinsic gas too low")
    assert [attempt.purpose for attempt in row.attempts] == [Purpose.CALL, Purpose.FILL]
    assert (bad.hash, bad.gas_used) == (row.attempts[1].hash, 21_000)
    assert memory.world.reserved() == memory.world.held() == 0
    assert memory.world.metrics.total(Metric.FILLS) == 1


def test_both_fees_of_a_fill_are_above_all_that_was_signed_before() -> None:
    """Rundler #221, #550: a pool may hold the call, and takes a replacement only if both fees rise."""
    memory = memory_world(wallets=1)

    refused_and_healthy(memory)

    call, fill = nonce_row(memory).attempts
    assert fill.max_fee_per_gas * 8 >= call.max_fee_per_gas * 9
    assert fill.max_priority_fee_per_gas * 8 >= call.max_priority_fee_per_gas * 9


def test_a_call_that_is_mined_before_its_fill_counts() -> None:
    """One node refused it for good, another had it already: whatever is mined is the truth."""
    memory = memory_world(wallets=1)
    take = memory.chain.send

    def refusing(envelopes: list[bytes]) -> tuple[SendResult, ...]:
        take(envelopes)
        memory.chain.mine()
        memory.chain.send = take  # type: ignore[method-assign]
        return tuple(SendResult(SendOutcome.PERMANENT, "invalid signature") for _ in envelopes)

    memory.chain.send = refusing  # type: ignore[method-assign, assignment]
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.CONFIRMED, None)
    assert len(memory.chain.state.executed) == 1
    memory.world.check_nonces()


def test_payments_of_a_batch_that_no_node_takes_go_on_alone() -> None:
    """Nobody knows which of them is at fault; the one that is, is refused alone, too."""
    memory = memory_world(wallets=1, batch_min=2, batch_size=2)
    for payer in memory.payers:
        memory.world.post(payer.pay(1_000, nonce=1, deadline=memory.deadline()))
    memory.chain.refused.add((memory.payers[0].address.lower(), 1))

    memory.world.settle()

    rows = {row.sender: row for row in memory.world.rows()}
    bad, good = (rows[payer.address] for payer in memory.payers)
    assert (bad.status, bad.reason) == (Status.FAILED, "rejected")
    assert good.status is Status.CONFIRMED
    assert "payment_returned" in names(memory, good)
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_nonces()


def test_a_bound_payment_past_its_deadline_is_filled_and_fails() -> None:
    """The contract would refuse it, at the price of its gas: the nonce is used up by nothing instead."""
    memory = memory_world(wallets=1)
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(60)))
    memory.world.deliver()
    memory.chain.forget()
    memory.chain.is_reachable = False
    memory.clock.sleep(Milliseconds(62_000))
    memory.chain.is_reachable = True

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "deadline_passed")
    assert not memory.chain.reverted
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_nonces()


def test_a_payment_that_was_mined_in_time_counts_though_nobody_saw_it_before_its_deadline() -> None:
    """The chain went away right after it mined the payment, and came back an hour later."""
    memory = memory_world(wallets=1)
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(60)))
    memory.world.deliver()
    memory.chain.mine()
    memory.chain.is_reachable = False
    memory.clock.sleep(Milliseconds(3_600_000))
    memory.chain.is_reachable = True

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.CONFIRMED, None)
    assert memory.signer.signatures == 1
    memory.world.check_nonces()


def test_a_nonce_past_its_deadline_that_was_never_signed_is_filled_at_once() -> None:
    """It died between bind and signature: what is signed now is the fill."""
    memory = memory_world(wallets=1)
    memory.signer.is_available = False
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(60)))
    memory.world.deliver()
    memory.clock.sleep(Milliseconds(62_000))
    memory.signer.is_available = True

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "deadline_passed")
    assert [attempt.purpose for attempt in nonce_row(memory).attempts] == [Purpose.FILL]
    assert memory.world.reserved() == memory.world.held() == 0


def test_a_batch_is_filled_only_when_all_its_payments_are_past_their_deadlines() -> None:
    """Until then the contract leaves the late ones out by itself."""
    memory = memory_world(wallets=1, batch_min=2, batch_size=2)
    for payer, seconds in zip(memory.payers, (300, 3_600), strict=True):
        memory.world.post(payer.pay(1_000, deadline=memory.deadline(seconds)))
    memory.world.deliver()
    memory.chain.forget()
    memory.chain.is_reachable = False
    memory.clock.sleep(Milliseconds(302_000))
    memory.chain.is_reachable = True

    memory.world.settle()

    rows = {row.sender: row for row in memory.world.rows()}
    late, timely = (rows[payer.address] for payer in memory.payers)
    assert (late.status, late.reason) == (Status.FAILED, "deadline_passed")
    assert timely.status is Status.CONFIRMED
    assert all(attempt.purpose is Purpose.CALL for attempt in nonce_row(memory).attempts)
