"""The emulator: what is spared of MiniStack's work changes nothing of what it answers."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast

import pytest
from ministack.services import dynamodb, sqs

from local import emulator

_REPLACED = ((dynamodb, "_condition_syntax_error"), (sqs, "_prune_dedup"))
NOW = 1_700_000_000.0


def functions() -> list[Any]:
    """Give the ones that are replaced, as they are now."""
    return [getattr(module, name) for module, name in _REPLACED]


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """Give each function of MiniStack's with the one in its place; all is as before when the test is over."""
    before = functions()
    for (module, name), function in zip(_REPLACED, before, strict=True):
        monkeypatch.setattr(module, name, function)
    emulator.spare_repetitions()
    return list(zip(before, functions(), strict=True))


@pytest.mark.parametrize(
    "text",
    [
        "#p = :p",
        "#p = :p AND #s BETWEEN :a AND :b",
        "attribute_not_exists(#i) OR (#n <= :n AND NOT #s IN (:a, :b))",
        "#p = ",
        "#p == :p",
        "(#p = :p",
        "#p = :p OR",
        "",
    ],
)
@pytest.mark.parametrize("slot", ["ConditionExpression", "KeyConditionExpression"])
def test_a_condition_is_judged_as_before_each_time(
    pairs: list[tuple[Any, Any]], text: str, slot: str
) -> None:
    """Also the second time, which is what is spared."""
    as_it_was, now = pairs[0]

    assert [now(text, slot), now(text, slot)] == [as_it_was(text, slot)] * 2
    assert now.cache_info().hits == 1


def test_messages_are_forgotten_as_before(
    pairs: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five minutes after they came, and not before."""
    as_it_was, now = pairs[1]
    monkeypatch.setattr(time, "time", lambda: NOW)

    def left(forget: Any, expiries: list[int]) -> list[str]:  # noqa: ANN401 (MiniStack is not typed)
        queue = {"dedup_cache": {f"message {at}": {"expire": NOW + at} for at in expiries}}
        forget(queue)
        return list(queue["dedup_cache"])

    for expiries in ([], [-2, -1], [-2, -1, 0, 1, 2], [1, 2]):
        assert left(now, expiries) == left(as_it_was, expiries)
    assert left(now, [-2, -1, 0, 1, 2]) == ["message 1", "message 2"]


@dataclass
class Wire:
    """A connection, and what was written to it at a time."""

    written: list[bytes] = field(default_factory=list)
    is_closed: bool = False
    peer: str = "127.0.0.1"

    def write(self, data: bytes) -> None:
        """Note it."""
        assert not self.is_closed
        self.written.append(data)

    def close(self) -> None:
        """Note that."""
        self.is_closed = True


@pytest.mark.parametrize(
    ("writes", "sent"),
    [
        ((b"HTTP/1.1 200 OK", b"{}"), [b"HTTP/1.1 200 OK{}"]),
        ((b"HTTP/1.1 200 OK", b"one", b"two"), [b"HTTP/1.1 200 OKone", b"two"]),
        ((b"HTTP/1.1 200 OK", b""), [b"HTTP/1.1 200 OK"]),
        ((b"HTTP/1.1 204 No Content",), [b"HTTP/1.1 204 No Content"]),
        (
            (b"HTTP/1.1 100 Continue", b"HTTP/1.1 200 OK", b"{}"),
            [b"HTTP/1.1 100 ContinueHTTP/1.1 200 OK", b"{}"],
        ),
        ((b"a frame",), [b"a frame"]),
    ],
)
@pytest.mark.parametrize("closes", [False, True])
def test_the_head_of_an_answer_goes_with_its_body_and_nothing_is_kept_back(
    writes: Sequence[bytes], sent: list[bytes], *, closes: bool
) -> None:
    """One write wakes whoever asked once; a head that nothing follows goes in the loop's next round."""
    wire = Wire()

    async def answer() -> None:
        together = emulator.Together(cast("asyncio.Transport", wire), asyncio.get_running_loop())
        for one in writes:
            together.write(one)
        if closes:
            together.close()
        assert together.peer == wire.peer
        await asyncio.sleep(0)

    asyncio.run(answer())

    assert wire.written == sent
    assert wire.is_closed == closes


@pytest.mark.parametrize(("module", "name"), _REPLACED)
def test_a_version_without_such_a_function_is_noticed(
    pairs: list[tuple[Any, Any]], monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    """Else the emulator would be slow again, and nobody would know why."""
    assert pairs
    monkeypatch.delattr(module, name)

    with pytest.raises(AttributeError, match=name):
        emulator.spare_repetitions()
