"""Deep health: what is asked, in what time, and what it means."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.domain.access import ANONYMOUS, Caller, Role
from ferryman.domain.errors import NotAllowedError, NotHealthyError, StoreUnavailableError
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.ports import Dependency, PauseStore
from ferryman.services import health
from ferryman.services.health import ConfirmHeartbeat, DeepHealth, WatchHeartbeat
from tests.fakes.clock import FakeClock
from tests.fakes.settled import memory_world
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeLog
from tests.support.away import AwayTables
from tests.support.payments import CHAIN_ID

OTHER = ChainId(CHAIN_ID + 1)
READER = Caller(name="key:abc", role=Role.READER)


@dataclass(frozen=True)
class Asked:
    """A dependency that answers, or does not."""

    name: str
    is_vital: bool = True
    group: str | None = None
    trouble: Exception | None = None
    silence: threading.Event | None = None
    chain_id: ChainId | None = None

    def look(self) -> Mapping[str, int | str]:
        """Answer as it was told to."""
        if self.silence:
            self.silence.wait(10)
        if self.trouble:
            raise self.trouble
        return {"waiting": 3}


def deep(dependencies: Sequence[Dependency], pauses: PauseStore | None = None) -> DeepHealth:
    """Give the service over dependencies."""
    return DeepHealth(
        chain_ids=(CHAIN_ID, OTHER),
        dependencies=lambda: dependencies,
        pauses=pauses or DynamoPauses(MemoryTables()),
        clock=FakeClock(),
        log=FakeLog(),
    )


def of_chain(chain_id: ChainId, *, is_up: bool = True, spare: bool | None = None) -> list[Asked]:
    """Give a chain's endpoint, and a spare one if there is any."""
    states = [is_up] if spare is None else [is_up, spare]
    return [
        Asked(
            f"rpc {chain_id}/{number}",
            group=f"chain {chain_id}",
            chain_id=chain_id,
            trouble=None if up else AWAY,
        )
        for number, up in enumerate(states, start=1)
    ]


AWAY = StoreUnavailableError("SQS gave no answer: EndpointConnectionError")
UP = of_chain(CHAIN_ID)


@pytest.mark.parametrize(
    ("dependencies", "is_able", "status"),
    [
        ([Asked("a"), Asked("b")], True, "ok"),
        ([Asked("a"), Asked("b", trouble=AWAY)], False, "failed"),
        ([Asked("a"), Asked("b", is_vital=False, trouble=AWAY)], True, "degraded"),
        ([Asked("1", group="chain"), Asked("2", group="chain", trouble=AWAY)], True, "degraded"),
        ([Asked("1", group="chain", trouble=AWAY), Asked("2", group="chain", trouble=AWAY)], False, "failed"),
    ],
    ids=["all well", "one vital", "one that is not", "one of a group", "all of a group"],
)
def test_it_is_able_to_work_while_everything_vital_or_its_stand_in_answers(
    dependencies: Sequence[Dependency], is_able: object, status: str
) -> None:
    """One endpoint of two is trouble, and no outage."""
    able, report = deep(dependencies)(READER)

    assert (able, report["status"]) == (is_able, status)


@pytest.mark.parametrize(
    ("dependencies", "chains", "is_able", "status"),
    [
        (UP + of_chain(OTHER), ["ok", "ok"], True, "ok"),
        (UP + of_chain(OTHER, is_up=False), ["ok", "failed"], True, "degraded"),
        (UP + of_chain(OTHER, is_up=False, spare=True), ["ok", "degraded"], True, "degraded"),
        (of_chain(CHAIN_ID, is_up=False) + of_chain(OTHER, is_up=False), ["failed"] * 2, False, "failed"),
        ([Asked("table", trouble=AWAY), *UP, *of_chain(OTHER)], ["ok", "ok"], False, "failed"),
    ],
    ids=["all well", "one chain down", "one endpoint down", "all chains down", "what they share"],
)
def test_a_chain_that_is_down_leaves_the_deployment_able_to_serve_the_others(
    dependencies: Sequence[Dependency], chains: list[str], is_able: object, status: str
) -> None:
    """A balancer that asks must not take all chains away because one of them is."""
    able, report = deep(dependencies)(READER)

    assert (able, report["status"]) == (is_able, status)
    assert [(one["chain_id"], one["status"]) for one in report["chains"]] == [
        (CHAIN_ID, chains[0]),
        (OTHER, chains[1]),
    ]


def test_each_dependency_is_told_with_its_state_and_what_it_said() -> None:
    """In the order they were given."""
    _, report = deep([Asked("queue submit"), Asked("queue express", trouble=AWAY)])(READER)

    assert report["dependencies"] == [
        {"name": "queue submit", "status": "ok", "latency_ms": 0, "waiting": 3},
        {"name": "queue express", "status": "failed", "reason": str(AWAY), "latency_ms": 0},
    ]


def test_who_is_silent_has_failed_and_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others' answers are still told."""
    monkeypatch.setattr(health, "PATIENCE_MS", Milliseconds(200))
    silence = threading.Event()

    able, report = deep([Asked("silent", silence=silence), Asked("well")])(READER)
    silence.set()

    assert not able
    assert [one["status"] for one in report["dependencies"]] == ["failed", "ok"]
    assert report["dependencies"][0]["reason"] == "it did not answer in time"


def test_pauses_are_told_and_are_no_failure() -> None:
    """Somebody wanted them; only if they cannot be read, nothing is said."""
    pauses = DynamoPauses(MemoryTables())
    pauses.put(Pause(scope=Scope(), by="operator", note="upgrade", since=Instant(1)))

    able, report = deep([Asked("a")], pauses)(READER)
    _, unread = deep([Asked("a")], DynamoPauses(AwayTables()))(READER)

    assert able
    assert [one["note"] for one in report["paused"]] == ["upgrade"]
    assert unread["paused"] is None


@pytest.mark.parametrize("caller", [ANONYMOUS, Caller(name="address:0x")])
def test_only_readers_may_look(caller: Caller) -> None:
    """What is down is nobody else's business."""
    with pytest.raises(NotAllowedError):
        deep([Asked("a")])(caller)


def test_confirms_heart_beats_with_its_schedule() -> None:
    """Never yet, just now, and too long ago."""
    memory = memory_world()
    heart = ConfirmHeartbeat(
        chain_id=CHAIN_ID, statistics=DynamoStatistics(memory.world.tables), clock=memory.clock
    )

    with pytest.raises(NotHealthyError, match="not run yet"):
        heart.look()
    memory.world.gauge()
    memory.clock.sleep(Milliseconds(60_000))
    assert heart.look() == {
        "age_seconds": 60,
        "native_wei": "0",
        "gas_price_wei": "1001000000",
        "requests": 0,
    }
    memory.clock.sleep(Milliseconds(180_000))
    with pytest.raises(NotHealthyError, match="240 s ago"):
        heart.look()


def test_the_heartbeat_tells_how_many_how_well_and_how_fast() -> None:
    """Of what was accepted since an hour ago or two, as confirm measured it."""
    memory = memory_world()
    statistics = DynamoStatistics(memory.world.tables)
    heart = ConfirmHeartbeat(chain_id=CHAIN_ID, statistics=statistics, clock=memory.clock)
    statistics.count(CHAIN_ID, {"accepted__payment": 1_000, "settled__more": 1_000})
    memory.world.gauge()
    statistics.count(
        CHAIN_ID,
        {
            "accepted__payment": 100,
            "confirmed__payment": 99,
            "failed__payment__reverted": 1,
            "settled__2000": 99,
        },
    )

    memory.clock.sleep(Milliseconds(1_800_000))
    memory.world.gauge()

    told = dict(heart.look())
    assert (told["requests"], told["requests_per_hour"], told["success_bps"]) == (1_100, 200, 9_900)
    assert (told["p50_ms"], told["p95_ms"], told["p99_ms"]) == (1_750, 1_975, 1_995)


def test_a_watch_that_never_ran_is_told() -> None:
    """It is not vital: acceptance reads the chain instead."""
    heart = WatchHeartbeat(chain_id=CHAIN_ID, cursors=DynamoCursors(MemoryTables()), clock=FakeClock())

    assert not heart.is_vital
    with pytest.raises(NotHealthyError):
        heart.look()
