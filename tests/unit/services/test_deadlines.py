"""Deadlines: what waits until its own has passed ends, unless it was carried out in time."""

import pytest

from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.faults.messages import every_kind, fund, message

_SECONDS = 120
_UNITS = 1_000_007


def paused_with(kind: str) -> tuple[MemoryWorld, str]:
    """Give a world that is paused, with a message that was accepted before."""
    memory = memory_world(**every_kind(SETTINGS))
    fund(memory.chain, memory.payers[0].address, _UNITS)
    memory.clock.sleep(Milliseconds(20_000))
    pause = Pause(scope=Scope(), by="me", note="", since=memory.clock.now())
    DynamoPauses(memory.world.tables).put(pause)
    deadline = memory.clock.now() // 1000 + _SECONDS
    return memory, message(kind, memory.payers[0], _UNITS, deadline=deadline).post(
        memory.world
    ).transaction.transaction_id


@pytest.mark.parametrize("kind", ["settlement", "permit-transfer"])
def test_what_a_stranger_carries_out_before_its_deadline_is_confirmed(kind: str) -> None:
    """The payee has the money: that our own turn never came does not make it a failure."""
    memory, name = paused_with(kind)
    (row,) = memory.world.rows()
    memory.chain.relay(row.payload, kind=kind)
    memory.clock.sleep(Milliseconds(2_000))
    memory.chain.head()  # whoever looks sees it mined in time

    memory.clock.sleep(Milliseconds((_SECONDS + 1) * 1_000))
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.transaction_id, row.status) == (name, Status.CONFIRMED)
    assert row.hash == memory.chain.by_others[-1]


@pytest.mark.parametrize(
    "kind", ["payment", "settlement", "permit-transfer", "upto-transfer", "meta-transaction"]
)
def test_what_nobody_carries_out_before_its_deadline_has_failed(kind: str) -> None:
    """Without a nonce or gas, and by the chain's word."""
    memory, _ = paused_with(kind)

    memory.clock.sleep(Milliseconds((_SECONDS + 1) * 1_000))
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason, row.nonce) == (Status.FAILED, "deadline_passed", None)
    assert memory.signer.signatures == 0
