"""Watch and the cached acceptance: what the logs say, what a reorg undoes, and what is never believed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.operations import Table
from ferryman.domain.cursor import Cursor
from ferryman.domain.errors import (
    ChainUnreachableError,
    InsufficientFundsError,
    NonceUsedError,
    StaleRowError,
)
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status
from ferryman.domain.units import BlockNumber, Instant, Milliseconds, Seconds
from ferryman.intents.payment import PAYMENT
from ferryman.ports import Block, EventLog, Following, LogFilter, Read, Reading
from ferryman.services.tracking import CACHED_MS
from ferryman.services.watch import ACTIVE_MS, LEASE_MS
from tests.fakes.settled import LOCKED, MemoryWorld, memory_world
from tests.faults.interruptions import Died

LOOK_MS = Milliseconds(1_000)


def watched_world(**settings: Any) -> MemoryWorld:  # noqa: ANN401 (fields of ChainSettings)
    """Build a world that watch has followed to its head, with both payers' deposits in a recent block."""
    memory = memory_world(**settings)
    next_block(memory)
    for payer in memory.payers:
        memory.chain.lock(memory.world.settings.tokens[0], payer.address, 0)
    for _ in range(memory.world.settings.required_confirmations):
        follow_to_head(memory)
        next_block(memory)
    follow_to_head(memory)
    return memory


def next_block(memory: MemoryWorld) -> None:
    """Let one block time pass, and the block be mined."""
    memory.clock.sleep(LOOK_MS)
    memory.chain.head()


def follow_to_head(memory: MemoryWorld) -> None:
    """Run watch until it is at the head."""
    for _ in range(5):
        memory.world.watch_once()
        cursor = cursor_of(memory)
        if cursor.number == memory.chain.head().number and cursor.seen_at == memory.clock.now():
            return
    pytest.fail("watch does not reach the head")


def cursor_of(memory: MemoryWorld) -> Cursor:
    """Read the cursor."""
    cursor = DynamoCursors(memory.world.tables).cursor(memory.world.settings.chain_id)
    assert cursor
    return cursor


def outcomes(memory: MemoryWorld) -> list[str]:
    """How each acceptance's question to the cache ended, in order."""
    return [
        str(dimensions["outcome"])
        for metric, _, dimensions in memory.world.metrics.added
        if metric is Metric.CACHED_READING
    ]


def pay(memory: MemoryWorld, amount: int = 1_000, *, payer: int = 0, **named: Any) -> bool:  # noqa: ANN401 (of Payer.pay)
    """Post a payment."""
    body = memory.payers[payer].pay(amount, deadline=memory.deadline(), **named)
    return memory.world.post(body).is_new


def unread(memory: MemoryWorld) -> None:
    """Let every further reading of the chain fail the test."""

    def read(_reads: Sequence[Read], **_named: Any) -> Reading:  # noqa: ANN401 (as the port)
        pytest.fail("the chain was read")

    memory.chain.read = read  # type: ignore[method-assign, assignment]


# -- accepting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("confirmations", [1, 3, 12])
def test_a_payment_is_accepted_without_asking_the_chain(confirmations: int) -> None:
    """Validated, held and queued, by what the logs said; at the deep block as a reading would be."""
    memory = watched_world(required_confirmations=confirmations)
    head = memory.chain.head().number
    unread(memory)

    pay(memory)

    (row,) = memory.world.rows()
    assert (row.status, row.assured) == (Status.VALIDATED, True)
    assert row.accepted_block == head - confirmations + 1
    assert memory.world.reserved() == memory.world.held() == 1_000
    assert outcomes(memory) == ["judged"]


def test_the_cache_judges_as_two_readings_of_the_chain_would() -> None:
    """At every block of a busy time, in both depths: the same room at the same block."""
    memory = watched_world(required_confirmations=3)
    token, payer = memory.world.settings.tokens[0], memory.payers[0]
    cached = memory.world.ingest.assurance._cached
    assert cached
    chain = memory.chain
    nothing: Callable[[], object] = int
    steps: list[Callable[[], object]] = [
        partial(chain.lock, token, payer.address, 500),
        partial(chain.request_withdrawal, token, payer.address, 700),
        nothing,
        partial(chain.execute_elsewhere, token, payer.address, 999, 41),
        partial(chain.request_withdrawal, token, payer.address, 0),
    ]
    seen = set()

    for step in (*steps, *(nothing,) * 4, *steps):
        next_block(memory)
        step()
        memory.world.watch_once()
        payload = PAYMENT.parse(
            payer.pay(10, deadline=memory.deadline()), {memory.world.settings.chain_id: memory.chain.settings}
        ).payload
        reading = memory.chain.read(PAYMENT.state_reads(payload))
        answers = [answer for answer in reading.answers if isinstance(answer, bytes)]
        expected = (PAYMENT.assess(payload, answers), reading.block)
        judged = cached.assess(PAYMENT, payload, memory.world.settings)

        assert judged == expected
        seen.add(judged)

    assert len(seen) > len(steps)


def test_without_a_cursor_the_chain_is_read() -> None:
    """Nobody has followed it yet."""
    memory = memory_world()

    assert pay(memory)
    assert outcomes(memory) == ["stale"]


def test_a_cursor_older_than_allowed_is_not_used() -> None:
    """Three blocks by default; the chain is read instead, and says the same."""
    memory = watched_world()
    memory.clock.sleep(Milliseconds(3_000))
    assert pay(memory)
    memory.clock.sleep(Milliseconds(1))

    assert pay(memory)

    assert outcomes(memory) == ["judged", "stale"]


def test_the_cache_can_be_switched_off() -> None:
    """An age of 0."""
    memory = watched_world(cache_max_age_ms=Milliseconds(0))

    assert pay(memory)
    assert outcomes(memory) == []


def test_an_account_that_no_log_has_named_is_read_from_the_chain() -> None:
    """Not there is not empty."""
    memory = watched_world()
    stranger = memory_world(payers=3).payers[2]
    memory.chain.state.balances[memory.world.settings.tokens[0].lower(), stranger.address.lower()] = 5_000

    assert memory.world.post(stranger.pay(5_000, deadline=memory.deadline())).is_new
    assert outcomes(memory) == ["unknown_account"]


def test_a_refusal_is_never_the_caches() -> None:
    """A deposit that watch has not seen yet is found by the reading that follows."""
    memory = watched_world()
    memory.chain.lock(memory.world.settings.tokens[0], memory.payers[0].address, 5)

    assert pay(memory, LOCKED + 5)

    assert outcomes(memory) == ["refusing"]


def test_a_full_ledger_sends_the_question_to_the_chain() -> None:
    """The reservation's condition is the same; its refusal is given by a fresh reading."""
    memory = watched_world()
    pay(memory, LOCKED)

    with pytest.raises(InsufficientFundsError):
        pay(memory, 1)

    assert outcomes(memory) == ["judged", "judged", "overtaken"]
    assert memory.world.reserved() == LOCKED


def test_a_settlement_newer_than_the_cache_is_not_spent_twice() -> None:
    """Confirm has written the end of a payment whose block watch has not followed: its money has left."""
    memory = watched_world()
    pay(memory, LOCKED)
    before = cursor_of(memory)
    memory.world.settle()
    stale = DynamoCursors(memory.world.tables)
    memory.world.restart()
    assert memory.world.reserved() == 0
    assert before.number == cursor_of(memory).number
    freshen(memory, stale)

    with pytest.raises(InsufficientFundsError):
        pay(memory, 1)

    assert outcomes(memory)[1:] == ["judged", "overtaken"]


def freshen(memory: MemoryWorld, cursors: DynamoCursors) -> None:
    """Claim that the cursor's block was the newest just now, as an endpoint behind the others would."""
    now, chain_id = memory.clock.now(), memory.world.settings.chain_id
    following = cursors.take(chain_id, until=Instant(now + 1), now=now)
    assert following
    assert following.cursor
    moved = cursors.move(following, replace(following.cursor, seen_at=now), until=Instant(now + 1))
    cursors.leave(moved)


def test_a_withdrawal_lowers_what_can_be_promised_as_soon_as_its_log_is_seen() -> None:
    """At the head, though the balance is read deep."""
    memory = watched_world(required_confirmations=3)
    next_block(memory)
    memory.chain.request_withdrawal(memory.world.settings.tokens[0], memory.payers[0].address, LOCKED - 100)
    memory.world.watch_once()

    assert pay(memory, 100)
    with pytest.raises(InsufficientFundsError):
        pay(memory, 1)

    assert outcomes(memory) == ["judged", "judged", "overtaken"]


def test_a_contract_wallets_signature_is_asked_of_the_chain() -> None:
    """Only its own code can vouch for it, now."""
    memory = watched_world()
    memory.chain.contract_wallets.add(memory.payers[0].address)

    memory.world.post(
        memory.payers[0].pay(1_000, deadline=memory.deadline()) | {"signature": "0x" + "ab" * 70}
    )

    assert outcomes(memory) == []


# -- nonces -------------------------------------------------------------------------------------


def test_a_nonce_that_the_chain_used_without_us_is_never_accepted() -> None:
    """Executed before our tables were lost, or by another deployment: its log tells."""
    memory = watched_world()
    next_block(memory)
    memory.chain.execute_elsewhere(memory.world.settings.tokens[0], memory.payers[0].address, 77, 10)
    memory.world.watch_once()

    with pytest.raises(NonceUsedError):
        pay(memory, nonce=77)

    assert outcomes(memory) == ["nonce_seen"]


def test_a_nonce_used_before_watch_began_is_never_accepted() -> None:
    """Watch begins with the contract, not with itself."""
    memory = memory_world()
    next_block(memory)
    memory.chain.execute_elsewhere(memory.world.settings.tokens[0], memory.payers[0].address, 77, 10)
    memory.clock.sleep(Milliseconds(100_000))
    follow_to_head(memory)
    next_block(memory)
    memory.chain.lock(memory.world.settings.tokens[0], memory.payers[0].address, 1)
    follow_to_head(memory)

    assert pay(memory, nonce=78)
    with pytest.raises(NonceUsedError):
        pay(memory, nonce=77)

    assert outcomes(memory) == ["judged", "nonce_seen"]


def test_a_nonce_that_its_payer_calls_off_is_refused_by_the_chain() -> None:
    """The log marks it; only the chain says no."""
    memory = watched_world()
    next_block(memory)
    memory.chain.invalidate(memory.payers[0].address, 5)
    memory.world.watch_once()

    with pytest.raises(NonceUsedError):
        pay(memory, nonce=5)

    assert outcomes(memory) == ["nonce_seen"]


def test_our_own_payments_leave_no_second_mark() -> None:
    """Acceptance has marked their nonces already: one write fewer each."""
    memory = watched_world()
    pay(memory)
    memory.world.settle()
    follow_to_head(memory)

    items = memory.world._items(Table.ACCOUNTS)
    assert not [key for key in items if str(key[1]).startswith("seen#")]
    assert memory.world.rows()[0].status is Status.CONFIRMED


# -- reorgs -------------------------------------------------------------------------------------


def test_a_deposit_of_a_block_that_is_gone_is_not_spent() -> None:
    """Its entry is void at once, though nobody has touched the account since."""
    memory = watched_world()
    next_block(memory)
    memory.chain.lock(memory.world.settings.tokens[0], memory.payers[0].address, 1)
    memory.world.watch_once()
    memory.chain.reorg()
    next_block(memory)
    memory.world.watch_once()

    with pytest.raises(InsufficientFundsError):
        pay(memory, LOCKED + 1)
    assert pay(memory, LOCKED)

    assert outcomes(memory) == ["refusing", "judged"]
    assert memory.world.metrics.total(Metric.WATCH_UNDONE_BLOCKS) == 1


def test_a_withdrawal_of_a_block_that_is_gone_holds_nothing_back() -> None:
    """What was known before it counts again, without a reading."""
    memory = watched_world()
    next_block(memory)
    memory.chain.request_withdrawal(memory.world.settings.tokens[0], memory.payers[0].address, LOCKED)
    memory.world.watch_once()
    memory.chain.reorg()
    next_block(memory)
    memory.world.watch_once()

    assert pay(memory, LOCKED)
    assert outcomes(memory) == ["judged"]


def test_several_blocks_are_undone_to_the_newest_common_one() -> None:
    """And what came before it stays."""
    memory = watched_world()
    token, payer = memory.world.settings.tokens[0], memory.payers[0]
    for units in (100, 10, 1):
        next_block(memory)
        memory.chain.lock(token, payer.address, units)
        memory.world.watch_once()
    ancestor = memory.chain.head().number - 2
    for _ in range(2):
        memory.chain.reorg()
    for _ in range(3):
        memory.chain.mine()
    memory.world.watch_once()

    cursor = cursor_of(memory)
    assert cursor.forks[-1].ancestor == ancestor
    assert pay(memory, LOCKED + 100)
    with pytest.raises(InsufficientFundsError):
        pay(memory, 1)
    assert memory.world.metrics.total(Metric.WATCH_UNDONE_BLOCKS) == 2


def test_a_reorg_deeper_than_what_is_kept_voids_everything() -> None:
    """Nothing is believed until it is read again, and the logs are followed from the beginning."""
    memory = watched_world()
    for _ in range(20):
        next_block(memory)
        memory.world.watch_once()
    first = cursor_of(memory).fork
    for _ in range(18):
        memory.chain.reorg()
    for _ in range(19):
        memory.chain.mine()

    follow_to_head(memory)

    assert cursor_of(memory).fork > first
    assert pay(memory)
    assert outcomes(memory) == ["unknown_account"]


def test_an_endpoint_that_is_behind_undoes_nothing() -> None:
    """Absence is not proof: it has the same blocks, only fewer."""
    memory = watched_world()
    next_block(memory)
    memory.world.watch_once()
    before, head = cursor_of(memory), memory.chain.head()
    (older,) = memory.chain.blocks([BlockNumber(head.number - 3)])
    memory.chain.head = lambda: older  # type: ignore[method-assign]

    memory.clock.sleep(Milliseconds(300))
    memory.world.watch_once()

    after = cursor_of(memory)
    assert (after.number, after.forks, after.seen_at) == (before.number, before.forks, before.seen_at)


def test_a_block_whose_logs_the_endpoint_does_not_have_is_not_passed() -> None:
    """The cursor waits for an answer that is about this very block."""
    memory = watched_world()
    before = cursor_of(memory).number

    def lagging(_blocks: Sequence[Block], _wanted: LogFilter) -> tuple[EventLog, ...]:
        raise ChainUnreachableError(memory.world.settings.chain_id, "unknown block")

    logs = memory.chain.block_logs
    memory.chain.block_logs = lagging  # type: ignore[method-assign, assignment]
    next_block(memory)
    memory.chain.lock(memory.world.settings.tokens[0], memory.payers[0].address, 9)
    memory.world.watch_once()
    assert cursor_of(memory).number == before
    memory.chain.block_logs = logs  # type: ignore[method-assign]

    memory.world.watch_once()

    assert pay(memory, LOCKED + 9)
    assert outcomes(memory) == ["judged"]


# -- far behind ---------------------------------------------------------------------------------


def test_a_long_way_is_followed_in_ranges_that_shrink_when_refused() -> None:
    """An endpoint that gives a hundred blocks at once is asked for fewer, and the head is reached."""
    memory = memory_world()
    memory.chain.most_log_blocks = 100
    memory.clock.sleep(Milliseconds(1_000_000))

    memory.world.watch([memory.world.settings.chain_id], until=Instant(memory.clock.now() + 50_000))

    assert cursor_of(memory).number == memory.chain.head().number
    assert any("too many" in str(values.get("cause")) for _, _, values in memory.world.log.lines)


def test_an_account_touched_while_nobody_watched_is_read_again_before_it_counts() -> None:
    """Its money left in a block that was only caught up on; others stay known."""
    memory = watched_world()
    token, (spender, saver) = memory.world.settings.tokens[0], memory.payers
    next_block(memory)
    memory.chain.execute_elsewhere(token, spender.address, 500, LOCKED)
    memory.clock.sleep(Milliseconds(60_000))
    follow_to_head(memory)

    with pytest.raises(InsufficientFundsError):
        pay(memory, 1, payer=0)
    assert pay(memory, LOCKED, payer=1)

    assert outcomes(memory) == ["unknown_account", "judged"]
    assert saver.address


def test_a_reading_is_believed_for_an_hour_at_most() -> None:
    """So that an endpoint which loses a log cannot mislead for ever."""
    memory = watched_world()
    memory.clock.sleep(Milliseconds(CACHED_MS))
    follow_to_head(memory)

    assert pay(memory)
    assert outcomes(memory) == ["unknown_account"]


def test_another_contract_in_the_configuration_begins_anew() -> None:
    """What was followed for the old one says nothing of the new one."""
    memory = watched_world()
    first = cursor_of(memory)
    memory.world.settings = memory.chain.settings = memory.world.settings.model_copy(
        update={"grace_seconds": Seconds(90_000)}
    )
    memory.world.restart()
    assert pay(memory)

    follow_to_head(memory)

    assert outcomes(memory) == ["stale"]
    assert cursor_of(memory).followed != first.followed
    assert cursor_of(memory).fork == first.fork + 1


def test_a_contract_that_is_not_ours_is_not_followed() -> None:
    """A wrong address must not fill the cache."""
    memory = memory_world()
    memory.chain.settings = memory.world.settings.model_copy(update={"chain_id": 1})

    memory.world.watch_once()

    assert DynamoCursors(memory.world.tables).cursor(memory.world.settings.chain_id) is None
    assert [level for level, message, _ in memory.world.log.lines if message == "not followed"] == ["error"]


def test_after_a_restore_the_cursor_is_forgotten_and_nothing_older_is_believed() -> None:
    """Even if the accounts came back with it, and their forks are named again one day."""
    memory = watched_world()
    DynamoCursors(memory.world.tables).forget(memory.world.settings.chain_id)
    memory.clock.sleep(Milliseconds(30_000))
    follow_to_head(memory)

    assert pay(memory)
    assert outcomes(memory) == ["unknown_account"]


def test_recover_finds_the_used_nonces_that_a_restore_lost() -> None:
    """Accounts came back from before the cursor's moment: only the logs still know of the nonce."""
    memory = watched_world()
    token, payer = memory.world.settings.tokens[0], memory.payers[0].address
    next_block(memory)
    memory.chain.execute_elsewhere(token, payer, 77, 10)
    memory.world.watch_once()
    accounts = memory.world._items(Table.ACCOUNTS)
    for key in [key for key in accounts if str(key[1]).startswith("seen#")]:
        del accounts[key]

    memory.world.recover()
    memory.clock.sleep(Milliseconds(30_000))
    follow_to_head(memory)
    next_block(memory)
    memory.chain.lock(token, payer, 1)
    memory.world.watch_once()

    with pytest.raises(NonceUsedError):
        pay(memory, nonce=77)
    assert outcomes(memory) == ["nonce_seen"]
    assert pay(memory, nonce=78)
    assert outcomes(memory)[1:] == ["judged"]


# -- running ------------------------------------------------------------------------------------


def test_a_quiet_chain_is_looked_at_once_a_run() -> None:
    """Idle costs next to nothing: no waiting, no successor."""
    memory = watched_world()
    memory.clock.sleep(Milliseconds(ACTIVE_MS))
    follow_to_head(memory)
    started, now = len(memory.world.successor.started), memory.clock.now()

    memory.world.watch([memory.world.settings.chain_id], until=Instant(now + 50_000))

    assert memory.clock.now() == now
    assert len(memory.world.successor.started) == started


def test_a_busy_chain_is_followed_every_block_and_handed_over() -> None:
    """So that the cache is fresh for as long as payments move."""
    memory = watched_world()
    start = memory.chain.head().number
    started = len(memory.world.successor.started)

    memory.world.watch([memory.world.settings.chain_id], until=Instant(memory.clock.now() + 20_000))

    assert cursor_of(memory).number >= start + 17
    assert memory.world.successor.started[started:] == [memory.world.settings.chain_id]


def test_of_two_watchers_one_follows() -> None:
    """The other finds the chain taken, and goes."""
    memory = watched_world()
    chain_id, now = memory.world.settings.chain_id, memory.clock.now()
    held = DynamoCursors(memory.world.tables).take(chain_id, until=Instant(now + LEASE_MS), now=now)
    assert held
    before = cursor_of(memory)
    next_block(memory)

    memory.world.watch_once()

    assert cursor_of(memory) == before


def test_a_watcher_that_lost_its_lease_cannot_move_the_cursor() -> None:
    """It slept through its lease; another went on."""
    memory = watched_world()
    cursors, chain_id = DynamoCursors(memory.world.tables), memory.world.settings.chain_id
    slow = cursors.take(chain_id, until=memory.clock.now(), now=memory.clock.now())
    assert slow
    assert slow.cursor
    memory.clock.sleep(Milliseconds(LEASE_MS))
    follow_to_head(memory)
    after = cursor_of(memory)

    with pytest.raises(StaleRowError):
        cursors.move(slow, slow.cursor, until=Instant(memory.clock.now() + LEASE_MS))

    assert cursor_of(memory) == after


def test_what_a_dead_watcher_wrote_beyond_its_cursor_is_void() -> None:
    """It died between the account and the cursor, in a block that then went: the deposit never was."""
    memory = watched_world()
    next_block(memory)
    memory.chain.lock(memory.world.settings.tokens[0], memory.payers[0].address, 50)

    class Dying(DynamoCursors):
        def move(self, following: Following, cursor: Cursor, *, until: Instant) -> Following:
            raise Died(following, cursor, until)

    memory.world.wrap = lambda name, port: Dying(memory.world.tables) if name == "cursors" else port
    memory.world.restart()
    with pytest.raises(Died):
        memory.world.watch_once()
    memory.world.wrap = lambda _name, port: port
    memory.world.restart()
    memory.chain.reorg()
    memory.clock.sleep(Milliseconds(LEASE_MS))
    follow_to_head(memory)

    with pytest.raises(InsufficientFundsError):
        pay(memory, LOCKED + 50)
    assert pay(memory, LOCKED)
    assert outcomes(memory) == ["refusing", "judged"]


def test_with_the_chain_away_watch_ends_in_peace_and_the_cache_grows_old() -> None:
    """The payment is received, and assured when the chain is back."""
    memory = watched_world()
    memory.chain.is_reachable = False
    memory.clock.sleep(Milliseconds(10_000))

    memory.world.watch([memory.world.settings.chain_id], until=Instant(memory.clock.now() + 5_000))
    pay(memory)

    assert [row.status for row in memory.world.rows()] == [Status.RECEIVED]
    memory.chain.is_reachable = True
    memory.world.settle()
    assert [row.status for row in memory.world.rows()] == [Status.CONFIRMED]


def test_the_lag_is_told_in_blocks_and_seconds() -> None:
    """Zero at the head; growing while the chain is away."""
    memory = watched_world()
    memory.world.metrics.added.clear()
    memory.chain.is_reachable = False
    memory.clock.sleep(Milliseconds(40_000))
    memory.world.watch_once()
    told = {metric: value for metric, value, _ in memory.world.metrics.added}
    assert told[Metric.WATCH_LAG_SECONDS] == 40

    memory.chain.is_reachable = True
    memory.world.metrics.added.clear()
    follow_to_head(memory)

    told = {metric: value for metric, value, _ in memory.world.metrics.added}
    assert (told[Metric.WATCH_LAG_BLOCKS], told[Metric.WATCH_LAG_SECONDS]) == (0, 0)
