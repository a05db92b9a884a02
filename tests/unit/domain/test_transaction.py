"""The life of a transaction: only the table's steps, and a row that is the fold of its events."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.errors import IllegalTransitionError
from ferryman.domain.events import Event, Step
from ferryman.domain.fees import Tier
from ferryman.domain.transaction import (
    FACTS,
    OUT_OF_AN_END,
    TRANSITIONS,
    Status,
    Transaction,
    apply_event,
    fold,
    take_step,
    told,
    wait_milliseconds,
)
from ferryman.domain.units import Address, ChainId, Instant, Seconds, TransactionId

NEW = Transaction(
    transaction_id=TransactionId("0x" + "6f" * 32),
    kind="payment",
    chain_id=ChainId(31337),
    sender=Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
    payload={"amount": "1"},
    priority=Tier.NORMAL,
    deadline_seconds=Seconds(1_800_003_600),
    received_at=Instant(1_800_000_000_000),
    status=Status.RECEIVED,
    version=0,
)
FACT_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "assured": st.booleans(),
    "accepted_block": st.integers(0, 10**9),
    "wallet": st.none() | st.just("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
    "nonce": st.none() | st.integers(0, 10**6),
    "hash": st.none() | st.just("0x" + "2b" * 32),
    "block_number": st.none() | st.integers(0, 10**9),
    "block_hash": st.none() | st.just("0x" + "b1" * 32),
    "confirmations": st.none() | st.integers(1, 100),
    "witnesses": st.none() | st.integers(1, 2),
    "predicted_gas": st.none() | st.integers(21_000, 10**6),
    "predicted_cost": st.none() | st.integers(0, 10**18),
    "batch_size": st.none() | st.integers(2, 40),
    "batch_position": st.none() | st.integers(0, 39),
    "gas_share": st.none() | st.integers(1, 10**6),
    "gas_used": st.none() | st.integers(21_000, 10**6),
    "effective_gas_price": st.none() | st.integers(1, 10**12),
    "gas_cost": st.none() | st.integers(0, 10**18),
    "fee_taken": st.none() | st.integers(0, 10**30),
    "margin": st.none() | st.integers(-(10**30), 10**30),
    "cost_error_bps": st.none() | st.integers(-10_000, 10**6),
    "reason": st.none() | st.sampled_from(("deadline_passed", "nonce_used")),
}
facts = st.fixed_dictionaries({}, optional=FACT_VALUES)


def at_status(status: Status | None) -> Transaction:
    """Give a row of that status; None is one without any event."""
    return NEW if status is None else replace(NEW, status=status, sequence=1, version=1)


def walk(data: st.DataObject) -> tuple[list[Transaction], list[Event]]:
    """Take random steps along the table from a new row, and give every row and event on the way."""
    rows, events = [NEW], list[Event]()
    for length in range(data.draw(st.integers(1, 12), label="steps")):
        before = rows[-1].status if rows[-1].sequence else None
        steps = [step for status, step in TRANSITIONS if status == before]
        if not steps:
            break
        step = data.draw(st.sampled_from(steps))
        at = Instant(NEW.received_at + length)
        row, event = take_step(rows[-1], step, name=f"payment_{step}", at=at, **data.draw(facts))
        housekept = replace(row, due_at=at, waits=length, starts=1, last_error="pool is full")
        rows.append(housekept if data.draw(st.booleans()) else row)
        events.append(event)
    return rows, events


def test_the_test_knows_every_fact() -> None:
    """A new field that events may change must take part in the walks below."""
    assert FACT_VALUES.keys() == FACTS


@pytest.mark.parametrize(
    ("status", "step"),
    [pair for pair in product((None, *Status), Step) if pair not in TRANSITIONS],
)
def test_a_step_that_the_table_does_not_have_is_refused(status: Status | None, step: Step) -> None:
    """Every pair outside the table, none left out."""
    with pytest.raises(IllegalTransitionError) as refused:
        take_step(at_status(status), step, name="payment_x", at=Instant(1))

    assert (refused.value.status, refused.value.step) == (status, step)


@pytest.mark.parametrize(("pair", "after"), TRANSITIONS.items())
def test_a_step_of_the_table_leads_where_it_says(pair: tuple[Status | None, Step], after: Status) -> None:
    """The event tells the status that the row has."""
    row, event = take_step(at_status(pair[0]), pair[1], name="payment_x", at=Instant(1))

    assert row.status is after
    assert event.status == after


def test_the_table_is_the_one_of_the_design() -> None:
    """Section 3 of the design: from where each public status can be left, and for where."""
    edges = {
        (before, after)
        for (before, step), after in TRANSITIONS.items()
        if before is not after and step not in OUT_OF_AN_END
    }

    assert edges == {
        (None, Status.RECEIVED),
        (None, Status.VALIDATED),
        (Status.RECEIVED, Status.VALIDATED),
        (Status.RECEIVED, Status.FAILED),
        (Status.VALIDATED, Status.PENDING),
        (Status.VALIDATED, Status.FAILED),
        (Status.PENDING, Status.VALIDATED),
        (Status.PENDING, Status.CONFIRMED),
        (Status.PENDING, Status.FAILED),
    }


@pytest.mark.parametrize("status", [status for status in Status if status.is_terminal])
def test_a_terminal_status_is_left_by_an_operator_or_a_reorg_alone(status: Status) -> None:
    """What was told to be over stays over, unless somebody who may says otherwise."""
    assert {step for before, step in TRANSITIONS if before is status} <= OUT_OF_AN_END


def test_what_is_confirmed_is_left_by_a_reorg_alone() -> None:
    """By nobody's hand: it is on the chain, for as long as its block is."""
    assert {step for before, step in TRANSITIONS if before is Status.CONFIRMED} == {Step.REOPENED}


def test_every_status_can_be_reached_and_left_for_an_end() -> None:
    """None is a dead end: invariant 2."""
    assert set(TRANSITIONS.values()) == set(Status)
    waiting = {status for status in Status if not status.is_terminal}
    assert waiting == {before for before, step in TRANSITIONS if step not in OUT_OF_AN_END} - {None}


@given(data=st.data())
def test_the_row_is_the_fold_of_its_events_after_every_step(data: st.DataObject) -> None:
    """Invariant 5, along any walk, whatever housekeeping happened on the way."""
    rows, events = walk(data)

    for count, row in enumerate(rows[1:], start=1):
        assert fold(NEW, events[:count]) == told(row)


@given(data=st.data())
def test_events_are_numbered_without_gaps_and_versions_rise(data: st.DataObject) -> None:
    """A client notices a lost push by a gap; a store notices a stale row by its version."""
    rows, events = walk(data)

    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [row.version for row in rows] == list(range(len(rows)))
    assert {(event.transaction_id, event.sender) for event in events} == {(NEW.transaction_id, NEW.sender)}


@given(data=st.data())
def test_a_walk_ends_at_its_first_terminal_row_unless_somebody_brings_it_back(data: st.DataObject) -> None:
    """Terminal rows are the last of their walk, or left by hand."""
    rows, events = walk(data)

    for row, event in zip(rows[1:-1], events[1:], strict=True):
        assert not row.status.is_terminal or event.step in OUT_OF_AN_END


@given(data=st.data())
def test_a_step_keeps_what_was_signed(data: st.DataObject) -> None:
    """The message, its sender and its arrival never change."""
    rows, _ = walk(data)

    signed = ("transaction_id", "kind", "chain_id", "sender", "payload", "priority", "deadline_seconds")
    for name in (*signed, "received_at"):
        assert {repr(getattr(row, name)) for row in rows} == {repr(getattr(NEW, name))}


@pytest.mark.parametrize("name", ["status", "sequence", "payload", "version", "due_at", "unheard_of"])
def test_an_event_may_change_only_facts(name: str) -> None:
    """Otherwise a caller could write a status past the table."""
    with pytest.raises(ValueError, match=name):
        apply_event(
            NEW,
            Event(
                transaction_id=NEW.transaction_id,
                sequence=1,
                step=Step.ACCEPTED,
                name="payment_accepted",
                status="VALIDATED",
                at=Instant(1),
                kind=NEW.kind,
                chain_id=NEW.chain_id,
                sender=NEW.sender,
                reached={},
                facts={name: 1},
            ),
        )


def test_each_wait_is_longer_until_thirty_seconds() -> None:
    """The design's pauses: 1, 5, 15, then 30 seconds for ever."""
    assert [wait_milliseconds(waits) for waits in range(6)] == [1_000, 5_000, 15_000, 30_000, 30_000, 30_000]
