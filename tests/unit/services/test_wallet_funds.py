"""Wallets pay for what they bind: who cannot is passed over, and what nobody can pay for waits."""

from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import Wallet
from ferryman.domain.quotas import DAY_MS
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds, Wei
from ferryman.services.records import record_of
from ferryman.services.waiting import NO_FUNDS, OVER_BUDGET
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world

COIN = 10**18
FAKE_GAS_LIMIT = 75_000
"""A quarter more than the gas the fake chain uses."""
COST = FAKE_GAS_LIMIT * 2 * (2 * 10**9 + 10**6)
"""Of one payment: twice what is offered for a normal one, at a base fee of a gwei and a tip of 10^6."""


def pay(memory: MemoryWorld, count: int = 1) -> None:
    """Accept payments, and submit what can be."""
    for _ in range(count):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass


def wallet_of(memory: MemoryWorld, address: Address) -> Wallet:
    """Read a wallet's row."""
    found = DynamoWallets(memory.world.tables).wallet(SETTINGS.chain_id, address)
    assert found is not None
    return found


def bound_to(memory: MemoryWorld) -> list[Address | None]:
    """Give the wallet of each payment, oldest first."""
    return [row.wallet for row in sorted(memory.world.rows(), key=lambda row: row.received_at)]


def test_of_two_wallets_the_poor_one_is_passed_over() -> None:
    """Though it has as much window free, and is the first of the pool."""
    memory = memory_world(batch_size=0)
    poor, rich = memory.signer.wallets()
    memory.chain.coins[poor] = Wei(COST - 1)

    pay(memory, 4)

    assert bound_to(memory) == [rich] * 4


def test_a_wallet_binds_as_many_as_it_can_pay_for() -> None:
    """To the wei, in one run and over several, with what is open kept for."""
    memory = memory_world(wallets=1, batch_size=0)
    memory.chain.is_mining = False
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(3 * COST)

    pay(memory, 2)
    assert wallet_of(memory, wallet).committed == 2 * COST
    pay(memory, 3)

    assert wallet_of(memory, wallet).committed == 3 * COST
    waiting = [row for row in memory.world.rows() if row.status is Status.VALIDATED]
    assert [record_of(row)["waiting_for"] for row in waiting] == [NO_FUNDS] * 2


def test_what_is_settled_is_kept_for_no_longer() -> None:
    """And when all of it is, what was bound and what was settled are the same sum."""
    memory = memory_world(wallets=1, batch_size=0)
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(COST)

    pay(memory, 5)
    memory.world.settle()

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    row = wallet_of(memory, wallet)
    assert row.bound_cost == row.settled_cost == 5 * COST
    assert row.committed == 0


def test_a_batch_that_no_wallet_can_pay_for_is_taken_apart() -> None:
    """What it can pay for alone goes; the rest waits, and nothing fails."""
    memory = memory_world(wallets=1, batch_min=2, batch_size=4)
    memory.chain.is_mining = False
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(2 * COST)

    for _ in range(4):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass

    statuses = sorted(row.status for row in memory.world.rows())
    assert statuses == [Status.PENDING] * 2 + [Status.VALIDATED] * 2
    assert {row.batch_size for row in memory.world.rows()} == {None}


def test_wallets_drained_by_a_stranger_make_payments_wait_until_they_are_funded() -> None:
    """They say so, an alarm's metric counts them, none fails, and all go on by themselves."""
    memory = memory_world()
    for wallet in memory.signer.wallets():
        memory.chain.coins[wallet] = Wei(0)
    pay(memory, 3)
    memory.world.settle(rounds=10)
    memory.world.gauge()

    rows = memory.world.rows()
    assert {row.status for row in rows} == {Status.VALIDATED}
    assert {record_of(row)["waiting_for"] for row in rows} == {NO_FUNDS}
    assert memory.chain.sends == 0
    assert memory.world.metrics.total(Metric.UNPAYABLE) == 3

    for wallet in memory.signer.wallets():
        memory.chain.coins[wallet] = Wei(COIN)
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}


def test_a_low_wallet_is_not_used_until_it_has_a_quarter_more() -> None:
    """At once when it is seen, and by its mark from then on."""
    memory = memory_world(batch_size=0, low_balance_wei=Wei(COIN // 2))
    low, other = memory.signer.wallets()
    memory.chain.coins[low] = Wei(COIN // 2 - 1)
    pay(memory, 2)
    memory.world.settle()
    memory.world.gauge()
    assert wallet_of(memory, low).is_low

    memory.chain.coins[low] = Wei(COIN // 2)
    pay(memory, 2)
    assert bound_to(memory) == [other] * 4

    memory.world.settle()
    memory.chain.coins[low] = Wei(COIN * 5 // 8)
    pay(memory)
    memory.world.gauge()
    assert bound_to(memory)[-1] == low
    assert not wallet_of(memory, low).is_low


def test_a_delegated_wallet_has_one_nonce_open_at_a_time() -> None:
    """A node's word is enough, and the minute's measurement sees when it is over."""
    memory = memory_world(wallets=1, batch_size=0)
    (wallet,) = memory.signer.wallets()
    memory.chain.delegations.add(wallet)

    pay(memory, 6)
    assert wallet_of(memory, wallet).is_delegated
    memory.world.settle()
    pay(memory, 3)

    assert [row.status for row in memory.world.rows()].count(Status.PENDING) == 1
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.chain.delegations.clear()
    memory.world.gauge()
    assert not wallet_of(memory, wallet).is_delegated
    memory.world.check_nonces()


def test_a_window_halves_when_a_node_keeps_fewer() -> None:
    """And everything is mined all the same."""
    memory = memory_world(wallets=1, batch_size=0)
    (wallet,) = memory.signer.wallets()
    memory.chain.most_of_one_account = 3
    memory.chain.is_mining = False

    pay(memory, 12)

    assert wallet_of(memory, wallet).window < SETTINGS.window
    memory.chain.is_mining = True
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.check_nonces()


def test_a_window_grows_while_all_of_it_is_mined() -> None:
    """A payment at a time, up to the operator's limit."""
    memory = memory_world(wallets=1, batch_size=0, window=4, window_most=6)
    (wallet,) = memory.signer.wallets()

    pay(memory, 30)
    memory.world.settle()

    assert wallet_of(memory, wallet).window == 6


def test_a_node_that_loses_its_mempool_once_does_not_narrow_the_window() -> None:
    """What is sent again and still not mined does: two losses in a row are no accident."""
    memory = memory_world(wallets=1, bump_after_blocks=1_000)
    (wallet,) = memory.signer.wallets()
    pay(memory)

    windows = []
    for _ in range(3):
        memory.chain.forget()
        memory.clock.sleep(Milliseconds(30_000))
        memory.world.follow(run_ms=2_500)
        while memory.world.deliver():
            pass
        windows.append(wallet_of(memory, wallet).window)

    assert windows == [16, 8, 4]


def test_a_chain_that_stands_still_does_not_narrow_the_window() -> None:
    """However often is asked for a send: no block has come that could have held it."""
    memory = memory_world(wallets=1)
    (wallet,) = memory.signer.wallets()
    memory.chain.is_mining = False
    pay(memory)

    for _ in range(4):
        memory.clock.sleep(Milliseconds(60_000))
        memory.world.follow(run_ms=2_500)
        while memory.world.deliver():
            pass

    assert wallet_of(memory, wallet).window == SETTINGS.window


def test_what_the_gauges_keep_of_a_wallet_is_read_back() -> None:
    """Its limit, its state, and whether it is low: for `/metrics` and the command line."""
    memory = memory_world(wallets=1, low_balance_wei=Wei(COIN))
    (address,) = memory.signer.wallets()
    pay(memory)
    memory.chain.coins[address] = Wei(COIN - 1)
    memory.world.gauge()

    gauges = DynamoStatistics(memory.world.tables).gauges(SETTINGS.chain_id)

    assert gauges is not None
    (seen,) = gauges.wallets
    assert (seen.is_low, seen.window, seen.balance_wei) == (True, 16, COIN - 1)


def test_a_wallet_over_its_days_budget_waits_for_the_next_day_and_loses_nothing() -> None:
    """Spent is what was really paid, and what is open counts at what is kept for it."""
    memory = memory_world(wallets=1, batch_size=0, wallet_daily_gas_wei=Wei(2 * COST))
    (wallet,) = memory.signer.wallets()
    pay(memory, 3)
    assert bound_to(memory).count(wallet) == 2

    memory.world.settle(rounds=10)

    # Paid was a gwei per gas of the limit's four fifths: much less than what was kept.
    spent = wallet_of(memory, wallet).day_spent
    assert spent == 3 * FAKE_GAS_LIMIT * 4 // 5 * 10**9
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.gauge()
    assert memory.world.metrics.total(Metric.BUDGET_USED) == 100 * spent // (2 * COST)

    pay(memory, 10)
    memory.world.settle(rounds=30)
    waiting = memory.world.open_rows()
    assert {record_of(row)["waiting_for"] for row in waiting} == {OVER_BUDGET}
    assert wallet_of(memory, wallet).day_spent <= 2 * COST

    memory.clock.sleep(Milliseconds(DAY_MS - memory.clock.now() % DAY_MS))
    memory.world.settle(rounds=200)
    assert not [row for row in memory.world.open_rows() if record_of(row)["waiting_for"] == OVER_BUDGET]


ORACLE = Address("0x420000000000000000000000000000000000000F")
L1_FEE = 5 * 10**13


def rollup(**settings: object) -> MemoryWorld:
    """Build a world on an OP-style chain, which takes money for data besides gas."""
    memory = memory_world(wallets=1, l1_fee_oracle=ORACLE, **settings)  # type: ignore[arg-type]
    memory.chain.l1_fee, memory.chain.takes_gas_money = Wei(L1_FEE), True
    return memory


def test_what_a_chain_takes_for_data_is_kept_besides_the_gas() -> None:
    """Twice, as of the gas; a wallet with a wei less binds nothing, and nodes refuse nothing."""
    memory = rollup(batch_size=0)
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(COST + 2 * L1_FEE - 1)
    pay(memory)
    (waiting,) = memory.world.rows()
    assert record_of(waiting)["waiting_for"] == NO_FUNDS

    memory.chain.coins[wallet] = Wei(COST + 2 * L1_FEE)
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.follow(run_ms=1)
    while memory.world.deliver():
        pass

    assert wallet_of(memory, wallet).committed == COST + 2 * L1_FEE
    memory.world.settle()
    (row,) = memory.world.rows()
    price = 10**9 + 10**6
    assert (row.status, row.gas_cost) == (Status.CONFIRMED, 60_000 * price + L1_FEE)
    assert wallet_of(memory, wallet).day_spent == row.gas_cost


def test_a_batch_keeps_the_data_fee_of_each_of_its_payments() -> None:
    """Its data is no more than theirs together."""
    memory = rollup(batch_min=2)
    memory.chain.is_mining = False
    (wallet,) = memory.signer.wallets()
    for _ in range(3):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass

    (row,) = DynamoWallets(memory.world.tables).open_nonces(wallet_of(memory, wallet))
    assert len(row.intents) == 3
    assert row.data_fee == 2 * 3 * L1_FEE
    assert row.reserved_cost == 2 * row.gas_limit * row.attempts[0].max_fee_per_gas + row.data_fee


def test_while_the_oracle_is_silent_payments_wait_and_say_so() -> None:
    """Nobody knows what they would cost."""
    memory = rollup()
    truly = memory.world.settings.l1_fee_oracle
    memory.chain.settings = memory.chain.settings.model_copy(update={"l1_fee_oracle": None})
    pay(memory)

    (row,) = memory.world.rows()
    assert "oracle does not answer" in str(row.last_error)
    memory.chain.settings = memory.chain.settings.model_copy(update={"l1_fee_oracle": truly})
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}


def test_a_bump_is_covered_with_its_data_fee() -> None:
    """The coin for the data is not offered as a price of gas."""
    memory = rollup(batch_size=0)
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(COST + 2 * L1_FEE)
    memory.chain.is_mining = False
    pay(memory)
    memory.chain.base_fee = Wei(10 * 10**9)
    for _ in range(30):
        memory.clock.sleep(Milliseconds(1_000))
        memory.world.follow(run_ms=1)
        while memory.world.deliver():
            pass

    (row,) = DynamoWallets(memory.world.tables).open_nonces(wallet_of(memory, wallet))
    assert row.attempts[-1].max_fee_per_gas == COST // FAKE_GAS_LIMIT
    assert row.reserved_cost == COST + 2 * L1_FEE
