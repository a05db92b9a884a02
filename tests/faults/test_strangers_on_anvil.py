"""On a real chain: others use the wallet's key, nodes drop what they had, counters are wrong."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.recovery import DynamoRecovery
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.eip1559 import Call, Eip1559Transaction
from ferryman.domain.fees import Eip1559Fees
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Gas, Milliseconds, WalletNonce, Wei
from ferryman.ports import Simulation
from ferryman.services.resetting import Resetting
from tests.fakes.world import unwrapped
from tests.faults.messages import Body
from tests.faults.real_chain import RealChain, RealWorld, request
from tests.faults.scenarios import AMOUNT

PAYMENTS = 30
STRANGE_BASE = 10**11
"""Wei per gas: more than ours, so that the stranger's is what a pool prefers."""


@pytest.fixture(scope="module")
def chain() -> Iterator[RealChain]:
    """One anvil; what each test does is undone on it."""
    with RealChain.running() as running:
        yield running


@pytest.fixture
def real(chain: RealChain) -> Iterator[RealWorld]:
    """A deployment with nothing stored yet."""
    with chain.rewound():
        yield chain.world(unwrapped)


def bodies_of(real: RealWorld, count: int) -> list[Body]:
    """Payments of all payers in turn."""
    deadline = real.clock.now() // 1000 + 3_600
    return [real.payers[number % len(real.payers)].pay(AMOUNT, deadline=deadline) for number in range(count)]


def use_key(chain: RealChain, wallet: Address, *, count: int = 1) -> None:
    """Do what a second process with the wallet's key does: send transfers at its next nonces."""
    first = chain.web3.eth.get_transaction_count(wallet)  # type: ignore[arg-type]
    for nonce in range(first, first + count):
        transfer = Eip1559Transaction(
            chain_id=chain.settings.chain_id,
            nonce=WalletNonce(nonce),
            fees=Eip1559Fees(max_fee_per_gas=Wei(STRANGE_BASE), max_priority_fee_per_gas=Wei(STRANGE_BASE)),
            gas_limit=Gas(21_000),
            call=Call(wallet, b""),
        )
        raw = transfer.signed(chain.signer.sign(wallet, transfer.signing_hash()))
        chain.web3.eth.send_raw_transaction(raw)


def check(chain: RealChain, real: RealWorld, bodies: list[Body], start: int) -> None:
    """Every payment was executed exactly once, and the records say so."""
    assert [row.status for row in real.world.rows()] == [Status.CONFIRMED] * len(bodies)
    assert Counter(chain.executed(start)) == Counter((body["from"], int(body["nonce"])) for body in bodies)
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()


def test_a_second_process_with_the_wallets_key_amid_thirty_payments_loses_and_doubles_none(
    chain: RealChain, real: RealWorld
) -> None:
    """Its transactions take nonces that are bound; their payments get others."""
    bodies, start = bodies_of(real, PAYMENTS), chain.web3.eth.block_number
    wallets = chain.signer.wallets()

    for number, body in enumerate(bodies):
        real.world.post(body)
        if number % 3 == 0:
            real.world.deliver()
        if number % 10 == 5:
            for wallet in wallets:
                use_key(chain, wallet, count=2)
            real.clock.sleep(Milliseconds(1_000))
            real.world.follow(run_ms=1_000)
    real.world.settle()

    check(chain, real, bodies, start)
    assert real.world.metrics.total(Metric.STRANGERS) > 0


class Underestimating:
    """The Chain port; its endpoint knows less of gas than the nodes that take transactions."""

    def __init__(self, chain: Any) -> None:  # noqa: ANN401 (any port)
        self._chain = chain

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 (a method of the port)
        return getattr(self._chain, method)

    def simulate(self, calls: Sequence[Call], **named: Any) -> Simulation:  # noqa: ANN401 (as the port)
        """Give an estimate that no transaction of this chain can be mined with."""
        truth: Simulation = self._chain.simulate(calls, **named)
        return replace(truth, outcomes=tuple(Gas(16_000) for _ in calls))


def test_bytes_that_a_real_node_never_takes_are_replaced_by_a_fill(chain: RealChain) -> None:
    """Too little gas even to begin: anvil says so for good, and the nonce is used up by nothing."""
    with chain.rewound():
        real = chain.world(lambda name, port: Underestimating(port) if name == "chain" else port)
        for body in bodies_of(real, 2):
            real.world.post(body)

        real.world.settle()

        rows = real.world.rows()
        assert [(row.status, row.reason) for row in rows] == [(Status.FAILED, "rejected")] * 2
        assert {row.gas_used for row in rows} == {21_000}
        assert real.world.reserved() == real.world.held() == 0
        real.world.check_events()
        real.world.check_nonces()


def test_transactions_that_a_node_drops_are_mined_all_the_same(chain: RealChain, real: RealWorld) -> None:
    """One out of the middle of what waits: what is behind it waits for it."""
    bodies, start = bodies_of(real, 10), chain.web3.eth.block_number
    for body in bodies:
        real.world.post(body)
    while real.world.deliver():
        pass
    signed = real.world.metrics.total(Metric.SIGNATURES)
    rows = [
        row
        for wallet in DynamoWallets(real.world.tables).wallets(chain.settings.chain_id)
        for row in DynamoWallets(real.world.tables).open_nonces(wallet)
    ]
    for row in rows[::3]:
        request(chain.web3, "anvil_dropTransaction", row.attempts[-1].hash)

    real.world.settle()

    check(chain, real, bodies, start)
    assert real.world.metrics.total(Metric.SIGNATURES) == signed


def test_a_counter_that_is_wrong_is_reset_and_payments_go_on(chain: RealChain, real: RealWorld) -> None:
    """Too high by 40, with a payment bound above: the nonces below it are filled."""
    tables, access = real.world.tables, real.world.submit.chains[chain.settings.chain_id]
    for wallet in real.world.submit.binder.pool(access):
        wrong = WalletNonce(wallet.next_nonce + 40)
        DynamoRecovery(tables).set_wallet(wallet, replace(wallet, next_nonce=wrong, lowest_open=wrong))
    bodies, start = bodies_of(real, 1), chain.web3.eth.block_number
    real.world.post(bodies[0])
    real.world.deliver()
    resetting = Resetting(
        chains=real.world.submit.chains,
        wallets=DynamoWallets(tables),
        recovery=DynamoRecovery(tables),
        clock=real.clock,
        log=real.world.log,
    )

    for address in chain.signer.wallets():
        resetting(address, {"chain_id": chain.settings.chain_id, "dry_run": False}, by="operator")
    real.world.settle()

    check(chain, real, bodies, start)
