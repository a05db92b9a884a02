"""Gauging: what the schedule measures once a minute."""

from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.domain.metrics import Metric
from ferryman.domain.statistics import Gauges
from ferryman.domain.units import Milliseconds, Wei
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.witness import FakeWitness
from tests.support.payments import CHAIN_ID


def gauges(memory: MemoryWorld) -> Gauges:
    """Read what was kept."""
    kept = DynamoStatistics(memory.world.tables).gauges(CHAIN_ID)
    assert kept
    return kept


def post(memory: MemoryWorld, nonce: int) -> None:
    """Post a payment of 1,000."""
    memory.world.post(memory.payers[0].pay(1_000, nonce=nonce, deadline=memory.deadline()))


def last(memory: MemoryWorld, metric: Metric, **dimensions: str) -> float:
    """Give the newest value of a metric."""
    found = [
        value
        for one, value, of in memory.world.metrics.added
        if one is metric and dimensions.items() <= of.items()
    ]
    return found[-1]


def test_what_is_bound_and_what_waits_are_open_and_held() -> None:
    """One payment has a nonce, two wait while the escrow is paused; then all are over."""
    memory = memory_world()
    memory.chain.is_mining = False
    post(memory, 1)
    memory.world.deliver()
    memory.chain.is_paused = True
    post(memory, 2)
    post(memory, 3)
    memory.world.deliver()
    memory.clock.sleep(Milliseconds(7_000))

    memory.world.gauge()

    seen = gauges(memory)
    assert seen.open_by_status == {"PENDING": 1, "VALIDATED": 2}
    assert sum(seen.reserved.values()) == memory.world.reserved() == memory.world.held()
    assert seen.outbox_age_seconds == 7
    assert sum(wallet.window_used for wallet in seen.wallets) == 1
    assert last(memory, Metric.OPEN, status="VALIDATED") == 2
    assert last(memory, Metric.OUTBOX_AGE) == 7

    memory.chain.is_paused, memory.chain.is_mining = False, True
    memory.world.settle()
    memory.world.gauge()
    assert gauges(memory).open_by_status == {}
    assert gauges(memory).reserved == {}
    assert last(memory, Metric.RESERVED) == last(memory, Metric.OUTBOX_AGE) == 0


def test_each_wallets_balance_is_told_in_coins() -> None:
    """Half a coin, and the window's two parts."""
    memory = memory_world(wallets=1)
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(5 * 10**17)
    post(memory, 1)
    memory.world.settle()

    memory.world.gauge()

    (seen,) = gauges(memory).wallets
    assert (seen.address, seen.balance_wei) == (wallet, 5 * 10**17)
    assert last(memory, Metric.WALLET_BALANCE, wallet=wallet) == 0.5
    assert seen.window_used + seen.window_free == memory.world.settings.window


def test_of_a_chain_that_is_away_the_tables_are_measured_and_what_its_endpoints_said() -> None:
    """That is when somebody looks; its looks are no heartbeat, and its head has no age."""
    memory = memory_world(wallets=1)
    began = memory.clock.now()
    post(memory, 1)
    memory.chain.is_reachable = False
    memory.clock.sleep(Milliseconds(7_000))

    memory.world.follow(run_ms=3_000)
    memory.world.gauge()

    seen = gauges(memory)
    assert (seen.at, seen.head, seen.head_age_seconds, seen.final) == (memory.clock.now(), None, None, 0)
    waited = (memory.clock.now() - began) // 1000
    assert (seen.open_by_status, seen.outbox_age_seconds) == ({"VALIDATED": 1}, waited)
    assert [one.trouble for one in seen.endpoints] == ["switched off"]
    assert last(memory, Metric.OUTBOX_AGE) == waited > 0
    assert not {Metric.CONFIRM_LOOKS, Metric.HEAD_AGE} & memory.world.metrics.counts().keys()


def test_a_wallet_of_a_chain_that_is_away_keeps_its_marks_and_has_no_balance() -> None:
    """Zero would be a lie that alarms."""
    memory = memory_world(wallets=1)
    post(memory, 1)
    memory.world.settle()
    memory.world.metrics.added.clear()
    memory.chain.is_reachable = False

    memory.world.gauge()

    (wallet,) = gauges(memory).wallets
    assert wallet.balance_wei is None
    assert Metric.WALLET_BALANCE not in memory.world.metrics.counts()
    assert last(memory, Metric.WINDOW_FREE) == wallet.window_free


def test_each_endpoint_is_measured_by_itself() -> None:
    """One is away, one stands still, and the chain is measured by the one that is well."""
    memory = memory_world()
    memory.clock.sleep(Milliseconds(300_000))
    away, behind = memory.chain.served_by_two()
    memory.chain.endpoints = (away, behind, FakeWitness(memory.chain))
    away.is_reachable, behind.lag = False, 100

    memory.world.gauge()

    seen = gauges(memory)
    first, second, third = seen.endpoints
    assert (first.number, first.is_well, first.head) == (1, False, None)
    assert (second.is_well, second.is_behind, second.head_age_seconds) == (False, True, 100)
    assert (third.is_well, third.head) == (True, seen.head)


def test_looks_that_go_well_are_the_heartbeat() -> None:
    """Also while nothing is open: the schedule's run looks once."""
    memory = memory_world()

    memory.world.follow()

    assert memory.world.metrics.total(Metric.CONFIRM_LOOKS) == 1
