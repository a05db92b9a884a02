"""One of two endpoints lies: nothing ends on its word alone, and everything ends well once it stops.

Of three, everything ends well while it goes on.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Milliseconds
from tests.fakes.world import unwrapped
from tests.faults.messages import FEE, Body
from tests.faults.real_chain import RealChain, RealWorld, request
from tests.faults.scenarios import AMOUNT
from tests.support.lies import Liar, Lie, lying

PAYERS = 6
PAYEE = Address("0x" + "ee" * 20)


@pytest.fixture(scope="module")
def running() -> Iterator[RealChain]:
    """An anvil whose payers have locked funds."""
    with RealChain.running(payers=PAYERS) as started:
        yield started


@pytest.fixture
def chain(running: RealChain) -> Iterator[RealChain]:
    """That chain, with whatever a test does undone."""
    with running.rewound():
        yield running
        request(running.web3, "anvil_dropAllTransactions")


def bodies_of(real: RealWorld) -> list[Body]:
    """A payment of each payer."""
    deadline = real.clock.now() // 1000 + 3_600
    return [payer.pay(AMOUNT, fee=FEE, to=PAYEE, deadline=deadline) for payer in real.payers]


def live(real: RealWorld, seconds: int, *, run_ms: int = 1) -> None:
    """Do what queue and schedule do, for so long; a run of confirm takes `run_ms`."""
    until = real.clock.now() + seconds * 1_000
    while real.clock.now() < until:
        while real.world.deliver():
            pass
        real.world.follow(run_ms=run_ms)
        real.clock.sleep(Milliseconds(1_000))


def tell(liar: Liar, lie: Lie) -> None:
    """Begin to lie."""
    if lie is Lie.STALE_HEAD:
        liar.stand_still()
    liar.lie = lie


_CASES = (
    *(pytest.param(lie, True, id=f"{lie}, asked first") for lie in Lie),
    # Counts of transactions are not asked of the second one while the first one makes sense.
    pytest.param(Lie.STALE_HEAD, False, id="it stands still, asked second", marks=pytest.mark.soak),
    pytest.param(Lie.EMPTY_RECEIPTS, False, id="it knows no receipt, asked second", marks=pytest.mark.soak),
)


@pytest.mark.parametrize(("lie", "is_first"), _CASES)
def test_an_endpoint_that_lies_for_a_minute_fails_doubles_and_strands_nothing(
    chain: RealChain,
    lie: Lie,
    is_first: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    """Payments on their way when it begins, and payments posted meanwhile."""
    with lying(chain.rpc_url) as liar:
        urls = (liar.url, chain.rpc_url) if is_first else (chain.rpc_url, liar.url)
        real = replace(chain, endpoints=urls).world(unwrapped)
        start = chain.web3.eth.block_number
        under_way, later = bodies_of(real), bodies_of(real)
        for body in under_way:
            real.world.post(body)
        while real.world.deliver():
            pass
        tell(liar, lie)
        for body in later:
            real.world.post(body)
        live(real, 60)
        ends = Counter(row.status for row in real.world.rows() if row.status.is_terminal)
        executed = chain.executed(start)
        liar.lie = None
        live(real, 45)
        real.world.settle()

    assert liar.lies > 0
    assert ends[Status.FAILED] == 0
    assert len(executed) == len(set(executed))
    assert Counter(row.status for row in real.world.rows()) == {Status.CONFIRMED: 2 * PAYERS}
    wanted = Counter((body["from"], int(body["nonce"])) for body in under_way + later)
    assert Counter(chain.executed(start)) == wanted
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()


@pytest.mark.parametrize(
    "lie",
    [
        # The others cost less: what it shows of receipts decides whether anybody looks more closely.
        pytest.param(lie, marks=[] if lie is Lie.EMPTY_RECEIPTS else [pytest.mark.soak])
        for lie in Lie
    ],
)
def test_of_three_endpoints_one_that_lies_for_ever_prevents_nothing(chain: RealChain, lie: Lie) -> None:
    """It is the one that is read from. The others are one node here, which is asked as two."""
    with lying(chain.rpc_url) as liar:
        urls = (liar.url, chain.rpc_url, f"{chain.rpc_url}/")
        real = replace(chain, endpoints=urls).world(unwrapped)
        start = chain.web3.eth.block_number
        under_way, later = bodies_of(real), bodies_of(real)
        for body in under_way:
            real.world.post(body)
        while real.world.deliver():
            pass
        tell(liar, lie)
        for body in later:
            real.world.post(body)
        # What it remembers of one look at the next ends with a run.
        live(real, 120, run_ms=8_000)
        ends = Counter(row.status for row in real.world.rows())
        liar.lie = None
        real.world.check_nonces()

    assert liar.lies > 0
    assert ends == {Status.CONFIRMED: 2 * PAYERS}
    wanted = Counter((body["from"], int(body["nonce"])) for body in under_way + later)
    assert Counter(chain.executed(start)) == wanted
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
