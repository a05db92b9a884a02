"""Recording: what our own transaction did not carry out may have been carried out by another one."""

import pytest

from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Milliseconds
from tests.fakes.settled import MemoryWorld, memory_world


def broadcast(memory: MemoryWorld, count: int = 1) -> list[Transaction]:
    """Bring payments into the mempool, and no further; give them as they are there."""
    memory.chain.is_mining = False
    for payer in memory.payers[:count]:
        memory.world.post(payer.pay(1_000, deadline=memory.deadline()))
    while memory.world.deliver():
        pass
    return list(memory.world.rows())


def names(memory: MemoryWorld, row: Transaction) -> list[str]:
    """The events of a row."""
    memory.world.check_events()
    return [event.name for event in memory.world.store.events(row.transaction_id)]


def check(memory: MemoryWorld) -> None:
    """Nothing is held any more, each payment was executed once, and no nonce is left."""
    assert memory.world.reserved() == memory.world.held() == 0
    assert len(memory.chain.state.executed) == len(set(memory.chain.state.executed))
    memory.world.check_events()
    memory.world.check_nonces()


@pytest.mark.parametrize("required", [1, 3])
def test_a_payment_whose_transaction_reverts_because_another_paid_it_is_confirmed(required: int) -> None:
    """Its record names the transaction that paid, whether our own is deep at first sight or not."""
    memory = memory_world(wallets=1, required_confirmations=required)
    (sent,) = broadcast(memory)
    by_another = memory.chain.relay(sent.payload)
    memory.chain.is_mining = True

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason, row.hash) == (Status.CONFIRMED, None, by_another)
    assert len(memory.chain.reverted) == 1
    assert names(memory, row)[-1] == "payment_confirmed"
    check(memory)


def test_a_payment_that_a_batch_skips_because_another_paid_it_is_confirmed() -> None:
    """The others of its batch are confirmed by the batch, and it by the transaction that paid it."""
    memory = memory_world(wallets=1, payers=3, batch_min=2)
    sent = broadcast(memory, count=3)
    assert {row.batch_size for row in sent} == {3}
    by_another = memory.chain.relay(sent[0].payload)
    memory.chain.is_mining = True

    memory.world.settle()

    rows = {row.transaction_id: row for row in memory.world.rows()}
    assert {row.status for row in rows.values()} == {Status.CONFIRMED}
    assert rows[sent[0].transaction_id].hash == by_another
    assert len({row.hash for row in rows.values()}) == 2
    check(memory)


def test_a_payment_whose_nonce_another_message_used_fails_as_reverted() -> None:
    """The payer signed two messages with one nonce: the digest tells them apart."""
    memory = memory_world(wallets=1)
    (sent,) = broadcast(memory)
    memory.chain.relay({**sent.payload, "amount": "999"})
    memory.chain.is_mining = True

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "reverted")
    check(memory)


@pytest.mark.parametrize("trouble", ["state", "logs"])
def test_a_reverted_payment_does_not_end_while_nobody_can_say_who_paid_it(trouble: str) -> None:
    """A paid payment must not end as failed because an endpoint is silent for a moment."""
    memory = memory_world(wallets=1)
    (sent,) = broadcast(memory)
    by_another = memory.chain.relay(sent.payload)
    method = {"state": "read", "logs": "range_logs"}[trouble]
    truly = getattr(memory.chain, method)

    def silent(*_args: object, **_options: object) -> None:
        raise ChainUnreachableError(memory.world.settings.chain_id, "silent")

    setattr(memory.chain, method, silent)
    memory.chain.is_mining = True
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.follow(run_ms=3_000)
    (between,) = memory.world.rows()

    setattr(memory.chain, method, truly)
    memory.world.settle()

    (row,) = memory.world.rows()
    assert between.status is Status.PENDING
    assert (row.status, row.hash) == (Status.CONFIRMED, by_another)
    check(memory)


def test_one_endpoint_that_knows_nothing_of_the_nonce_cannot_have_a_paid_payment_fail() -> None:
    """Two must agree that nobody paid it, as on every end."""
    memory = memory_world(wallets=1)
    (sent,) = broadcast(memory)
    first, _second = memory.chain.served_by_two()
    first.is_blank = True
    by_another = memory.chain.relay(sent.payload)
    memory.chain.is_mining = True
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.follow(run_ms=3_000)
    (between,) = memory.world.rows()

    first.is_blank = False
    memory.world.settle()

    (row,) = memory.world.rows()
    assert between.status is Status.PENDING
    assert (row.status, row.hash) == (Status.CONFIRMED, by_another)
    check(memory)
