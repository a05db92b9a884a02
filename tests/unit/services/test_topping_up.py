"""The treasury tops low wallets up: once for each need, within its limits, and never instead of a payment."""

from typing import Any

import pytest

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.nonces import Wallet
from ferryman.domain.quotas import DAY_MS
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds, Wei
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.support.payments import chain_settings

COIN = 10**18
LOW = COIN // 10
AMOUNT = COIN // 2


def world(**changes: Any) -> MemoryWorld:  # noqa: ANN401 (settings)
    """Give a world with one wallet that has nothing, and a treasury."""
    limits = {"low_balance_wei": Wei(LOW), "top_up_wei": Wei(AMOUNT), **changes}
    memory = memory_world(wallets=1, treasury=True, **limits)
    memory.chain.coins[memory.signer.wallets()[0]] = Wei(0)
    return memory


def pay(memory: MemoryWorld) -> None:
    """Accept a payment, and submit what can be."""
    memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass


def treasury_of(memory: MemoryWorld) -> Address:
    """Give the treasury's address."""
    found = memory.signer.treasury()
    assert found is not None
    return found


def row_of(memory: MemoryWorld, address: Address) -> Wallet:
    """Read a wallet's row."""
    found = DynamoWallets(memory.world.tables).wallet(SETTINGS.chain_id, address)
    assert found is not None
    return found


def coins(memory: MemoryWorld, address: Address) -> int:
    """Read what an account has."""
    return memory.chain.balances([address])[0]


def test_a_low_wallet_gets_coin_and_what_waited_for_it_is_mined() -> None:
    """By a nonce of the treasury's own, which is signed, sent and settled as any other."""
    memory = world()
    (wallet,), treasury = memory.signer.wallets(), treasury_of(memory)

    pay(memory)
    memory.world.settle()

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert {row.wallet for row in memory.world.rows()} == {wallet}
    assert coins(memory, wallet) == AMOUNT
    assert coins(memory, treasury) == COIN - AMOUNT
    assert row_of(memory, treasury).day_sent == AMOUNT
    memory.world.check_nonces()


def test_it_is_topped_up_once_for_each_need() -> None:
    """While one transfer is open no other is bound, however many payments and runs ask for it."""
    memory = world()
    memory.chain.is_mining = False
    for _ in range(4):
        pay(memory)
        memory.world.rival().submit(memory.world.queue.everything())

    assert row_of(memory, treasury_of(memory)).next_nonce == 1
    memory.chain.is_mining = True
    memory.world.settle()
    assert coins(memory, memory.signer.wallets()[0]) == AMOUNT


def test_the_treasury_sends_no_more_a_day_than_its_limit() -> None:
    """The next day it goes on; the payment waits that long, and is not lost."""
    memory = world(top_up_daily_wei=Wei(AMOUNT))
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[treasury_of(memory)] = Wei(5 * COIN)
    pay(memory)
    memory.world.settle()
    memory.chain.coins[wallet] = Wei(0)

    pay(memory)
    memory.world.settle(rounds=10)
    assert row_of(memory, treasury_of(memory)).next_nonce == 1

    memory.clock.sleep(Milliseconds(DAY_MS - memory.clock.now() % DAY_MS))
    pay(memory)
    memory.world.settle()
    assert row_of(memory, treasury_of(memory)).next_nonce == 2
    assert coins(memory, wallet) == AMOUNT


def test_a_treasury_that_cannot_pay_binds_nothing() -> None:
    """A transfer that no node takes would block its nonce."""
    memory = world()
    memory.chain.coins[treasury_of(memory)] = Wei(AMOUNT)

    pay(memory)

    assert row_of(memory, treasury_of(memory)).next_nonce == 0
    assert {row.status for row in memory.world.rows()} == {Status.VALIDATED}


def test_a_wallet_that_has_enough_gets_nothing() -> None:
    """And the treasury is not even looked at."""
    memory = world()
    memory.chain.coins[memory.signer.wallets()[0]] = Wei(LOW)

    pay(memory)
    memory.world.settle()

    assert DynamoWallets(memory.world.tables).wallet(SETTINGS.chain_id, treasury_of(memory)) is None


def test_a_transfer_whose_bytes_were_lost_is_sent_again() -> None:
    """It is followed like any nonce: confirm asks for it."""
    memory = world()
    memory.chain.is_mining = False
    pay(memory)
    memory.chain.forget()
    memory.chain.is_mining = True

    memory.world.settle()

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert coins(memory, memory.signer.wallets()[0]) == AMOUNT


@pytest.mark.parametrize("amount", [LOW, LOW * 5 // 4 - 1])
def test_a_top_up_that_leaves_a_wallet_low_is_no_configuration(amount: int) -> None:
    """It would be asked for again and again."""
    with pytest.raises(ValueError, match="top_up_wei"):
        chain_settings(low_balance_wei=LOW, top_up_wei=amount)
