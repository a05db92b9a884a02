"""Pauses: what is in their scope waits, and nothing else does."""

from typing import Any

import pytest

from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.domain.errors import InvalidFieldsError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from ferryman.intents import KINDS
from ferryman.services.pausing import PAUSED, Pausing
from ferryman.services.records import record_of
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.fakes.talk import FakeLog

OPERATOR = "arn:aws:iam::123456789012:user/operator"


def pausing_of(memory: MemoryWorld) -> Pausing:
    """Build the service over a world's tables."""
    return Pausing(
        store=DynamoPauses(memory.world.tables),
        chain_ids=(SETTINGS.chain_id,),
        kinds=tuple(KINDS),
        clock=memory.clock,
        log=FakeLog(),
    )


@pytest.mark.parametrize("scope", [{}, {"chain_id": SETTINGS.chain_id}, {"kind": "payment"}])
def test_a_paused_payment_is_accepted_and_waits_until_the_pause_is_lifted(scope: dict[str, Any]) -> None:
    """Its record says what it waits for; no nonce is bound, and later it is mined as any other."""
    memory = memory_world()
    pausing = pausing_of(memory)
    pausing.pause({**scope, "note": "upgrade"}, by=OPERATOR)
    posted = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    memory.world.settle(rounds=20)

    (row,) = memory.world.rows()
    assert posted.is_new
    assert row.status is Status.VALIDATED
    assert record_of(row)["waiting_for"] == PAUSED
    assert memory.chain.sends == 0

    pausing.resume(scope, by=OPERATOR)
    memory.world.settle()

    (row,) = memory.world.rows()
    assert row.status is Status.CONFIRMED


def test_what_holds_a_nonce_goes_on_through_a_pause() -> None:
    """A nonce holder that stopped would block its wallet."""
    memory = memory_world()
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    memory.world.deliver()
    pausing_of(memory).pause({}, by=OPERATOR)

    memory.world.settle()

    (row,) = memory.world.rows()
    assert row.status is Status.CONFIRMED


def test_a_paused_payment_still_ends_at_its_deadline() -> None:
    """And lets its funds go."""
    memory = memory_world()
    pausing_of(memory).pause({}, by=OPERATOR)
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(60)))
    memory.world.deliver()
    memory.clock.sleep(Milliseconds(60_000))

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "deadline_passed")
    assert memory.world.reserved() == memory.world.held() == 0


def test_pauses_are_told_with_who_and_why() -> None:
    """And a second pause of the same scope replaces the first."""
    pausing = pausing_of(memory_world())
    pausing.pause({"note": "first"}, by="somebody else")
    pausing.pause({"note": "second"}, by=OPERATOR)
    pausing.pause({"kind": "payment"}, by=OPERATOR)

    told = [(pause["scope"], pause["by"], pause["note"]) for pause in pausing.pauses()]

    assert told == [("everything", OPERATOR, "second"), ("kind payment", OPERATOR, "")]


def test_lifting_one_scope_leaves_the_others() -> None:
    """And says so."""
    pausing = pausing_of(memory_world())
    pausing.pause({}, by=OPERATOR)
    pausing.pause({"chain_id": SETTINGS.chain_id}, by=OPERATOR)

    lifted = pausing.resume({}, by=OPERATOR)
    again = pausing.resume({}, by=OPERATOR)

    assert (lifted["was_paused"], again["was_paused"]) == (True, False)
    assert [pause["scope"] for pause in again["still_paused"]] == [f"chain {SETTINGS.chain_id}"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"chain_id": 1}, "chain_id"),
        ({"chain_id": "31337"}, "chain_id"),
        ({"chain_id": True}, "chain_id"),
        ({"kind": "swap"}, "kind"),
        ({"kind": ["payment"]}, "kind"),
        ({"note": "x" * 201}, "note"),
        ({"note": 5}, "note"),
        ({"everything": True}, "everything"),
    ],
)
def test_a_pause_of_something_unknown_is_refused_by_its_field(body: dict[str, Any], field: str) -> None:
    """And nothing is paused."""
    pausing = pausing_of(memory_world())

    with pytest.raises(InvalidFieldsError) as refused:
        pausing.pause(body, by=OPERATOR)

    assert [problem.field for problem in refused.value.problems] == [field]
    assert pausing.pauses() == []
