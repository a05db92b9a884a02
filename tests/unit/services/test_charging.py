"""Sender limits at acceptance: who is charged, who is refused, and that a refusal charges nobody."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ferryman.domain.chain import ChainSettings
from ferryman.domain.economics import counted_gas
from ferryman.domain.errors import InvalidFieldsError, RequestError, StoreUnavailableError
from ferryman.domain.quotas import DAY_MS, Limit, Quota, QuotaMovedError, SenderLimitedError, SenderLimits
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds, TokenUnits, Wei
from ferryman.ports import Funds
from tests.fakes.chain import GAS_USED
from tests.fakes.payers import Payer
from tests.fakes.settled import LOCKED, SETTINGS, MemoryWorld, memory_world

TIGHT = SenderLimits(per_minute=6, burst=3)


def quota_of(memory: MemoryWorld, payer: Payer) -> Quota | None:
    """Read what a payer has used."""
    settings = memory.world.settings
    return memory.world.store.quota(
        Funds(
            chain_id=settings.chain_id,
            escrow=settings.escrow,
            token=settings.tokens[0],
            payer=payer.address,
        )
    )


def count_of(memory: MemoryWorld, payer: Payer) -> int:
    """How many a payer was charged today."""
    quota = quota_of(memory, payer)
    return quota.count if quota else 0


def refused(memory: MemoryWorld, body: Mapping[str, Any]) -> SenderLimitedError:
    """Post what must be refused for a limit."""
    with pytest.raises(SenderLimitedError) as limited:
        memory.world.post(dict(body))
    return limited.value


def test_a_burst_is_accepted_and_one_more_has_to_wait() -> None:
    """And passes when the refusal said it would."""
    memory = memory_world(sender_limits=TIGHT)
    payer = memory.payers[0]
    for _ in range(3):
        assert memory.world.post(payer.pay(1, deadline=memory.deadline())).is_new
    late = payer.pay(1, deadline=memory.deadline())

    limited = refused(memory, late)

    assert (limited.limit, limited.retry_after_seconds) == (Limit.RATE, 10)
    memory.clock.sleep(Milliseconds(limited.retry_after_seconds * 1_000))
    assert memory.world.post(late).is_new


def test_senders_do_not_use_up_each_other_s_limits() -> None:
    """The key is who signed."""
    memory = memory_world(sender_limits=TIGHT)
    busy, other = memory.payers
    for _ in range(3):
        memory.world.post(busy.pay(1, deadline=memory.deadline()))

    assert memory.world.post(other.pay(1, deadline=memory.deadline())).is_new


def test_a_repeat_is_answered_with_its_record_and_charges_nothing_even_over_the_limit() -> None:
    """A public message that somebody posts again and again costs its signer nothing."""
    memory = memory_world(sender_limits=TIGHT)
    payer = memory.payers[0]
    bodies = [payer.pay(1, deadline=memory.deadline()) for _ in range(3)]
    for body in bodies:
        memory.world.post(body)
    before = quota_of(memory, payer)

    again = [memory.world.post(body) for body in bodies * 3]

    assert not any(accepted.is_new for accepted in again)
    assert quota_of(memory, payer) == before


def test_a_forged_message_charges_neither_its_victim_nor_its_author() -> None:
    """The limit is charged along with acceptance, and a forgery is never accepted."""
    memory = memory_world(sender_limits=TIGHT)
    victim, author = memory.payers
    signature = author.pay(1, deadline=memory.deadline())["signature"]

    for _ in range(5):
        with pytest.raises(RequestError):
            memory.world.post(victim.pay(1, deadline=memory.deadline()) | {"signature": signature})

    assert quota_of(memory, victim) is None
    assert quota_of(memory, author) is None


def test_a_refused_payment_charges_nothing() -> None:
    """Neither one without funds nor one whose nonce is taken."""
    memory = memory_world(sender_limits=TIGHT)
    payer = memory.payers[0]
    memory.world.post(payer.pay(1, nonce=1, deadline=memory.deadline()))

    for body in (
        payer.pay(LOCKED + 1, nonce=2, deadline=memory.deadline()),
        payer.pay(2, nonce=1, deadline=memory.deadline()),
        payer.pay(2, nonce=3, deadline=memory.deadline(-1)),
    ):
        with pytest.raises(RequestError):
            memory.world.post(body)

    assert count_of(memory, payer) == 1


def test_a_limited_sender_is_refused_before_the_chain_is_asked() -> None:
    """A flood of good signatures costs small reads, and no endpoint's patience."""
    memory = memory_world(sender_limits=TIGHT)
    payer = memory.payers[0]
    for _ in range(3):
        memory.world.post(payer.pay(1, deadline=memory.deadline()))
    memory.chain.is_reachable = False

    refused(memory, payer.pay(1, deadline=memory.deadline()))

    assert len(memory.world.rows()) == 3


def test_payments_received_while_the_chain_is_away_are_charged_too() -> None:
    """An outage opens no door."""
    memory = memory_world(sender_limits=TIGHT)
    payer = memory.payers[0]
    memory.chain.is_reachable = False
    for _ in range(3):
        row = memory.world.post(payer.pay(1, deadline=memory.deadline())).transaction
        assert row.status is Status.RECEIVED

    assert refused(memory, payer.pay(1, deadline=memory.deadline())).limit is Limit.RATE


def test_concurrent_posts_of_one_sender_are_accepted_up_to_the_limit_and_no_further() -> None:
    """Each has read a quota with room; the write decides."""
    limits = SenderLimits(per_minute=1, burst=20)
    memory = memory_world(sender_limits=limits)
    payer = memory.payers[0]
    bodies = [payer.pay(1, deadline=memory.deadline()) for _ in range(60)]

    def is_accepted(body: dict[str, Any]) -> bool:
        try:
            return memory.world.post(body).is_new
        except SenderLimitedError:
            return False

    with ThreadPoolExecutor(16) as threads:
        accepted = sum(threads.map(is_accepted, bodies))

    assert accepted == 20
    assert count_of(memory, payer) == len(memory.world.rows()) == 20
    assert memory.world.reserved() == memory.world.held() == 20


def test_a_restart_forgets_nothing() -> None:
    """The limit lives in the table, not in a process."""
    memory = memory_world(sender_limits=TIGHT)
    payer = memory.payers[0]
    for _ in range(3):
        memory.world.post(payer.pay(1, deadline=memory.deadline()))
        memory.world.restart()

    assert refused(memory, payer.pay(1, deadline=memory.deadline())).limit is Limit.RATE


def test_the_units_of_a_day_count_the_fee_and_start_anew_at_midnight() -> None:
    """What leaves the sender's locked funds, per token."""
    cap = SenderLimits(daily_units={SETTINGS.tokens[0]: TokenUnits(1_000)})
    memory = memory_world(sender_limits=cap)
    payer = memory.payers[0]
    memory.world.post(payer.pay(900, fee=50, deadline=memory.deadline()))
    second = payer.pay(50, fee=1, deadline=memory.deadline(80_000))

    limited = refused(memory, second)

    assert limited.limit is Limit.DAILY_UNITS
    assert "50 are left" in limited.problems[0].reason
    memory.clock.sleep(Milliseconds(limited.retry_after_seconds * 1_000))
    assert memory.clock.now() % DAY_MS < 1_000
    assert memory.world.post(second).is_new


def test_one_payment_above_a_whole_day_is_refused_for_good() -> None:
    """It names the amount: waiting would not help."""
    cap = SenderLimits(daily_units={SETTINGS.tokens[0]: TokenUnits(1_000)})
    memory = memory_world(sender_limits=cap)

    with pytest.raises(InvalidFieldsError) as wrong:
        memory.world.post(memory.payers[0].pay(1_001, deadline=memory.deadline()))

    assert [problem.field for problem in wrong.value.problems] == ["amount"]


GAS_PRICE = 10**9
PREDICTED = Wei(100_000 * (GAS_PRICE + 10**6))
"""What the default schedule foresees, at the fake chain's base fee and least tip."""
USED = Wei(GAS_USED * GAS_PRICE)
"""What a payment then costs on it."""


def budgeted(count: float, **settings: Any) -> MemoryWorld:  # noqa: ANN401 (fields of ChainSettings)
    """Build a world in which a sender may use the gas of so many predicted payments a day."""
    limits = SenderLimits(daily_gas_wei=Wei(int(PREDICTED * count)))
    return memory_world(sender_limits=limits, **settings)


def gas_of(memory: MemoryWorld, payer: Payer) -> int:
    """What a payer's day counts; it is what its transactions cost, or may cost while they are open."""
    quota = quota_of(memory, payer)
    counted = sum(quota.gas.values()) if quota else 0
    assert counted == sum(counted_gas(row) for row in memory.world.rows() if row.sender == payer.address)
    return counted


def test_a_sender_whose_open_payments_may_use_up_its_gas_has_to_wait_until_tomorrow() -> None:
    """Whatever it pays in fees, and though its bucket is full."""
    memory = budgeted(2.9)
    payer = memory.payers[0]
    for _ in range(2):
        memory.world.post(payer.pay(1, deadline=memory.deadline()))
    third = payer.pay(1, deadline=memory.deadline(80_000))

    limited = refused(memory, third)

    assert limited.limit is Limit.DAILY_GAS
    assert gas_of(memory, payer) == 2 * PREDICTED
    assert memory.world.post(memory.payers[1].pay(1, deadline=memory.deadline())).is_new
    memory.clock.sleep(Milliseconds(limited.retry_after_seconds * 1_000))
    assert memory.clock.now() % DAY_MS < 1_000
    assert memory.world.post(third).is_new


def test_what_a_payment_did_cost_takes_the_place_of_its_prediction() -> None:
    """So the budget is of what was spent: less gas than foreseen leaves room for more."""
    memory = budgeted(2.9)
    payer = memory.payers[0]
    for _ in range(2):
        memory.world.post(payer.pay(1, deadline=memory.deadline()))
    memory.world.settle()

    assert gas_of(memory, payer) == 2 * USED < PREDICTED * 1.9
    assert memory.world.post(payer.pay(1, deadline=memory.deadline())).is_new


def test_a_payment_that_never_got_a_nonce_gives_its_gas_back() -> None:
    """It cost nothing."""
    memory = budgeted(1)
    payer = memory.payers[0]
    memory.chain.is_paused = True
    memory.world.post(payer.pay(1, deadline=memory.deadline(60)))
    refused(memory, payer.pay(1, deadline=memory.deadline()))

    memory.world.settle(rounds=90)

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "deadline_passed")
    assert gas_of(memory, payer) == 0


def test_each_of_a_batch_bears_its_share_of_the_gas() -> None:
    """To the last wei, and each sender its own."""
    memory = memory_world(payers=3, batch_min=2, sender_limits=SenderLimits(daily_gas_wei=Wei(10**18)))
    for payer in memory.payers:
        memory.world.post(payer.pay(1, deadline=memory.deadline()))

    memory.world.settle()

    (whole,) = {row.gas_used for row in memory.world.rows()}
    assert sum(gas_of(memory, payer) for payer in memory.payers) == int(whole or 0) * GAS_PRICE


def test_a_payment_that_a_reorg_opens_again_counts_once() -> None:
    """As it was predicted while it is open, as it cost when it is over for the second time."""
    memory = budgeted(3)
    payer = memory.payers[0]
    memory.world.post(payer.pay(1, deadline=memory.deadline()))
    memory.world.settle()
    memory.chain.replace(2, keeps_mempool=False)
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=1_000)
    (between,) = memory.world.rows()
    opened = gas_of(memory, payer)

    memory.world.settle()

    assert (between.status, opened) == (Status.PENDING, PREDICTED)
    assert gas_of(memory, payer) == USED


def test_what_was_accepted_before_midnight_corrects_its_own_day() -> None:
    """The new day begins with what is accepted on it."""
    memory = budgeted(2)
    payer = memory.payers[0]
    memory.clock.sleep(Milliseconds(DAY_MS - memory.clock.now() % DAY_MS - 1_000))
    memory.world.post(payer.pay(1, deadline=memory.deadline()))
    memory.clock.sleep(Milliseconds(1_000))
    for _ in range(2):
        memory.world.post(payer.pay(1, deadline=memory.deadline()))
    today = memory.clock.now() // DAY_MS

    memory.world.settle()

    quota = quota_of(memory, payer)
    assert quota is not None
    assert quota.gas[today] == 2 * USED


def test_with_the_chain_away_and_no_price_known_gas_is_counted_when_it_is() -> None:
    """Nobody can say what it will cost; what it did cost is charged all the same."""
    memory = budgeted(1)
    payer = memory.payers[0]
    memory.chain.is_reachable = False
    memory.world.post(payer.pay(1, deadline=memory.deadline()))
    before = gas_of(memory, payer)
    memory.chain.is_reachable = True

    memory.world.settle()

    assert (before, gas_of(memory, payer)) == (0, USED)


def test_concurrent_posts_cannot_exceed_the_gas_of_a_day() -> None:
    """Each has read a quota with room; the write decides."""
    memory = budgeted(20.5)
    payer = memory.payers[0]
    bodies = [payer.pay(1, deadline=memory.deadline()) for _ in range(60)]

    def is_accepted(body: dict[str, Any]) -> bool:
        try:
            return memory.world.post(body).is_new
        except SenderLimitedError:
            return False

    with ThreadPoolExecutor(16) as threads:
        accepted = sum(threads.map(is_accepted, bodies))

    assert accepted == 20
    assert gas_of(memory, payer) == 20 * PREDICTED


def test_a_sender_whom_others_always_overtake_is_asked_to_come_back() -> None:
    """503, and nothing was stored: not an endless loop, and not a wrong refusal."""

    class Overtaken:
        def __init__(self, store: Any) -> None:  # noqa: ANN401 (any store)
            self._store = store
            self.tries = 0

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any method)
            return getattr(self._store, name)

        def accept(self, *_args: object, **_more: object) -> None:
            self.tries += 1
            raise QuotaMovedError(None)

    memory = memory_world(wrap=lambda name, port: Overtaken(port) if name == "store" else port)

    with pytest.raises(StoreUnavailableError):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))

    assert memory.world.ingest.store.tries == 20  # type: ignore[attr-defined]


def test_a_cap_on_a_token_that_nobody_pays_with_stops_the_function_at_its_start() -> None:
    """Else a slip of the pen would read as protection."""
    stray = Address("0x00000000000000000000000000000000000000AA")
    values = SETTINGS.model_dump() | {"sender_limits": {"daily_units": {stray: 5}}}

    with pytest.raises(ValueError, match="daily_units names tokens"):
        ChainSettings.model_validate(values)
