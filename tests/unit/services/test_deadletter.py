"""Dead letters: finished only if the row says so."""

from dataclasses import replace

from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import WalletNonce
from ferryman.ports import Change, NonceHint, TransactionHint
from tests.fakes.settled import MemoryWorld, memory_world


def posted(memory: MemoryWorld) -> Transaction:
    """Post one payment."""
    return memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction


def hint_of(row: Transaction) -> TransactionHint:
    """The message that named a row."""
    return TransactionHint(
        transaction_id=row.transaction_id, chain_id=row.chain_id, sender=row.sender, version=row.version
    )


def test_a_healthy_row_is_due_at_once_and_keeps_its_funds() -> None:
    """Bad luck is no reason to fail anybody."""
    memory = memory_world()
    row = posted(memory)
    memory.world.queue.lose()

    assert memory.world.deadletter([hint_of(row)]) == frozenset()

    (after,) = memory.world.rows()
    assert (after.status, after.due_at) == (Status.VALIDATED, memory.clock.now())
    assert memory.world.reserved() == 1_000
    memory.world.settle()
    assert memory.world.rows()[0].status is Status.CONFIRMED


def test_a_row_with_a_permanent_reason_fails_and_lets_its_funds_go() -> None:
    """The reason is told."""
    memory = memory_world()
    row = posted(memory)
    marked = replace(row, permanent_reason="processing_failed", version=row.version + 1)
    memory.world.store.write(Change(before=row, after=marked))

    assert memory.world.deadletter([hint_of(row)]) == frozenset()

    (after,) = memory.world.rows()
    assert (after.status, after.reason) == (Status.FAILED, "processing_failed")
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()


def test_a_bound_row_is_left_to_confirm() -> None:
    """A nonce holder is never failed."""
    memory = memory_world()
    row = posted(memory)
    memory.world.deliver()
    before = memory.world.rows()

    assert memory.world.deadletter([hint_of(row)]) == frozenset()

    assert memory.world.rows() == before


def test_messages_that_name_nothing_are_logged_as_errors() -> None:
    """An alarm watches these lines."""
    memory = memory_world()
    row = posted(memory)
    memory.world.tables = type(memory.world.tables)()
    memory.world.restart()
    nonce = NonceHint(
        chain_id=row.chain_id, wallet=memory.signer.wallets()[0], nonce=WalletNonce(1), version=1
    )

    assert memory.world.deadletter([hint_of(row), nonce]) == frozenset()

    levels = [level for level, _, _ in memory.world.log.lines]
    assert levels == ["info", "error", "warning"], "after the acceptance's own line"
