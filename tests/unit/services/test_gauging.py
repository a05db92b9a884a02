"""Gauging: what the schedule measures once a minute."""

from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.domain.metrics import Metric
from ferryman.domain.statistics import Gauges
from ferryman.domain.units import Milliseconds, Wei
from tests.fakes.settled import MemoryWorld, memory_world
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


def test_a_chain_that_is_away_has_no_heartbeat_and_no_measurement() -> None:
    """Its alarm breaches on missing data."""
    memory = memory_world()
    memory.chain.is_reachable = False

    memory.world.follow(run_ms=3_000)
    memory.world.gauge()

    assert not memory.world.metrics.added
    assert DynamoStatistics(memory.world.tables).gauges(CHAIN_ID) is None


def test_looks_that_go_well_are_the_heartbeat() -> None:
    """Also while nothing is open: the schedule's run looks once."""
    memory = memory_world()

    memory.world.follow()

    assert memory.world.metrics.total(Metric.CONFIRM_LOOKS) == 1
