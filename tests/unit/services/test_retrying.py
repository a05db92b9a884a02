"""A retry by hand."""

from dataclasses import replace

import pytest

from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    InsufficientFundsError,
    NonceUsedError,
    NotFoundError,
    NotRetriableError,
)
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Milliseconds, TransactionId
from ferryman.intents import KINDS
from ferryman.ports import Change
from ferryman.services.assurance import Assurance
from ferryman.services.chains import ChainAccess
from ferryman.services.ending import fail_unbound
from ferryman.services.retrying import Retrying
from ferryman.services.submit import UNDER_WAY_MS
from tests.fakes.payers import PAYEE
from tests.fakes.settled import LOCKED, MemoryWorld, memory_world
from tests.fakes.talk import FakeLog

OPERATOR = "arn:aws:iam::123456789012:user/operator"


def retrying_of(memory: MemoryWorld) -> Retrying:
    """Build the service over a world's tables."""
    world = memory.world
    return Retrying(
        kinds=KINDS,
        chains={world.settings.chain_id: ChainAccess(world.settings, memory.chain)},
        store=world.store,
        assurance=Assurance(world.store),
        queue=world.queue,
        leases=DynamoLeases(world.tables),
        confirmer=world.confirmer,
        clock=memory.clock,
        log=FakeLog(),
    )


def posted(memory: MemoryWorld, amount: int = 1_000) -> Transaction:
    """Accept a payment, and lose its message."""
    row = memory.world.post(memory.payers[0].pay(amount, deadline=memory.deadline())).transaction
    memory.world.queue.lose()
    return row


def failed(memory: MemoryWorld, row: Transaction) -> Transaction:
    """End a row as its last message would have."""
    fail_unbound(
        row,
        "processing_failed",
        kind=KINDS[row.kind],
        store=memory.world.store,
        clock=memory.clock,
        log=FakeLog(),
    )
    return current(memory, row)


def current(memory: MemoryWorld, row: Transaction) -> Transaction:
    """Read the row as it is now."""
    found = memory.world.store.get(row.transaction_id)
    assert found
    return found


def test_a_poisoned_row_goes_on_after_a_retry() -> None:
    """Its mark is taken off, and its message passes deduplication."""
    memory = memory_world()
    row = posted(memory)
    poisoned = replace(row, permanent_reason="processing_failed", starts=5, version=row.version + 1)
    memory.world.store.write(Change(before=row, after=poisoned))

    retrying_of(memory)(row.transaction_id, by=OPERATOR)
    memory.world.settle()

    assert current(memory, row).status is Status.CONFIRMED


def test_a_bound_row_has_its_nonce_looked_at() -> None:
    """Its bytes are broadcast again."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    memory.world.deliver()
    memory.chain.forget()
    sends = memory.chain.sends
    memory.clock.sleep(Milliseconds(UNDER_WAY_MS))

    retrying_of(memory)(row.transaction_id, by=OPERATOR)
    memory.world.deliver()

    assert memory.chain.sends == sends + 1
    memory.world.settle()
    assert current(memory, row).status is Status.CONFIRMED


def test_a_failed_payment_comes_back_with_its_funds_reserved_and_is_mined() -> None:
    """Its events tell the whole story without a gap."""
    memory = memory_world()
    row = failed(memory, posted(memory))
    assert memory.world.reserved() == 0

    record = retrying_of(memory)(row.transaction_id, by=OPERATOR)

    assert (record["status"], record["reason"]) == ("VALIDATED", None)
    assert memory.world.reserved() == memory.world.held() == 1_000
    memory.world.settle()
    events = [event.name for event in memory.world.store.events(row.transaction_id)]
    assert events[:3] == ["payment_accepted", "payment_failed", "payment_retried"]
    assert events[-1] == "payment_confirmed"
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()
    memory.world.check_nonces()


def test_a_failed_payment_whose_funds_are_promised_to_others_stays_failed() -> None:
    """What was free when it was accepted need not be free now."""
    memory = memory_world(payers=1)
    row = failed(memory, posted(memory, LOCKED))
    posted(memory, 1)

    with pytest.raises(InsufficientFundsError):
        retrying_of(memory)(row.transaction_id, by=OPERATOR)

    assert current(memory, row) == row
    assert memory.world.reserved() == memory.world.held() == 1


def test_a_failed_payment_whose_nonce_the_chain_has_seen_stays_failed() -> None:
    """It would revert."""
    memory = memory_world()
    row = failed(memory, posted(memory))
    memory.chain.state.used.add((row.sender.lower(), int(row.payload["nonce"])))

    with pytest.raises(NonceUsedError):
        retrying_of(memory)(row.transaction_id, by=OPERATOR)

    assert current(memory, row) == row


def test_a_failed_payment_needs_the_chain_to_come_back() -> None:
    """Nothing is promised that was not read."""
    memory = memory_world()
    row = failed(memory, posted(memory))
    memory.chain.is_reachable = False

    with pytest.raises(AssuranceUnavailableError):
        retrying_of(memory)(row.transaction_id, by=OPERATOR)

    assert current(memory, row) == row


def test_a_failed_payment_past_its_deadline_stays_failed() -> None:
    """The contract would refuse it."""
    memory = memory_world()
    row = failed(memory, posted(memory))
    memory.clock.sleep(Milliseconds(3_600_000))

    with pytest.raises(NotRetriableError):
        retrying_of(memory)(row.transaction_id, by=OPERATOR)

    assert current(memory, row) == row


def test_a_confirmed_payment_is_not_retried() -> None:
    """Never twice."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    memory.world.settle()

    with pytest.raises(NotRetriableError):
        retrying_of(memory)(row.transaction_id, by=OPERATOR)


def test_an_unknown_transaction_is_not_found() -> None:
    """And says which field."""
    with pytest.raises(NotFoundError) as refused:
        retrying_of(memory_world())(TransactionId("0x" + "00" * 32), by=OPERATOR)

    assert [problem.field for problem in refused.value.problems] == ["transaction_id"]


def test_what_failed_too_often_begins_anew() -> None:
    """The count of its failures is taken off with the mark."""
    memory = memory_world(failures_allowed=3)
    memory.chain.refused_payees.add(PAYEE)
    posted(memory)
    memory.world.settle(rounds=200)
    (failed,) = memory.world.rows()
    memory.chain.refused_payees.clear()

    retrying_of(memory)(failed.transaction_id, by=OPERATOR)
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (failed.reason, failed.failures) == ("retries_exhausted", 3)
    assert (row.status, row.failures, row.reason) == (Status.CONFIRMED, 0, None)


def test_two_retries_at_once_are_as_one() -> None:
    """The second finds the row as the first left it; the payment is executed once."""
    memory = memory_world()
    row = posted(memory)

    for _ in range(2):
        retrying_of(memory)(row.transaction_id, by=OPERATOR)
    memory.world.settle()

    assert {one.status for one in memory.world.rows()} == {Status.CONFIRMED}
    assert len(memory.chain.state.executed) == 1


@pytest.mark.parametrize(("moves", "outcome"), [(1, "retried"), (2, "retried"), (3, "refused")])
def test_a_row_that_moves_meanwhile_is_read_again(
    monkeypatch: pytest.MonkeyPatch, moves: int, outcome: str
) -> None:
    """A run that puts it off at that moment is no reason to leave it out of a replay, unless it goes on."""
    memory = memory_world()
    row, left = posted(memory), [None] * moves
    retrying = retrying_of(memory)
    read = retrying.store.get

    def overtaken(name: TransactionId) -> Transaction | None:
        before = read(name)
        if before and left:
            left.pop()
            memory.world.store.write(Change(before=before, after=replace(before, version=before.version + 1)))
        return before

    monkeypatch.setattr(retrying.store, "get", overtaken)

    if outcome == "retried":
        assert retrying(row.transaction_id, by=OPERATOR)["status"] == "VALIDATED"
    else:
        with pytest.raises(NotRetriableError):
            retrying(row.transaction_id, by=OPERATOR)
