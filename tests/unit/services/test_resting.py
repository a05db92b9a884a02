"""What others carried out is over on their word: until their block is final, it may be open again."""

from collections.abc import Callable
from typing import Any

import pytest

from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import BlockNumber, Milliseconds, TransactionId
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.fakes.witness import FakeWitness
from tests.faults.messages import Message, every_kind, fund, message

_UNITS = 1_000_007
_KIND = "settlement"


def world(**settings: Any) -> MemoryWorld:  # noqa: ANN401 (fields of ChainSettings)
    """Give a world that takes settlements, with payers who can pay some."""
    memory = memory_world(**every_kind(SETTINGS) | settings)
    for payer in memory.payers:
        fund(memory.chain, payer.address, 2 * _UNITS)
    memory.clock.sleep(Milliseconds(20_000))
    return memory


def signed(memory: MemoryWorld, *, seconds: int = 3_600, payer: int = 0) -> Message:
    """Have a payer sign a settlement."""
    deadline = memory.clock.now() // 1000 + seconds
    return message(_KIND, memory.payers[payer], _UNITS, deadline=deadline)


def the_only(memory: MemoryWorld) -> Transaction:
    """The only row."""
    (row,) = memory.world.rows()
    return row


def again(memory: MemoryWorld, name: TransactionId) -> Transaction:
    """Read a row."""
    row = memory.world.store.get(name)
    assert row
    return row


def overtaken_with_a_nonce(memory: MemoryWorld, *, seconds: int = 3_600) -> Transaction:
    """Another relayer sees ours on its way, and is mined first: ours reverts."""
    one = signed(memory, seconds=seconds)
    memory.chain.overtaken.add(one.key)
    one.post(memory.world)
    memory.world.settle()
    assert memory.signer.signatures == 1
    return the_only(memory)


def overtaken_in_a_batch(memory: MemoryWorld, *, seconds: int = 3_600) -> Transaction:
    """The same in company: the others go on without it."""
    one = signed(memory, seconds=seconds)
    memory.chain.overtaken.add(one.key)
    name = one.post(memory.world).transaction.transaction_id
    signed(memory, payer=1).post(memory.world)
    memory.world.settle()
    return again(memory, name)


def overtaken_without_a_nonce(memory: MemoryWorld, *, seconds: int = 3_600) -> Transaction:
    """Another relayer has it mined before ours was tried."""
    accepted = signed(memory, seconds=seconds).post(memory.world)
    memory.chain.relay(accepted.transaction.payload, kind=_KIND)
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.settle()
    assert memory.signer.signatures == 0
    return the_only(memory)


def carried_out_after_a_fill(memory: MemoryWorld, *, seconds: int = 3_600) -> Transaction:
    """No node takes our bytes; their nonce is filled, and another relayer comes just after."""
    one = signed(memory, seconds=seconds)
    memory.chain.refused.add(one.key)
    accepted = one.post(memory.world)
    while not memory.chain.transaction_count(memory.signer.wallets()[0]) + memory.chain.transaction_count(
        memory.signer.wallets()[1]
    ):
        memory.world.deliver()
        memory.clock.sleep(Milliseconds(1_000))
        memory.world.follow(run_ms=1_000)
    memory.chain.relay(accepted.transaction.payload, kind=_KIND)
    memory.chain.refused.clear()
    memory.world.settle()
    return the_only(memory)


Overtaken = Callable[..., Transaction]
_WAYS = (
    pytest.param(overtaken_with_a_nonce, {}, id="with a nonce"),
    pytest.param(overtaken_in_a_batch, {"batch_min": 2, "batch_size": 2}, id="in a batch"),
    pytest.param(overtaken_without_a_nonce, {}, id="without a nonce"),
    pytest.param(carried_out_after_a_fill, {"required_confirmations": 3}, id="after a fill"),
)


def by_others(memory: MemoryWorld, overtaken: Overtaken, *, seconds: int = 3_600) -> Transaction:
    """Have a settlement carried out by somebody else, and confirmed."""
    row = overtaken(memory, seconds=seconds)
    assert (row.status, row.hash) == (Status.CONFIRMED, memory.chain.by_others[-1])
    return row


def long_after(memory: MemoryWorld) -> None:
    """Let all that has to be looked at again be looked at, and check what must hold of everything."""
    for _ in range(4):
        memory.clock.sleep(Milliseconds(61_000))
        memory.world.settle()
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0
    for row in memory.world.rows():
        assert row.status.is_terminal
        assert row.due_at is None
        if row.block_number is not None:
            (block,) = memory.chain.blocks([BlockNumber(row.block_number)])
            assert row.block_hash == block.hash


def depth_of(memory: MemoryWorld, row: Transaction) -> int:
    """How many blocks there are from a row's to the newest."""
    assert row.block_number is not None
    return memory.chain.head().number - row.block_number + 1


def names(memory: MemoryWorld, row: Transaction) -> list[str]:
    """The events of a row, without the prefix."""
    events = memory.world.store.events(row.transaction_id)
    return [event.name.removeprefix("settlement_") for event in events]


@pytest.mark.parametrize(("overtaken", "settings"), _WAYS)
def test_what_others_carried_out_is_confirmed_by_the_block_that_holds_it_after_a_reorg(
    overtaken: Overtaken, settings: dict[str, Any]
) -> None:
    """Their transaction is mined again elsewhere, and the record says where."""
    memory = world(**settings)
    row = by_others(memory, overtaken)
    memory.chain.replace(depth_of(memory, row))

    long_after(memory)

    after = again(memory, row.transaction_id)
    assert (after.status, after.hash) == (Status.CONFIRMED, row.hash)
    assert after.block_hash != row.block_hash
    told = names(memory, row)
    assert told[-1] == "confirmed"
    assert told.count("reorged") == 1
    assert memory.world.metrics.total(Metric.REOPENED) >= 1


@pytest.mark.parametrize(("overtaken", "settings"), _WAYS)
def test_what_others_carried_out_and_the_chain_lost_is_carried_out_by_us(
    overtaken: Overtaken, settings: dict[str, Any]
) -> None:
    """Nobody knows their bytes any more: a record that says CONFIRMED would be a lie."""
    memory = world(**settings)
    row = by_others(memory, overtaken)
    memory.chain.replace(depth_of(memory, row), keeps_mempool=False)
    memory.clock.sleep(Milliseconds(61_000))
    memory.world.follow(run_ms=1_000)

    assert again(memory, row.transaction_id).status in {Status.VALIDATED, Status.PENDING}
    assert memory.world.reserved() == memory.world.held() >= _UNITS
    long_after(memory)

    after = again(memory, row.transaction_id)
    assert after.status is Status.CONFIRMED
    assert after.hash not in {None, row.hash}
    key = (row.sender.lower(), int(str(row.payload["nonce"]), 16))
    assert memory.chain.state.executed.count(key) == 1


@pytest.mark.parametrize("lag", [None, 30], ids=["as deep as ten confirmations", "as the chain says"])
def test_what_others_carried_out_is_found_in_a_block_before_its_acceptance(lag: int | None) -> None:
    """A deep reorg brings their transaction back sooner on the new branch than it was accepted on the old."""
    memory = world(required_confirmations=2)
    memory.chain.final_lag = lag
    row = by_others(memory, overtaken_without_a_nonce)
    assert row.accepted_block is not None
    deeper = 15 if lag is None else 25
    memory.chain.reorg(depth_of(memory, row) + deeper)
    memory.chain.most_log_blocks = 10

    long_after(memory)

    after = again(memory, row.transaction_id)
    assert (after.status, after.hash) == (Status.CONFIRMED, row.hash)
    assert after.block_number is not None
    assert after.block_number < row.accepted_block


def test_what_the_chain_lost_and_nobody_can_carry_out_any_more_has_failed() -> None:
    """Its deadline passed while all believed that it was over."""
    memory = world()
    row = by_others(memory, overtaken_without_a_nonce, seconds=60)
    memory.chain.replace(depth_of(memory, row), keeps_mempool=False)

    long_after(memory)

    after = again(memory, row.transaction_id)
    assert (after.status, after.reason, after.block_hash) == (Status.FAILED, "deadline_passed", None)
    assert names(memory, row) == ["accepted", "confirmed", "reorged", "returned", "failed"]
    assert not memory.chain.state.executed


def test_what_others_carried_out_is_left_alone_once_its_block_is_final() -> None:
    """Until then it is looked at once a minute; nothing is told, and nothing written after."""
    memory = world()
    row = by_others(memory, overtaken_without_a_nonce)
    memory.chain.final_lag = 100
    memory.clock.sleep(Milliseconds(61_000))
    memory.world.follow(run_ms=1_000)
    watched = again(memory, row.transaction_id)
    assert watched.due_at is not None
    assert watched.due_at > memory.clock.now()

    memory.clock.sleep(Milliseconds(61_000))
    memory.world.follow(run_ms=1_000)

    assert again(memory, row.transaction_id).due_at is None
    assert names(memory, row) == ["accepted", "confirmed"]


class OfNoFinality(FakeWitness):
    """An endpoint that does not know which blocks are final."""

    def finalized(self) -> None:
        """None: it refuses the word."""
        return


def test_what_one_endpoint_calls_final_counts_beside_one_that_does_not_know_the_word() -> None:
    """Else it would be left alone when it is ten confirmations deep, on a chain that says much later."""
    memory = world()
    memory.chain.final_lag = 100
    memory.chain.endpoints = (FakeWitness(memory.chain), OfNoFinality(memory.chain))
    row = by_others(memory, overtaken_without_a_nonce)
    memory.clock.sleep(Milliseconds(61_000))

    memory.world.follow(run_ms=1_000)

    assert again(memory, row.transaction_id).due_at is not None


@pytest.mark.parametrize("is_read_from", [False, True])
def test_one_endpoint_on_another_branch_does_not_open_what_others_carried_out(*, is_read_from: bool) -> None:
    """Two must agree that a block is gone."""
    memory = world()
    liar, _ = memory.chain.served_by_two()
    row = by_others(memory, overtaken_without_a_nonce)
    if is_read_from:
        memory.world.chain = liar
        memory.world.restart()
    liar.branch_from = BlockNumber(1)

    memory.clock.sleep(Milliseconds(61_000))
    memory.world.follow(run_ms=2_000)

    after = again(memory, row.transaction_id)
    assert after.status is Status.CONFIRMED
    assert after.due_at is not None, "it is asked again"
    assert names(memory, row) == ["accepted", "confirmed"]
