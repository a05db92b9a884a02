"""Lately: messages of what a run has just brought on its way cost nothing, and are never all there is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from ferryman.ports import Hint, SendOutcome, SendResult, TransactionHint
from ferryman.services.lately import Lately
from ferryman.services.submit import UNDER_WAY_MS
from tests.fakes.settled import MemoryWorld, memory_world
from tests.support.payments import CHAIN_ID

READS: Final = ("get", "get_many", "query")
WRITES: Final = ("write", "transact")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryWorld, list[str], Sequence[Hint]]:
    """Have ten messages bring forty payments on their way; give what tables are asked from then on."""
    memory = memory_world(payers=4, batch_size=40)
    memory.chain.is_mining = False
    for place in range(40):
        memory.world.post(memory.payers[place % 4].pay(1_000, deadline=memory.deadline()))
    hints = memory.world.queue.everything()
    memory.world.submit(hints[:10])
    assert len(memory.chain.mempool) == 1
    return memory, noted(memory, monkeypatch), hints


def noted(memory: MemoryWorld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give a list that grows with what the tables are asked."""
    calls = list[str]()

    def note(name: str) -> None:
        ask = getattr(memory.world.tables, name)

        def noting(*given: Any, **named: Any) -> Any:  # noqa: ANN401 (as the tables)
            calls.append(name)
            return ask(*given, **named)

        monkeypatch.setattr(memory.world.tables, name, noting)

    for name in (*READS, *WRITES):
        note(name)
    return calls


def over(memory: MemoryWorld) -> None:
    """Go on until all is over, and check it."""
    memory.chain.is_mining = True
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert memory.signer.signatures == 1
    memory.world.check_nonces()


def test_messages_of_what_was_taken_along_ask_for_nothing(
    asked: tuple[MemoryWorld, list[str], Sequence[Hint]],
) -> None:
    """Thirty of the forty payments were taken out of the backlog; their messages still come."""
    memory, calls, hints = asked

    assert memory.world.submit(hints[10:]) == frozenset()

    assert calls == []
    over(memory)


def test_others_that_come_with_them_go_on(asked: tuple[MemoryWorld, list[str], Sequence[Hint]]) -> None:
    """Only what is known is passed over."""
    memory, calls, hints = asked
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    calls.clear()

    memory.world.submit([*hints[10:], *memory.world.queue.everything()])

    assert calls
    assert len(memory.chain.mempool) == 2


@pytest.mark.parametrize("change", ["redelivered", "version"])
def test_a_message_that_was_handed_out_before_or_is_newer_is_looked_at(
    asked: tuple[MemoryWorld, list[str], Sequence[Hint]], change: str
) -> None:
    """Somebody may have died over it, or the row gone on since: what this process knows is past."""
    memory, calls, hints = asked
    (version,) = {row.version for row in memory.world.rows()}
    assert isinstance(hints[10], TransactionHint)
    changes: dict[str, Any] = {"redelivered": True, "version": version}
    calls.clear()

    memory.world.submit([replace(hints[10], **{change: changes[change]})])

    assert calls
    over(memory)


def test_a_message_that_comes_later_has_a_lost_broadcast_sent_again(
    asked: tuple[MemoryWorld, list[str], Sequence[Hint]],
) -> None:
    """A moment is as long as the bytes are somebody's who has just signed them."""
    memory, calls, hints = asked
    memory.chain.forget()
    memory.clock.sleep(UNDER_WAY_MS)

    memory.world.submit(hints[10:])

    assert calls
    assert len(memory.chain.mempool) == 1
    over(memory)


@pytest.mark.parametrize("answer", [None, SendOutcome.POSSIBLY_SENT, SendOutcome.REJECTED])
def test_what_no_node_has_taken_is_not_on_its_way(
    monkeypatch: pytest.MonkeyPatch, answer: SendOutcome | None
) -> None:
    """It was bound and signed, and is looked at whenever it is named."""
    memory = memory_world(payers=4, batch_size=40)
    for place in range(20):
        memory.world.post(memory.payers[place % 4].pay(1_000, deadline=memory.deadline()))
    hints, send = memory.world.queue.everything(), memory.chain.send

    def lost(raws: Sequence[bytes]) -> list[SendResult]:
        monkeypatch.setattr(memory.chain, "send", send)
        if answer is None:
            raise ChainUnreachableError(CHAIN_ID, "gone")
        return [SendResult(answer) for _ in raws]

    monkeypatch.setattr(memory.chain, "send", lost)
    memory.world.submit(hints[:10])
    calls = noted(memory, monkeypatch)

    memory.world.submit(hints[10:])

    assert calls
    memory.clock.sleep(UNDER_WAY_MS)
    over(memory)


def test_no_more_is_remembered_than_is_new() -> None:
    """A process lives for hours, and a flood is ten thousands of rows."""
    memory = memory_world()
    lately = Lately(memory.clock, Milliseconds(1_000))
    for _ in range(5):
        row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
        lately.note([replace(row, version=row.version + 1)])
        memory.clock.sleep(Milliseconds(600))

    known = [lately.covers(hint) for hint in memory.world.queue.everything()]

    assert known == [False, False, False, False, True]
    assert len(lately._gone) == 2
