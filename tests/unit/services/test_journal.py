"""The journal: what is said and counted of each step that was written."""

from dataclasses import replace

import pytest

from ferryman.adapters.dynamodb.items import event_item
from ferryman.adapters.dynamodb.journalled import JournalledTables
from ferryman.adapters.dynamodb.operations import Absent, ConditionFailedError, Put, Table
from ferryman.domain.events import Event, Step
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import take_step
from ferryman.domain.units import CorrelationId, Instant
from ferryman.services.journal import Journal
from tests.fakes.metrics import FakeMetrics
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeLog
from tests.support.payments import CHAIN_ID
from tests.support.rows import NOW, received_row

_MINED = {
    "gas_used": 60_000,
    "gas_share": 60_000,
    "effective_gas_price": 2 * 10**9,
    "hash": "0x" + "2b" * 32,
    "block_number": 7,
    "block_hash": "0x" + "b1" * 32,
}


def life(*steps: Step, **last: object) -> list[Event]:
    """Take steps ten milliseconds apart, with facts of the last one."""
    row = replace(received_row(), correlation_id=CorrelationId("request-1"))
    events = []
    for number, step in enumerate(steps):
        facts = last if number == len(steps) - 1 else {}
        at = Instant(NOW + 10 * number)
        row, event = take_step(row, step, name=f"payment_{step}", at=at, **facts)
        events.append(event)
    return events


def journalled(*events: Event) -> tuple[FakeLog, FakeMetrics]:
    """Note events."""
    log, metrics = FakeLog(), FakeMetrics()
    journal = Journal(log=log, metrics=metrics)
    for event in events:
        journal(event)
    return log, metrics


def test_every_step_is_a_line_with_the_transaction_and_the_request_it_came_with() -> None:
    """One search over all functions gives the whole way, from request to receipt."""
    log, _ = journalled(*life(Step.ACCEPTED, Step.BOUND, Step.INCLUDED, **_MINED))

    assert [values["step"] for _, _, values in log.lines] == ["accepted", "bound", "included"]
    assert {values["correlation_id"] for _, _, values in log.lines} == {"request-1"}
    assert {values["transaction_id"] for _, _, values in log.lines} == {received_row().transaction_id}
    assert log.lines[-1][2]["hash"] == _MINED["hash"]


def test_each_stage_is_timed_from_the_step_that_began_it() -> None:
    """Steps are ten milliseconds apart here."""
    _, metrics = journalled(*life(Step.ACCEPTED, Step.BOUND, Step.INCLUDED, Step.CONFIRMED, confirmations=1))

    assert [(metric, value) for metric, value, _ in metrics.added if "TIME" in metric.name] == [
        (Metric.TIME_TO_BIND, 10),
        (Metric.TIME_TO_INCLUSION, 10),
        (Metric.TIME_TO_CONFIRMATION, 10),
        (Metric.SETTLEMENT_TIME, 30),
    ]


def test_what_was_received_without_the_chain_is_timed_to_its_bind_from_its_assurance() -> None:
    """An outage is not slowness of submit; to the client the whole time counts."""
    steps = (Step.RECEIVED, Step.VALIDATED, Step.BOUND, Step.INCLUDED, Step.CONFIRMED)

    _, metrics = journalled(*life(*steps, confirmations=1))

    assert metrics.total(Metric.TIME_TO_BIND) == 10
    assert metrics.total(Metric.SETTLEMENT_TIME) == 40
    assert metrics.total(Metric.ACCEPTED) == 1


def test_gas_is_counted_when_it_is_mined() -> None:
    """60,000 gas at 2 gwei."""
    _, metrics = journalled(*life(Step.ACCEPTED, Step.BOUND, Step.INCLUDED, **_MINED))

    assert metrics.total(Metric.GAS_USED) == 60_000
    assert metrics.total(Metric.GAS_COST) == pytest.approx(0.00012)


def test_of_a_batch_each_intent_counts_its_share_of_the_gas() -> None:
    """Their sum is what the chain transaction used, and not as many times that."""
    shares = [_MINED | {"gas_share": 30_000, "confirmations": 1}] * 2

    _, metrics = journalled(
        *(event for share in shares for event in life(Step.ACCEPTED, Step.BOUND, Step.CONFIRMED, **share))
    )

    assert metrics.total(Metric.GAS_USED) == 60_000


def test_what_is_deep_at_first_sight_ends_its_inclusion_too() -> None:
    """At one confirmation there is no step between pending and confirmed."""
    _, metrics = journalled(*life(Step.ACCEPTED, Step.BOUND, Step.CONFIRMED, **_MINED, confirmations=1))

    assert metrics.total(Metric.TIME_TO_INCLUSION) == 10


def test_the_average_of_failure_is_the_failure_rate() -> None:
    """An alarm on it needs no arithmetic between metrics."""
    _, metrics = journalled(
        *life(Step.ACCEPTED, Step.BOUND, Step.INCLUDED, Step.CONFIRMED, confirmations=1),
        *life(Step.ACCEPTED, Step.FAILED, reason="deadline_passed"),
    )

    assert [value for metric, value, _ in metrics.added if metric is Metric.FAILURE] == [0, 1]
    failed = [dimensions for metric, _, dimensions in metrics.added if metric is Metric.FAILED]
    assert failed == [{"chain_id": CHAIN_ID, "kind": "payment", "reason": "deadline_passed"}]


def test_what_is_found_executed_after_a_restore_is_counted_as_confirmed() -> None:
    """With its gas, and without a stage."""
    _, metrics = journalled(*life(Step.ACCEPTED, Step.RECOVERED, **_MINED))

    assert metrics.total(Metric.CONFIRMED) == 1
    assert metrics.total(Metric.GAS_USED) == 60_000
    assert Metric.SETTLEMENT_TIME not in metrics.counts()


def test_a_reorg_is_counted() -> None:
    """Each of them, since each may be the beginning of trouble."""
    _, metrics = journalled(*life(Step.ACCEPTED, Step.BOUND, Step.INCLUDED, Step.REORGED))

    assert metrics.total(Metric.REORGED) == 1


def test_only_what_was_written_is_journalled() -> None:
    """A write whose condition fails did not happen."""
    log, metrics = FakeLog(), FakeMetrics()
    tables = JournalledTables(MemoryTables(), Journal(log=log, metrics=metrics))
    (event,) = life(Step.ACCEPTED, assured=True)
    put = Put(table=Table.EVENTS, item=event_item(event), where=(Absent("transaction_id"),))
    tables.transact([put])

    with pytest.raises(ConditionFailedError):
        tables.transact([put])
    with pytest.raises(ConditionFailedError):
        tables.write(put)

    assert len(log.lines) == metrics.total(Metric.ACCEPTED) == 1
