"""A restore forgets on which blocks things rest: after it, a reorg must still be noticed."""

from typing import Any

import pytest

from ferryman.adapters.dynamodb.operations import Table
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Milliseconds
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.fakes.tables import MemoryTables
from tests.faults.messages import Message, every_kind, fund, message

_UNITS = 1_000_007
Snapshot = dict[str, Any]


@pytest.fixture
def memory() -> MemoryWorld:
    """Give a world that takes settlements, with a payer who can pay some."""
    world = memory_world(payers=1, wallets=1, **every_kind(SETTINGS))
    fund(world.chain, world.payers[0].address, 3 * _UNITS)
    world.clock.sleep(Milliseconds(20_000))
    return world


def items_of(memory: MemoryWorld) -> Snapshot:
    """Copy the tables."""
    assert isinstance(memory.world.tables, MemoryTables)
    return {name: items.snapshot() for name, items in memory.world.tables.items.items()}


def put_back(memory: MemoryWorld, before: Snapshot, *tables: str) -> None:
    """Put some tables back to what they were; the others are of a later moment."""
    assert isinstance(memory.world.tables, MemoryTables)
    for table in tables:
        memory.world.tables.items[table] = before[table].snapshot()
    memory.world.queue.lose()
    memory.world.restart()


def recovered(memory: MemoryWorld) -> None:
    """Recover until nothing is left to do."""
    assert memory.world.recover()
    assert not memory.world.recover()


def signed(memory: MemoryWorld) -> Message:
    """Have the payer sign a settlement."""
    return message("settlement", memory.payers[0], _UNITS, deadline=memory.deadline())


def the_only(memory: MemoryWorld) -> Transaction:
    """The only row."""
    (row,) = memory.world.rows()
    return row


def lost(memory: MemoryWorld, row: Transaction) -> None:
    """Have the chain replace the block of a row, and nobody know what it held."""
    assert row.block_number is not None
    memory.chain.replace(memory.chain.head().number - row.block_number + 1, keeps_mempool=False)


def check_carried_out_again(memory: MemoryWorld, row: Transaction) -> None:
    """Let everything go on; what the chain lost is done once more, and not only said to be."""
    for _ in range(3):
        memory.clock.sleep(Milliseconds(61_000))
        memory.world.settle()
    after = memory.world.store.get(row.transaction_id)
    assert after
    assert after.status is Status.CONFIRMED
    assert after.block_hash != row.block_hash
    key = (row.sender.lower(), int(str(row.payload["nonce"]), 16))
    assert memory.chain.state.executed.count(key) == 1
    assert after.due_at is None
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0


def test_what_others_carried_out_is_watched_though_only_its_events_tell(memory: MemoryWorld) -> None:
    """The row is of a moment at which it waited; its events say that it is over."""
    accepted = signed(memory).post(memory.world)
    before = items_of(memory)
    memory.chain.relay(accepted.transaction.payload, kind="settlement")
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.settle()
    row = the_only(memory)
    assert (row.status, row.wallet) == (Status.CONFIRMED, None)

    put_back(memory, before, Table.TRANSACTIONS)
    recovered(memory)
    assert the_only(memory).status is Status.CONFIRMED
    lost(memory, row)

    check_carried_out_again(memory, row)


def test_what_a_forgotten_nonce_carried_out_is_watched(memory: MemoryWorld) -> None:
    """The wallets are of a moment at which it had none; nothing of them tells of its block."""
    signed(memory).post(memory.world)
    before = items_of(memory)
    memory.world.settle()
    row = the_only(memory)
    assert (row.status, row.nonce) == (Status.CONFIRMED, 0)

    put_back(memory, before, Table.WALLETS)
    recovered(memory)
    lost(memory, row)

    check_carried_out_again(memory, row)


def test_what_was_settled_after_the_block_that_the_cursors_remember_is_judged_anew(
    memory: MemoryWorld,
) -> None:
    """They are of a moment before; a reorg that leaves that block alone undid what came after it."""
    memory.world.follow(run_ms=1_000)
    before = items_of(memory)
    memory.clock.sleep(Milliseconds(3_000))
    signed(memory).post(memory.world)
    memory.world.settle()
    row = the_only(memory)
    assert row.status is Status.CONFIRMED

    put_back(memory, before, Table.CURSORS)
    lost(memory, row)
    assert not memory.world.recover(), "the tables agree"

    check_carried_out_again(memory, row)


@pytest.mark.parametrize("is_final", [False, True])
def test_only_what_is_not_final_is_watched(memory: MemoryWorld, *, is_final: bool) -> None:
    """Else a recovery would never come to an end, and each would make all of history due."""
    accepted = signed(memory).post(memory.world)
    memory.chain.relay(accepted.transaction.payload, kind="settlement")
    memory.clock.sleep(Milliseconds(2_000))
    before = items_of(memory)
    memory.world.settle()
    memory.clock.sleep(Milliseconds(100_000 if is_final else 1_000))

    put_back(memory, before, Table.TRANSACTIONS)
    recovered(memory)

    assert (the_only(memory).due_at is None) is is_final


def test_a_row_whose_nonce_was_settled_by_another_block_since_is_watched(memory: MemoryWorld) -> None:
    """It is of a moment before a reorg, and the wallets of one after it."""
    signed(memory).post(memory.world)
    memory.world.settle()
    row, before = the_only(memory), items_of(memory)
    assert row.block_number is not None
    memory.chain.replace(memory.chain.head().number - row.block_number + 1)
    memory.world.settle()
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.settle()
    assert the_only(memory).block_hash != row.block_hash

    put_back(memory, before, Table.TRANSACTIONS, Table.EVENTS, Table.ACCOUNTS)
    recovered(memory)

    check_carried_out_again(memory, row)
