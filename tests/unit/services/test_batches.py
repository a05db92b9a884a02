"""Batches: many payments in one transaction, and a bad one fails alone."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ferryman.adapters.dynamodb.backlog_parts import DynamoBacklogParts
from ferryman.adapters.dynamodb.operations import ConditionFailedError, Write
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.backlog import PARTS, part_of
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.events import Step
from ferryman.domain.nonces import NonceRow
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Instant, Milliseconds
from ferryman.ports import TransactionHint
from ferryman.services.crowds import SCARCE_WAIT_MS
from ferryman.services.waiting import put_off
from tests.fakes.settled import LOCKED, MemoryWorld, memory_world
from tests.support.payments import CHAIN_ID


def crowd(memory: MemoryWorld, count: int, *, submit: bool = True, **changes: Any) -> list[str]:  # noqa: ANN401 (members of a payment)
    """Post payments, the payers in turn, and submit what is queued; give their ids."""
    payers = memory.payers
    deadline = changes.pop("deadline", memory.deadline())
    names = [
        memory.world.post(payers[n % len(payers)].pay(1_000, fee=7, deadline=deadline, **changes))
        for n in range(count)
    ]
    if submit:
        while memory.world.deliver():
            pass
    return [name.transaction.transaction_id for name in names]


def row_of(memory: MemoryWorld, name: str) -> Transaction:
    """Read a row."""
    return next(row for row in memory.world.rows() if row.transaction_id == name)


def nonces(memory: MemoryWorld) -> list[tuple[int, int]]:
    """Give size and gas limit of each open nonce."""
    return [(len(row.intents), row.gas_limit) for row in open_nonces(memory)]


def open_nonces(memory: MemoryWorld) -> list[NonceRow]:
    """Read the nonces that are not settled."""
    wallets = DynamoWallets(memory.world.tables)
    found = wallets.wallets(memory.world.settings.chain_id)
    return [row for wallet in found for row in wallets.open_nonces(wallet)]


def settled(memory: MemoryWorld) -> None:
    """Go on until all is over, and check what must hold of everything."""
    memory.chain.is_mining = True
    memory.world.settle()
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0
    assert not memory.world.queue.dead


class Without:
    """A port one of whose methods is refused, as for want of a permission."""

    def __init__(self, port: Any, refused: str) -> None:  # noqa: ANN401 (any port)
        self._port = port
        self._refused = refused

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any method)
        return self._refuse if name == self._refused else getattr(self._port, name)

    def _refuse(self, *_: object, **__: object) -> None:
        raise StoreUnavailableError("DynamoDB refused it: AccessDeniedException")


@pytest.mark.parametrize(("port", "method"), [("store", "backlog"), ("parts", "take"), ("parts", "leave")])
def test_a_backlog_that_cannot_be_read_holds_nothing_up(port: str, method: str) -> None:
    """Filling batches up is an economy: what the messages name goes on at once."""
    memory = memory_world(wrap=lambda name, given: Without(given, method) if name == port else given)

    names = crowd(memory, 7)

    assert {row_of(memory, name).status for name in names} == {Status.PENDING}
    settled(memory)


def test_payments_of_one_moment_share_a_transaction() -> None:
    """One nonce, one signature; every payment keeps its own record, events and reservation."""
    memory = memory_world()

    names = crowd(memory, 10)

    assert nonces(memory) == [(10, 10 * 60_000 * 5 // 4)]
    settled(memory)
    rows = [row_of(memory, name) for name in names]
    assert {(row.status, row.hash, row.nonce) for row in rows} == {(Status.CONFIRMED, rows[0].hash, 0)}
    assert sorted(row.batch_position for row in rows if row.batch_position is not None) == list(range(10))
    assert memory.signer.signatures == memory.chain.sends == 1
    assert len(memory.chain.state.executed) == 10


def test_what_a_batch_used_is_shared_to_the_last_unit_of_gas() -> None:
    """The record says what the whole transaction used, and its own share."""
    memory = memory_world(batch_min=3)

    names = crowd(memory, 7)
    settled(memory)

    rows = [row_of(memory, name) for name in names]
    assert {row.gas_used for row in rows} == {7 * 60_000}
    assert sum(row.gas_share or 0 for row in rows) == 7 * 60_000


@pytest.mark.parametrize(
    ("count", "settings", "sizes"),
    [
        (4, {}, [1, 1, 1, 1]),
        (5, {}, [5]),
        (9, {"batch_size": 4, "batch_min": 2}, [3, 3, 3]),
        (9, {"batch_size": 0}, [1] * 9),
        (9, {"batch_size": 1}, [1] * 9),
    ],
)
def test_only_a_crowd_shares_and_no_more_than_the_settings_say(
    count: int, settings: dict[str, Any], sizes: list[int]
) -> None:
    """Fewer than the smallest batch go alone, and more than the largest are cut evenly."""
    memory = memory_world(**settings)
    memory.chain.is_mining = False

    crowd(memory, count)

    assert [size for size, _ in nonces(memory)] == sizes
    settled(memory)


def test_a_backlog_fills_a_batch_beyond_what_the_messages_name() -> None:
    """SQS hands out ten at a time; the rows know of more."""
    memory = memory_world(payers=1, batch_size=40)
    memory.chain.is_mining = False

    crowd(memory, 40)

    assert sum(size for size, _ in nonces(memory)) == 40
    assert max(size for size, _ in nonces(memory)) > 10
    settled(memory)


def test_the_few_that_other_runs_left_of_a_crowd_take_no_nonce_each() -> None:
    """In a flood every second nonce would go to a single payment, and the windows would be full of them."""
    memory = memory_world(batch_size=20)
    crowd(memory, 22, submit=False)
    memory.world.deliver()
    crowd(memory, 10, submit=False)

    while memory.world.deliver():
        pass

    assert sorted(size for size, _ in nonces(memory)) == [12, 20]
    settled(memory)


def test_the_few_that_are_left_of_a_crowd_share_a_nonce_where_no_others_wait() -> None:
    """The messages name ten, of which other runs have taken eight; alone the two would take two nonces."""
    memory = memory_world(payers=10, batch_size=8)
    crowd(memory, 10, submit=False)
    memory.world.submit(memory.world.queue.everything()[:8])

    while memory.world.deliver():
        pass

    assert sorted(size for size, _ in nonces(memory)) == [2, 8]
    settled(memory)


def test_a_run_takes_no_rows_out_of_a_part_of_the_backlog_that_another_takes_from() -> None:
    """Both would prepare the same rows, and one of them in vain."""
    memory = memory_world(payers=1, batch_size=40)
    memory.chain.is_mining = False
    parts, now = DynamoBacklogParts(memory.world.tables), memory.clock.now()
    for part in range(PARTS):
        assert parts.take(CHAIN_ID, part, until=Instant(now + 60_000), now=now)

    crowd(memory, 40)

    assert max(size for size, _ in nonces(memory)) == 10
    settled(memory)


def test_what_needs_nobody_elses_answer_is_asked_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty requests one after the other would be a tenth of a second for everybody in the batch."""
    memory = memory_world(payers=4, batch_size=40)
    asked, work_off = list[int](), memory.world.workers.work_off

    def noted(queues: Sequence[Sequence[Callable[[], None]]]) -> None:
        asked.extend([len(queues)] if queues else [])
        work_off(queues)

    monkeypatch.setattr(memory.world.workers, "work_off", noted)
    crowd(memory, 32, submit=False)

    memory.world.submit(memory.world.queue.everything()[:10])

    assert [size for size, _ in nonces(memory)] == [32]
    rows_pauses_wallets, lease_list, rows_wallets, bind_and_leave, signature = 3, 2, 2, 1 + PARTS, 1
    taken = [lease_list, lease_list * (PARTS - 1)]
    assert asked == [rows_pauses_wallets, *taken, rows_wallets, bind_and_leave, signature]
    settled(memory)


def test_what_a_part_of_the_backlog_lists_in_vain_is_made_up_from_the_others() -> None:
    """The list says when rows are due, and not what they wait for."""
    memory = memory_world(batch_size=8)
    crowd(memory, 40, submit=False)
    hints = memory.world.queue.everything()[:5]
    hinted = [hint.transaction_id for hint in hints if isinstance(hint, TransactionHint)]
    near = [row for row in memory.world.rows() if part_of(row.transaction_id) == part_of(hinted[0])]
    troubled = [row for row in near if row.transaction_id not in hinted]
    assert len(troubled) >= 3
    for row in troubled:
        put_off(row, "trouble", store=memory.world.store, clock=memory.clock, log=memory.world.log)

    memory.world.submit(hints)

    assert [size for size, _ in nonces(memory)] == [8]
    settled(memory)


def test_a_run_leaves_the_parts_it_took_rows_from() -> None:
    """Whatever becomes of it: the next one may take from them."""
    memory = memory_world(payers=1, batch_size=40)
    crowd(memory, 10, submit=False)
    memory.chain.is_reachable = False

    memory.world.deliver()

    parts, now = DynamoBacklogParts(memory.world.tables), memory.clock.now()
    assert all(parts.take(CHAIN_ID, part, until=Instant(now + 1), now=now) for part in range(PARTS))


def test_what_others_bound_while_a_crowd_was_tried_is_not_written_in_vain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A write of a whole batch that fails costs as much as one that does not."""
    memory = memory_world(payers=4, wallets=2, batch_min=2)
    crowd(memory, 4, submit=False)
    hints, refused = memory.world.queue.everything(), list[ConditionFailedError]()
    simulate, transact = memory.chain.simulate, memory.world.tables.transact

    def overtaken(*given: Any, **named: Any) -> Any:  # noqa: ANN401 (as simulate)
        monkeypatch.setattr(memory.chain, "simulate", simulate)
        memory.world.rival().submit(hints[:2])
        return simulate(*given, **named)

    def noted(writes: Sequence[Write]) -> None:
        try:
            transact(writes)
        except ConditionFailedError as error:
            refused.extend([error] if len(writes) > 1 else [])
            raise

    monkeypatch.setattr(memory.chain, "simulate", overtaken)
    monkeypatch.setattr(memory.world.tables, "transact", noted)

    memory.world.submit(hints)

    assert sorted(size for size, _ in nonces(memory)) == [2, 2]
    assert not refused
    settled(memory)


def test_one_that_has_waited_for_a_nonce_takes_the_others_that_wait_along() -> None:
    """A freed nonce carries the backlog, though only one row was hinted."""
    memory = memory_world(wallets=1, window=1, batch_min=2)
    memory.chain.is_mining = False
    crowd(memory, 1)
    crowd(memory, 8)
    assert len(nonces(memory)) == 1

    settled(memory)

    sizes = {row.batch_size for row in memory.world.rows()}
    assert len(sizes - {None}) >= 1
    assert memory.signer.signatures < 9


def test_a_lone_payment_waits_for_others_only_where_the_operator_wants_that() -> None:
    """And an urgent one never."""
    memory = memory_world(batch_min=2, batch_wait_ms=400)
    began = memory.clock.now()

    crowd(memory, 1, priority="fast")
    urgent = memory.clock.now() - began
    crowd(memory, 1)

    assert (urgent, memory.clock.now() - began) == (0, 400)
    settled(memory)


def test_a_crowd_waits_for_more_of_it_the_longer_the_fewer_nonces_are_left() -> None:
    """A small batch takes as much of a window as a full one; where all of it is free, nobody waits."""
    memory = memory_world(payers=1, wallets=1, window=4, express_window=1, batch_min=2)
    memory.chain.is_mining = False

    waits = []
    for _ in range(3):
        before = memory.clock.now()
        crowd(memory, 2)
        waits.append(memory.clock.now() - before)

    assert waits == [0, 100, SCARCE_WAIT_MS]
    settled(memory)


def test_a_few_wait_for_others_only_where_more_than_half_of_the_nonces_is_taken() -> None:
    """What trickles in fast would take a nonce each; one payment now and then is never held up."""
    memory = memory_world(payers=1, wallets=1, window=9, express_window=1)
    memory.chain.is_mining = False

    waits = []
    for _ in range(8):
        before = memory.clock.now()
        crowd(memory, 1)
        waits.append(memory.clock.now() - before)

    assert waits == [0, 0, 0, 0, 0, 38, 75, 112]
    settled(memory)


def test_a_few_that_come_where_nonces_run_out_share_one_with_others_that_wait() -> None:
    """The next takes along what other runs have not taken in hand yet."""
    memory = memory_world(payers=4, wallets=1, window=4, express_window=0)
    memory.chain.is_mining = False
    crowd(memory, 3)
    names = crowd(memory, 4, submit=False)

    memory.world.submit(memory.world.queue.everything()[:1])

    assert {row_of(memory, name).status for name in names} == {Status.PENDING}
    assert [size for size, _ in nonces(memory)] == [1, 1, 1, 4]
    settled(memory)


def test_one_that_the_batch_left_out_for_a_passing_reason_goes_again_alone() -> None:
    """It keeps its money and its place in nobody's way, and is mined once."""
    memory = memory_world(batch_min=2)
    memory.chain.left_out.add((memory.payers[0].address.lower(), 1))

    names = crowd(memory, 3)
    settled(memory)

    left, *others = (row_of(memory, name) for name in names)
    assert {row.status for row in (left, *others)} == {Status.CONFIRMED}
    assert (left.nonce, left.batch_size, [row.batch_size for row in others]) == (1, None, [3, 3])
    assert Step.RETURNED.value in left.reached
    events = [event.name for event in memory.world.store.events(left.transaction_id)]
    assert events == [
        "payment_accepted",
        "payment_pending",
        "payment_returned",
        "payment_pending",
        "payment_confirmed",
    ]
    assert len(memory.chain.state.executed) == 3
    assert not memory.chain.reverted


def test_one_that_the_batch_left_out_for_good_fails_alone_and_its_funds_are_let_go() -> None:
    """Its deadline passed between the simulation and the block."""
    memory = memory_world(batch_min=2, express_deadline_seconds=0)
    memory.chain.is_mining = False
    memory.chain.forget()
    deadline = memory.deadline(31)
    late = memory.payers[0].pay(1_000, deadline=deadline)
    name = memory.world.post(late).transaction.transaction_id
    others = crowd(memory, 2)
    assert [size for size, _ in nonces(memory)] == [3]

    memory.clock.sleep(Milliseconds(40_000))
    settled(memory)

    failed = row_of(memory, name)
    assert (failed.status, failed.reason) == (Status.FAILED, "deadline_passed")
    assert failed.hash == row_of(memory, others[0]).hash
    assert {row_of(memory, other).status for other in others} == {Status.CONFIRMED}
    assert len(memory.chain.state.executed) == 2


def test_a_batch_that_reverts_as_a_whole_fails_nobody() -> None:
    """Each of its payments goes again alone."""
    memory = memory_world(batch_min=2)
    memory.chain.is_mining = False
    names = crowd(memory, 3)
    memory.chain.batches_revert = True

    settled(memory)

    assert {row_of(memory, name).status for name in names} == {Status.CONFIRMED}
    assert len(memory.chain.reverted) == 1
    assert len(memory.chain.state.executed) == 3
    assert memory.signer.signatures == 4


def test_a_batch_whose_simulation_reverts_is_taken_apart_before_any_gas_is_spent() -> None:
    """The payments themselves are good."""
    memory = memory_world(batch_min=2)
    memory.chain.batches_revert = True
    memory.chain.is_mining = False

    crowd(memory, 3)

    assert [size for size, _ in nonces(memory)] == [1, 1, 1]
    settled(memory)
    assert not memory.chain.reverted


def test_until_the_batch_is_deep_one_that_it_left_out_stays_where_it_is() -> None:
    """In another block it may still be carried out: bound anew it would be sent twice."""
    memory = memory_world(batch_min=2, required_confirmations=5)
    memory.chain.left_out.add((memory.payers[0].address.lower(), 1))
    names = crowd(memory, 2)
    memory.clock.sleep(Milliseconds(1_000))

    memory.world.follow(run_ms=2_500)

    left, other = (row_of(memory, name) for name in names)
    assert (left.status, left.nonce, left.block_number) == (Status.PENDING, 0, None)
    assert (other.status, other.block_number is not None) == (Status.PENDING, True)
    settled(memory)
    assert memory.chain.state.executed.count((memory.payers[0].address.lower(), 1)) == 1


def test_a_batch_that_vanishes_and_is_mined_otherwise_is_told_as_it_was_mined() -> None:
    """What the first block left out the second carries out."""
    memory = memory_world(batch_min=2, required_confirmations=3)
    memory.chain.left_out.add((memory.payers[0].address.lower(), 1))
    names = crowd(memory, 2)
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=1_500)
    memory.chain.is_mining = False

    memory.chain.reorg()
    memory.chain.left_out.clear()
    settled(memory)

    assert {row_of(memory, name).nonce for name in names} == {0}
    assert {row_of(memory, name).status for name in names} == {Status.CONFIRMED}
    assert len(memory.chain.state.executed) == 2


def test_a_contract_that_vouches_for_a_signature_goes_alone() -> None:
    """It may burn gas when it is asked again, and a batch would pay for it with everybody's."""
    memory = memory_world(batch_min=2)
    memory.chain.is_mining = False
    wallet = memory.payers[0].address
    memory.chain.contract_wallets.add(wallet)
    vouched = memory.payers[0].pay(1_000, deadline=memory.deadline())
    vouched["signature"] = memory.payers[1].pay(1_000, nonce=99, deadline=memory.deadline())["signature"]
    memory.world.post(vouched)
    for number in (1, 2):
        memory.world.post(memory.payers[1].pay(1_000, nonce=number, deadline=memory.deadline()))

    memory.world.deliver()

    assert sorted(size for size, _ in nonces(memory)) == [1, 2]
    settled(memory)


def test_a_batch_pays_for_the_fastest_of_its_payments() -> None:
    """What shares a transaction shares its fees."""
    memory = memory_world(batch_min=2, express_deadline_seconds=0)
    memory.chain.is_mining = False
    for priority in ("slow", "normal"):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline(), priority=priority))

    memory.world.deliver()

    (row,) = open_nonces(memory)
    assert row.attempts[0].max_fee_per_gas == 2 * memory.chain.base_fee + 10**6


def test_two_payments_of_all_that_a_payer_has_never_meet_in_a_batch() -> None:
    """The reservation keeps the second one out, so nothing is left out on chain for want of funds."""
    memory = memory_world(payers=2, batch_min=2)
    memory.world.post(memory.payers[0].pay(LOCKED, deadline=memory.deadline()))
    memory.world.post(memory.payers[1].pay(LOCKED, deadline=memory.deadline()))

    settled(memory)

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert {row.batch_size for row in memory.world.rows()} == {2}
