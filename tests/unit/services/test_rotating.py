"""Wallets are drained, retired and put back: nothing that is open is lost, and nothing new is bound."""

from typing import Any

import pytest

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.errors import InvalidFieldsError, NotFoundError, WalletBusyError
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import Wallet
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address
from ferryman.services.records import record_of
from ferryman.services.rotating import Rotating
from ferryman.services.waiting import NO_WALLET
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world
from tests.fakes.talk import FakeLog

OPERATOR = "arn:aws:iam::123456789012:user/operator"


def rotating_of(memory: MemoryWorld) -> Rotating:
    """Build the service over a world's tables."""
    wallets = DynamoWallets(memory.world.tables)
    return Rotating(wallets=wallets, chain_ids=(SETTINGS.chain_id,), clock=memory.clock, log=FakeLog())


def pay(memory: MemoryWorld, count: int = 1) -> None:
    """Accept payments, and submit what can be."""
    for _ in range(count):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass


def wallets_of(memory: MemoryWorld) -> tuple[Wallet, ...]:
    """Read the pool."""
    return DynamoWallets(memory.world.tables).wallets(SETTINGS.chain_id)


def test_a_drained_wallet_finishes_what_it_has_and_binds_nothing_new() -> None:
    """The other wallet takes over; the drained one is empty soon."""
    memory = memory_world(batch_size=0)
    memory.chain.is_mining = False
    pay(memory, 4)
    leaving, staying = memory.signer.wallets()

    rotating_of(memory)(leaving, {"state": "draining"}, by=OPERATOR)
    pay(memory, 4)

    bound = [row.wallet for row in memory.world.rows()]
    assert (bound.count(leaving), bound.count(staying)) == (4, 4)
    memory.chain.is_mining = True
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.check_nonces()


def test_with_every_wallet_drained_payments_wait_and_say_so() -> None:
    """None fails, and all go on when a wallet is put back."""
    memory = memory_world(wallets=1)
    (wallet,) = memory.signer.wallets()
    pay(memory)
    memory.world.settle()
    rotating_of(memory)(wallet, {"state": "draining"}, by=OPERATOR)
    pay(memory)

    (waiting,) = memory.world.open_rows()
    assert record_of(waiting)["waiting_for"] == NO_WALLET

    rotating_of(memory)(wallet, {"state": "active"}, by=OPERATOR)
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}


def test_a_wallet_is_retired_only_when_nothing_of_it_is_open() -> None:
    """Or its payments would have nobody to follow them."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    (wallet,), rotating = memory.signer.wallets(), rotating_of(memory)
    pay(memory)
    rotating(wallet, {"state": "draining"}, by=OPERATOR)

    with pytest.raises(WalletBusyError, match="1 nonces open"):
        rotating(wallet, {"state": "retired"}, by=OPERATOR)

    memory.chain.is_mining = True
    memory.world.settle()
    answer = rotating(wallet, {"state": "retired"}, by=OPERATOR)
    assert [one["state"] for one in answer["wallets"]] == ["retired"]
    assert answer == rotating(wallet, {"state": "retired"}, by=OPERATOR)


def test_a_wallet_bound_between_the_look_and_the_write_is_not_retired() -> None:
    """The write has the condition, not only the look before it."""
    memory = memory_world(wallets=1)
    pay(memory)
    memory.world.settle()
    wallets = DynamoWallets(memory.world.tables)
    (before,) = wallets_of(memory)

    class Overtaken:
        """Reads a wallet as it was before another payment was bound to it."""

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever the store has)
            return getattr(wallets, name)

        def wallet(self, *_: object) -> Wallet:
            memory.chain.is_mining = False
            pay(memory)
            return before

    rotating = Rotating(
        wallets=Overtaken(), chain_ids=(SETTINGS.chain_id,), clock=memory.clock, log=FakeLog()
    )

    with pytest.raises(WalletBusyError, match="changed just now"):
        rotating(before.address, {"state": "retired"}, by=OPERATOR)
    (after,) = wallets_of(memory)
    assert (after.state, after.open_count) == ("active", 1)


def test_a_retired_wallet_is_no_alarm() -> None:
    """Whatever it has left: neither its balance nor its window is measured for one."""
    memory = memory_world()
    pay(memory)
    memory.world.settle()
    gone, kept = memory.signer.wallets()
    rotating_of(memory)(gone, {"state": "retired"}, by=OPERATOR)

    memory.world.gauge()

    for metric in (Metric.WALLET_BALANCE, Metric.WINDOW_FREE):
        told = {of["wallet"] for one, _, of in memory.world.metrics.added if one is metric}
        assert told == {kept}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "state"),
        ({"state": "sleeping"}, "state"),
        ({"state": "retired", "chain_id": 1}, "chain_id"),
        ({"state": "retired", "chain_id": True}, "chain_id"),
        ({"state": "retired", "force": True}, "force"),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], field: str) -> None:
    """And nothing is changed."""
    memory = memory_world()

    with pytest.raises(InvalidFieldsError) as refused:
        rotating_of(memory)(memory.signer.wallets()[0], body, by=OPERATOR)

    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_wallet_that_was_never_used_is_not_found() -> None:
    """An address mistyped by an operator must not be taken for a success."""
    with pytest.raises(NotFoundError):
        rotating_of(memory_world())(Address("0x" + "00" * 20), {"state": "draining"}, by=OPERATOR)
