"""Recovery as operators ask for it, and single damages of each sort."""

from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.operations import Delete, Table, Update
from ferryman.adapters.dynamodb.recovery import DynamoRecovery
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.errors import AssuranceUnavailableError, InvalidFieldsError
from ferryman.domain.nonces import Purpose
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from ferryman.intents import KINDS
from ferryman.services.chains import ChainAccess
from ferryman.services.recover import Recover
from ferryman.services.recovering import MOST_AT_ONCE, Recovering
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.talk import FakeLog
from tests.fakes.witness import FakeWitness

NAME = "0x" + "6f" * 32


def recovering_of(memory: MemoryWorld) -> Recovering:
    """Build the service over a world's tables."""
    world = memory.world
    chain_id = world.settings.chain_id

    def recovery(*, is_dry: bool) -> Recover:
        return Recover(
            kinds=KINDS,
            chains={chain_id: ChainAccess(world.settings, memory.chain)},
            store=DynamoTransactions(world.tables),
            wallets=DynamoWallets(world.tables),
            recovery=DynamoRecovery(world.tables),
            clock=memory.clock,
            log=FakeLog(),
            is_dry=is_dry,
        )

    return Recovering(recovery=recovery, chain_ids=(chain_id,))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "part"),
        ({"part": "everything"}, "part"),
        ({"part": "pools", "dry_run": "no"}, "dry_run"),
        ({"part": "transactions", "names": "all"}, "names"),
        ({"part": "transactions", "names": [1]}, "names"),
        ({"part": "transactions", "names": [NAME] * (MOST_AT_ONCE + 1)}, "names"),
        ({"part": "transactions", "names": ["0x12"]}, "transaction_id"),
        ({"part": "accounts", "names": ["0x12"]}, "names"),
        ({"part": "accounts", "names": ["1:0x12"]}, "names"),
        ({"part": "pools", "force": True}, "force"),
    ],
)
def test_a_request_that_is_no_part_of_a_recovery_is_refused_by_its_field(
    body: dict[str, Any], field: str
) -> None:
    """And nothing is touched."""
    with pytest.raises(InvalidFieldsError) as refused:
        recovering_of(memory_world())(body)

    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_recovery_is_a_dry_run_unless_told_otherwise() -> None:
    """What it would do is said, and not done."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    marker = KINDS[row.kind].marker(row.payload)
    DynamoRecovery(memory.world.tables).let_go(marker, row.transaction_id)
    body = {"part": "transactions", "names": [row.transaction_id]}

    dry = recovering_of(memory)(body)
    held_after_dry = memory.world.held()
    done = recovering_of(memory)({**body, "dry_run": False})

    assert dry["dry_run"] is True
    assert dry["findings"] == done["findings"] != []
    assert (held_after_dry, memory.world.held()) == (0, 1_000)


def test_without_the_chain_nothing_is_recovered() -> None:
    """Nothing is known of it, so nothing is written."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    memory.chain.is_reachable = False

    with pytest.raises(AssuranceUnavailableError):
        recovering_of(memory)({"part": "transactions", "names": [row.transaction_id], "dry_run": False})


def test_while_a_node_is_behind_the_operator_is_told_to_try_again() -> None:
    """It knows nothing yet of the block that used the nonce."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    memory.chain.relay(row.payload)
    memory.chain.mine()
    memory.chain.is_mining = False
    memory.chain.endpoints = (FakeWitness(memory.chain),)
    memory.chain.endpoints[0].lag = 1

    with pytest.raises(AssuranceUnavailableError, match="behind"):
        recovering_of(memory)({"part": "transactions", "names": [row.transaction_id], "dry_run": False})


def test_a_healthy_deployment_has_nothing_to_recover() -> None:
    """Open and over, in every state."""
    memory = memory_world()
    for amount in (1_000, 2_000, 3_000):
        memory.world.post(memory.payers[0].pay(amount, deadline=memory.deadline()))
        if amount == 1_000:
            memory.world.settle()
        elif amount == 2_000:
            memory.world.deliver()

    assert memory.world.recover() == []


def test_an_execution_that_the_row_has_forgotten_is_found_by_its_digest() -> None:
    """With the transaction, the block and the gas of the receipt."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    tables = memory.world.tables
    before = {table: items.snapshot() for table, items in tables.items.items()}  # type: ignore[attr-defined]
    memory.world.settle()
    mined = memory.world.store.get(row.transaction_id)
    tables.items.update(before)  # type: ignore[attr-defined]
    memory.world.queue.lose()

    memory.world.recover()

    found = memory.world.store.get(row.transaction_id)
    assert mined
    assert found
    assert found.status is Status.CONFIRMED
    assert (found.hash, found.block_number, found.gas_used, found.gas_cost, found.fee_taken) == (
        mined.hash,
        mined.block_number,
        mined.gas_used,
        mined.gas_cost,
        mined.fee_taken,
    )
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()


def test_a_nonce_that_belongs_to_nothing_is_filled_and_blocks_nobody() -> None:
    """A gap would hold up every later payment of the wallet."""
    memory = memory_world(wallets=1)
    (address,) = memory.signer.wallets()
    first = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    memory.world.settle()
    key = {"wallet": f"{first.chain_id}:{address}", "item": "state"}
    memory.world.tables.write(Update(table=Table.WALLETS, key=key, set_to={"next_nonce": 2}))

    memory.world.recover()
    second = memory.world.post(memory.payers[1].pay(1_000, deadline=memory.deadline())).transaction
    memory.clock.sleep(Milliseconds(5_000))
    memory.world.settle()

    row = memory.world.store.get(second.transaction_id)
    fill = DynamoWallets(memory.world.tables).nonce_row(first.chain_id, address, row.nonce - 1)  # type: ignore[union-attr, operator, arg-type]
    assert row
    assert row.status is Status.CONFIRMED
    assert fill
    assert [attempt.purpose for attempt in fill.attempts] == [Purpose.FILL]
    memory.world.check_nonces()


def test_events_without_a_row_no_longer_stand_in_the_way_of_the_same_message() -> None:
    """The row was lost, its client posts again: as if for the first time."""
    memory = memory_world()
    body = memory.payers[0].pay(1_000, deadline=memory.deadline())
    row = memory.world.post(body).transaction
    memory.world.tables.write(Delete(table=Table.TRANSACTIONS, key={"transaction_id": row.transaction_id}))
    memory.world.queue.lose()

    memory.world.recover()
    again = memory.world.post(body)
    memory.world.settle()

    assert again.is_new
    assert [found.status for found in memory.world.rows()] == [Status.CONFIRMED]
    assert memory.world.reserved() == memory.world.held() == 0


def test_a_settled_block_rises_so_that_no_older_balance_is_used() -> None:
    """A payment that was lost here may have spent what an older balance still shows."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    memory.clock.sleep(Milliseconds(5_000))

    memory.world.recover()

    reservation = replace(KINDS[row.kind].reservation(row.payload))
    assert memory.world.store.ledger(reservation).settled_block == memory.chain.head().number


def test_a_nonce_that_was_closed_after_the_restored_moment_is_opened_for_confirm() -> None:
    """Wallets are newer than the rows: else nobody would ever look at that nonce again."""
    memory = memory_world()
    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    memory.world.deliver()
    items = memory.world.tables.items  # type: ignore[attr-defined]
    older = {name: items[name].snapshot() for name in (Table.TRANSACTIONS, Table.EVENTS, Table.ACCOUNTS)}
    memory.world.settle()
    items.update(older)

    memory.world.recover()
    memory.world.settle()

    found = memory.world.store.get(row.transaction_id)
    assert found
    assert found.status is Status.CONFIRMED
    assert [event.name for event in memory.world.store.events(row.transaction_id)][-2:] == [
        "payment_pending",
        "payment_confirmed",
    ]
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()
    memory.world.check_nonces()
