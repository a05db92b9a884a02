"""Emptying: a drained wallet's rest of coin goes where its operator says, by a nonce like any other."""

from typing import Any

import pytest

from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    InvalidFieldsError,
    NotFoundError,
    WalletBusyError,
)
from ferryman.domain.nonces import Wallet, WalletState
from ferryman.domain.units import Address, Milliseconds, Wei
from ferryman.services.chains import ChainAccess
from ferryman.services.emptying import Emptying
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.fakes.talk import FakeConfirmer, FakeLog

OPERATOR = "arn:aws:iam::123456789012:user/operator"
SAFE = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
COIN = 10**18
OFFERED = 2 * 10**9 + 10**6
"""The first maximum fee, at a base fee of a gwei."""


def world(*, is_drained: bool = True, **settings: Any) -> tuple[MemoryWorld, Address]:  # noqa: ANN401 (fields of ChainSettings)
    """Build a world whose only wallet has paid for something, and is drained since."""
    memory = memory_world(wallets=1, **settings)
    memory.chain.takes_gas_money = True
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(COIN)
    memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    memory.world.settle()
    if is_drained:
        wallets = DynamoWallets(memory.world.tables)
        wallets.set_state(row_of(memory, wallet), WalletState.DRAINING)
    return memory, wallet


def emptying_of(memory: MemoryWorld) -> Emptying:
    """Build the service over a world's tables."""
    tables = memory.world.tables
    return Emptying(
        chains={SETTINGS.chain_id: ChainAccess(memory.world.settings, memory.chain)},
        wallets=DynamoWallets(tables),
        leases=DynamoLeases(tables),
        confirmer=FakeConfirmer(),
        clock=memory.clock,
        log=FakeLog(),
    )


def row_of(memory: MemoryWorld, address: Address) -> Wallet:
    """Read a wallet's row."""
    found = DynamoWallets(memory.world.tables).wallet(SETTINGS.chain_id, address)
    assert found
    return found


def look(memory: MemoryWorld, seconds: int) -> None:
    """Let time pass, with a look and a delivery every second."""
    for _ in range(seconds):
        memory.clock.sleep(Milliseconds(1_000))
        memory.world.follow(run_ms=1)
        while memory.world.deliver():
            pass


def body(*, dry_run: bool = False, **changes: object) -> dict[str, Any]:
    """What an operator sends."""
    return {"chain_id": SETTINGS.chain_id, "to": SAFE, "dry_run": dry_run, **changes}


def test_a_drained_wallet_is_emptied_but_for_its_gas_and_can_then_be_retired() -> None:
    """By its own next nonce, which confirm has submit sign; what is kept covers a bump."""
    memory, wallet = world()
    had = memory.chain.coins[wallet]
    received = memory.chain.balances([SAFE])[0]

    answer = emptying_of(memory)(wallet, body(), by=OPERATOR)
    look(memory, 8)

    kept = 2 * 26_250 * OFFERED
    assert (answer["nonce"], answer["amount_wei"], answer["kept_wei"]) == (1, str(had - kept), str(kept))
    assert memory.chain.coins[SAFE] == received + had - kept
    assert 0 < memory.chain.coins[wallet] < kept
    memory.world.check_nonces()
    wallets = DynamoWallets(memory.world.tables)
    wallets.set_state(row_of(memory, wallet), WalletState.RETIRED)


def test_a_dry_run_says_how_much_and_does_nothing() -> None:
    """It is the default."""
    memory, wallet = world()
    before, told = row_of(memory, wallet), body()
    del told["dry_run"]

    answer = emptying_of(memory)(wallet, told, by=OPERATOR)
    look(memory, 8)

    assert answer["dry_run"]
    assert int(answer["amount_wei"]) > 0
    assert row_of(memory, wallet) == before
    assert SAFE not in memory.chain.coins


def test_twice_in_a_row_moves_once() -> None:
    """While it is open the wallet is busy; afterwards there is nothing worth moving."""
    memory, wallet = world()
    emptying = emptying_of(memory)

    emptying(wallet, body(), by=OPERATOR)
    with pytest.raises(WalletBusyError):
        emptying(wallet, body(), by=OPERATOR)
    look(memory, 8)
    again = emptying(wallet, body(), by=OPERATOR)

    assert (again["nonce"], again["amount_wei"]) == (None, "0")
    assert row_of(memory, wallet).next_nonce == 2


def test_only_a_drained_wallet_with_nothing_open_is_emptied() -> None:
    """Else its payments could not be paid for."""
    memory, active = world(is_drained=False)
    emptying = emptying_of(memory)

    with pytest.raises(WalletBusyError):
        emptying(active, body(), by=OPERATOR)

    assert row_of(memory, active).next_nonce == 1


def test_a_wallet_that_is_put_back_in_that_moment_is_not_emptied() -> None:
    """The write holds for the state that was read."""
    memory, wallet = world()
    emptying = emptying_of(memory)
    simulate = memory.chain.simulate

    def slowly(*args: Any, **options: Any) -> Any:  # noqa: ANN401 (any call)
        DynamoWallets(memory.world.tables).set_state(row_of(memory, wallet), WalletState.ACTIVE)
        return simulate(*args, **options)

    memory.chain.simulate = slowly  # type: ignore[method-assign]

    with pytest.raises(WalletBusyError):
        emptying(wallet, body(), by=OPERATOR)

    assert row_of(memory, wallet).next_nonce == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 1},
        {"to": "0x00"},
        {"to": SETTINGS.escrow},
        {"to": SETTINGS.tokens[0]},
        {"dry_run": "no"},
        {"amount": 5},
    ],
)
def test_a_body_that_is_not_of_that_form_moves_nothing(changes: dict[str, Any]) -> None:
    """A slip of the pen must not send coin to where nobody can use it."""
    memory, wallet = world()

    with pytest.raises(InvalidFieldsError):
        emptying_of(memory)(wallet, body(**changes), by=OPERATOR)

    assert row_of(memory, wallet).next_nonce == 1


def test_what_is_no_wallet_or_cannot_be_read_is_said() -> None:
    """404, and 503 while the chain is away."""
    memory, wallet = world()
    emptying = emptying_of(memory)

    with pytest.raises(NotFoundError):
        emptying(Address("0x90F79bf6EB2c4f870365E785982E1f101E93b906"), body(), by=OPERATOR)
    memory.chain.is_reachable = False
    with pytest.raises(AssuranceUnavailableError):
        emptying(wallet, body(), by=OPERATOR)
