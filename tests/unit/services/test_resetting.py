"""Resetting a wallet's counter: dry first, never while something is unclear, and safe to repeat."""

from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.recovery import DynamoRecovery
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    InvalidFieldsError,
    NotFoundError,
    WalletBusyError,
)
from ferryman.domain.nonces import Wallet
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, WalletNonce
from ferryman.services.resetting import Resetting
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.talk import FakeLog
from tests.fakes.witness import FakeWitness


def stored(memory: MemoryWorld) -> Wallet:
    """The only wallet's row; it is opened on first use."""
    access = memory.world.submit.chains[memory.world.settings.chain_id]
    (wallet,) = memory.world.submit.binder.pool(access)
    return wallet


def with_next_nonce(memory: MemoryWorld, nonce: int) -> None:
    """Have the only wallet begin at a nonce that is not the chain's."""
    wallet = stored(memory)
    after = replace(wallet, next_nonce=WalletNonce(nonce), lowest_open=WalletNonce(nonce))
    DynamoRecovery(memory.world.tables).set_wallet(wallet, after)


def reset(memory: MemoryWorld, *, dry_run: bool = False, address: Address | None = None) -> dict[str, Any]:
    """Ask for a reset of the only wallet."""
    tables, submit = memory.world.tables, memory.world.submit
    resetting = Resetting(
        chains=submit.chains,
        wallets=DynamoWallets(tables),
        recovery=DynamoRecovery(tables),
        clock=memory.clock,
        log=FakeLog(),
    )
    body = {"chain_id": memory.world.settings.chain_id, "dry_run": dry_run}
    return resetting(address or memory.signer.wallets()[0], body, by="operator")


def pay(memory: MemoryWorld) -> None:
    """Post a payment and bind it."""
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    memory.world.deliver()


@pytest.mark.parametrize("drift", [0, 633])
def test_a_counter_that_has_drifted_up_is_lowered_and_payments_are_mined(drift: int) -> None:
    """Raised before sign or send and never rolled back, it was up to 633 too high (OpenZeppelin #683)."""
    memory = memory_world(wallets=1)
    with_next_nonce(memory, drift)

    answer = reset(memory)

    assert (answer["stored"]["next_nonce"], answer["after"]["next_nonce"]) == (drift, 0)
    assert answer["unclear"] == answer["fills"] == []
    pay(memory)
    memory.world.settle()
    assert memory.world.rows()[0].status is Status.CONFIRMED
    memory.world.check_nonces()


def test_a_dry_run_changes_nothing_and_says_what_it_would_do() -> None:
    """An operator looks first."""
    memory = memory_world(wallets=1)
    with_next_nonce(memory, 5)
    before = stored(memory)

    answer = reset(memory, dry_run=True)

    assert (answer["dry_run"], answer["after"]["next_nonce"]) == (True, 0)
    assert answer["endpoints"] == [{"latest": 0, "pending": 0}]
    assert stored(memory) == before


def test_a_reset_again_finds_nothing_to_do() -> None:
    """Whoever lost the answer repeats the command."""
    memory = memory_world(wallets=1)
    with_next_nonce(memory, 5)
    reset(memory)

    again = reset(memory)

    assert again["stored"] == again["after"]
    assert again["fills"] == []


def test_payments_bound_above_a_drift_are_mined_once_the_nonces_below_are_filled() -> None:
    """Their bytes are signed for those nonces: it is the gap that goes."""
    memory = memory_world(wallets=1)
    with_next_nonce(memory, 40)
    pay(memory)

    answer = reset(memory)
    memory.world.settle()

    assert len(answer["fills"]) == 40
    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.CONFIRMED, 40)
    memory.world.check_nonces()


def test_a_wallet_in_good_order_is_left_as_it_is() -> None:
    """Open nonces and all."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    pay(memory)
    before = stored(memory)

    answer = reset(memory)

    assert answer["open_nonces"] == [0]
    assert stored(memory) == before


def test_nothing_is_done_while_endpoints_disagree() -> None:
    """Which of them is right nobody knows (Rundler #296)."""
    memory = memory_world(wallets=1)
    with_next_nonce(memory, 5)
    liar, honest = FakeWitness(memory.chain), FakeWitness(memory.chain)
    liar.counts[memory.signer.wallets()[0]] = WalletNonce(3)
    memory.chain.endpoints = (liar, honest)

    with pytest.raises(WalletBusyError) as refused:
        reset(memory)

    assert "count 0 and 3" in refused.value.problems[0].reason
    assert reset(memory, dry_run=True)["unclear"]
    assert stored(memory).next_nonce == 5


def test_nothing_is_done_while_the_chain_is_behind_what_is_settled() -> None:
    """An endpoint that lags, or a chain that was rolled back: the same nonce must not be bound twice."""
    memory = memory_world(wallets=1)
    pay(memory)
    memory.world.settle()
    liar = FakeWitness(memory.chain)
    liar.counts[memory.signer.wallets()[0]] = WalletNonce(0)
    memory.chain.endpoints = (liar,)

    with pytest.raises(WalletBusyError) as refused:
        reset(memory)

    assert "nonce 0 is settled" in refused.value.problems[0].reason
    assert stored(memory).next_nonce == 1


def test_nothing_is_done_while_a_mempool_holds_what_we_do_not() -> None:
    """A stranger's transactions may be mined any moment."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    pay(memory)
    (key,) = memory.chain.mempool
    memory.chain.mempool[key[0], 1] = memory.chain.mempool[key]

    with pytest.raises(WalletBusyError) as refused:
        reset(memory)

    assert "nonce 1 wait in a mempool" in refused.value.problems[0].reason


def test_a_reset_needs_every_endpoint_to_answer() -> None:
    """One that is away may be the one that knows better."""
    memory = memory_world(wallets=1)
    stored(memory)
    away = FakeWitness(memory.chain)
    away.is_reachable = False
    memory.chain.endpoints = (away, FakeWitness(memory.chain))

    with pytest.raises(AssuranceUnavailableError):
        reset(memory, dry_run=True)


def test_a_wallet_that_was_never_used_is_not_found() -> None:
    """It has no counter."""
    with pytest.raises(NotFoundError):
        reset(memory_world(wallets=1), dry_run=True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "chain_id"),
        ({"chain_id": 1}, "chain_id"),
        ({"chain_id": 31337, "dry_run": "no"}, "dry_run"),
        ({"chain_id": 31337, "yes": True}, "yes"),
    ],
)
def test_a_request_of_another_form_is_refused_with_the_field(body: dict[str, Any], field: str) -> None:
    """A slip of the pen resets nothing."""
    memory = memory_world(wallets=1)
    tables, submit = memory.world.tables, memory.world.submit
    resetting = Resetting(
        chains=submit.chains,
        wallets=DynamoWallets(tables),
        recovery=DynamoRecovery(tables),
        clock=memory.clock,
        log=FakeLog(),
    )

    with pytest.raises(InvalidFieldsError) as refused:
        resetting(memory.signer.wallets()[0], body, by="operator")

    assert [problem.field for problem in refused.value.problems] == [field]
