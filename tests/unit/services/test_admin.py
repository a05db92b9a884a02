"""What operators look at."""

from typing import Any

import pytest

from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.errors import InvalidFieldsError, NotFoundError
from ferryman.domain.events import Step
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.transaction import take_step
from ferryman.domain.units import Instant, Milliseconds, TransactionId, rfc3339
from ferryman.ports import Change, DeadLetter
from ferryman.services.admin import Admin, admin_list
from ferryman.services.chains import ChainAccess
from ferryman.services.redriving import Redriving
from tests.fakes.dead_letters import FakeDeadLetters
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.fakes.talk import FakeLog

LETTER = DeadLetter(message_id="one", body="{}", sent_at=Instant(0), receives=1)


def admin_of(memory: MemoryWorld, dead_letters: FakeDeadLetters | None = None) -> Admin:
    """Build the service over a world's tables."""
    world = memory.world
    return Admin(
        chains={world.settings.chain_id: ChainAccess(world.settings, memory.chain)},
        store=world.store,
        wallets=DynamoWallets(world.tables),
        leases=DynamoLeases(world.tables),
        pauses=DynamoPauses(world.tables),
        statistics=DynamoStatistics(world.tables),
        dead_letters=dead_letters or FakeDeadLetters({}, targets=()),
        clock=memory.clock,
    )


def world_with_each_status() -> tuple[MemoryWorld, list[TransactionId]]:
    """One confirmed payment, one bound, one that waits, in this order."""
    memory = memory_world()
    names = []
    for amount in (1_000, 2_000, 3_000):
        body = memory.payers[0].pay(amount, deadline=memory.deadline())
        names.append(memory.world.post(body).transaction.transaction_id)
        if amount == 1_000:
            memory.world.settle()
        elif amount == 2_000:
            memory.world.deliver()
        memory.clock.sleep(Milliseconds(10))
    return memory, names


def listed(memory: MemoryWorld, **parameters: str) -> list[str]:
    """List transactions."""
    request = admin_list(parameters, [SETTINGS.chain_id])
    return [record["transaction_id"] for record in admin_of(memory).transactions(request)["transactions"]]


def test_the_status_says_how_each_endpoint_did_when_confirm_measured_it() -> None:
    """One that is away with its reason; and before the first measurement, nothing."""
    memory = memory_world()
    away, _ = memory.chain.served_by_two()
    away.is_reachable = False
    admin = admin_of(memory)

    (before,) = admin.status()["chains"]
    memory.world.gauge()
    (after,) = admin.status()["chains"]

    assert (before["measured_at"], before["endpoints"]) == (None, [])
    assert after["measured_at"] == rfc3339(memory.clock.now())
    assert [(one["endpoint"], one["status"], one["reason"]) for one in after["endpoints"]] == [
        (1, "failed", "this endpoint is switched off"),
        (2, "ok", None),
    ]


def test_a_list_without_a_sender_holds_everything_that_is_open() -> None:
    """What waits, and what holds a nonce; no table is scanned for it."""
    memory, (_, bound, waiting) = world_with_each_status()

    assert listed(memory) == [waiting, bound]
    assert listed(memory, status="PENDING") == [bound]
    assert listed(memory, status="RECEIVED,VALIDATED") == [waiting]
    assert listed(memory, chain_id=str(SETTINGS.chain_id)) == [waiting, bound]


def test_what_others_carried_out_is_not_open_though_it_is_due() -> None:
    """It is looked at until its block is final, and over all the while."""
    memory, (_, bound, waiting) = world_with_each_status()
    store = memory.world.store
    row = store.get(waiting)
    assert row is not None
    over, event = take_step(row, Step.RECOVERED, name="payment_confirmed", at=memory.clock.now())
    store.write(Change(before=row, after=over, events=(event,)))

    assert over.due_at is not None
    assert listed(memory) == [bound]


def test_a_list_of_a_sender_holds_all_of_its_own_newest_first() -> None:
    """Open or over."""
    memory, names = world_with_each_status()

    assert listed(memory, sender=memory.payers[0].address) == names[::-1]
    assert listed(memory, sender=memory.payers[0].address, status="CONFIRMED") == names[:1]
    assert listed(memory, sender=memory.payers[1].address) == []


def test_a_list_says_when_there_is_more() -> None:
    """And stops at its limit."""
    memory, names = world_with_each_status()
    asked = {"sender": memory.payers[0].address}

    cut = admin_of(memory).transactions(admin_list({**asked, "limit": "2"}, [SETTINGS.chain_id]))
    whole = admin_of(memory).transactions(admin_list({**asked, "limit": "3"}, [SETTINGS.chain_id]))

    assert (len(cut["transactions"]), cut["has_more"]) == (2, True)
    assert (len(whole["transactions"]), whole["has_more"]) == (len(names), False)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"status": "DONE"}, "status"),
        ({"status": "PENDING,"}, "status"),
        ({"sender": "0x12"}, "sender"),
        ({"chain_id": "1"}, "chain_id"),
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, str], field: str) -> None:
    """With what it must be."""
    with pytest.raises(InvalidFieldsError) as refused:
        admin_list(parameters, [SETTINGS.chain_id])

    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_transaction_is_shown_with_its_events_and_its_nonce() -> None:
    """Everything stored of it but the signature."""
    memory, (_, bound, waiting) = world_with_each_status()

    shown, other = admin_of(memory).show(bound), admin_of(memory).show(waiting)

    assert [event["event"] for event in shown["events"]] == ["payment_accepted", "payment_pending"]
    assert shown["nonce"]["transactions"] == [bound]
    assert len(shown["nonce"]["attempts"]) == 1
    assert shown["housekeeping"]["due_at"] is None
    assert other["nonce"] is None
    assert other["housekeeping"]["due_at"] is not None
    assert "signature" not in str(shown)


def test_a_transaction_that_does_not_exist_is_not_found() -> None:
    """Named by its field."""
    with pytest.raises(NotFoundError) as refused:
        admin_of(memory_world()).show(TransactionId("0x" + "00" * 32))

    assert [problem.field for problem in refused.value.problems] == ["transaction_id"]


def test_the_status_counts_what_is_open_paused_and_dead() -> None:
    """One look for a person at 3 a.m."""
    memory, _ = world_with_each_status()
    pause = Pause(scope=Scope(), by="me", note="", since=memory.clock.now())
    DynamoPauses(memory.world.tables).put(pause)
    memory.clock.sleep(Milliseconds(60_000))
    dead = FakeDeadLetters({"submit": [LETTER]}, targets=["submit"])

    status: dict[str, Any] = admin_of(memory, dead).status()

    (chain,) = status["chains"]
    assert (chain["waiting"], chain["open_nonces"], chain["wallets"]) == (1, 1, 2)
    assert (chain["overdue_seconds"], chain["oldest_waiting_seconds"]) == (50, 60)
    assert chain["oldest_nonce_seconds"] == 60
    assert chain["free_window"] == 2 * SETTINGS.window - 1
    assert [pause["scope"] for pause in status["paused"]] == ["everything"]
    assert status["dead_letters"][0]["visible"] == 1


def test_a_payment_that_waits_again_and_again_is_as_old_as_its_acceptance() -> None:
    """Each wait moves `due_at`: overdue says that the sweep works, the oldest that nothing comes of it."""
    memory = memory_world()
    memory.chain.is_paused = True
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    posted_at = memory.clock.now()
    for _ in range(5):
        memory.world.deliver()
        memory.clock.sleep(Milliseconds(30_000))
        memory.world.follow(run_ms=3_000)

    status: dict[str, Any] = admin_of(memory).status()

    (chain,) = status["chains"]
    age = (memory.clock.now() - posted_at) // 1000
    assert (chain["waiting"], chain["oldest_waiting_seconds"]) == (1, age)
    assert chain["overdue_seconds"] < 60 < age


def test_the_pool_shows_each_wallet_with_its_open_nonces() -> None:
    """And what was signed for them."""
    memory, (_, bound, _) = world_with_each_status()

    pool = admin_of(memory).pool()

    assert {wallet["address"] for wallet in pool} == set(memory.signer.wallets())
    (holder,) = [wallet for wallet in pool if wallet["open_nonces"]]
    assert holder["free_window"] == holder["window"] - 1
    assert holder["open_nonces"][0]["transactions"] == [bound]


# -- dead letters -------------------------------------------------------------------------------


def redriving_of(dead_letters: FakeDeadLetters) -> Redriving:
    """Build the service."""
    return Redriving(dead_letters=dead_letters, log=FakeLog())


def test_dead_letters_are_shown_and_stay() -> None:
    """Looking costs nothing."""
    dead = FakeDeadLetters({"submit": [LETTER], "notify": []}, targets=["submit"])

    told = redriving_of(dead).letters()

    assert [(queue["queue"], len(queue["messages"])) for queue in told] == [("submit", 1), ("notify", 0)]
    assert dead.queues["submit"] == [LETTER]


def test_dead_letters_go_back_to_their_queue() -> None:
    """All of them, in portions that a request can carry."""
    dead = FakeDeadLetters({"submit": [LETTER] * 150}, targets=["submit"])

    first = redriving_of(dead).redrive({"queue": "submit"}, by="me")
    second = redriving_of(dead).redrive({"queue": "submit"}, by="me")

    assert (first["redriven"], first["may_have_more"]) == (100, True)
    assert (second["redriven"], second["may_have_more"]) == (50, False)


@pytest.mark.parametrize(
    "body", [{}, {"queue": "other"}, {"queue": 5}, {"queue": "submit", "all": True}, {"queue": "notify"}]
)
def test_a_queue_that_cannot_be_redriven_is_refused(body: dict[str, Any]) -> None:
    """Unknown, or without a way back."""
    dead = FakeDeadLetters({"submit": [LETTER], "notify": [LETTER]}, targets=["submit"])

    with pytest.raises(InvalidFieldsError):
        redriving_of(dead).redrive(body, by="me")

    assert dead.redriven == []
