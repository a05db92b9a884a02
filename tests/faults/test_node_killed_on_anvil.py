"""The only node is killed while payments come in, its mempool is lost: all are accepted and mined once."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

from ferryman.adapters.clock import SystemClock
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Instant, Milliseconds
from tests.fakes.world import World, unwrapped
from tests.faults.messages import FEE, Body
from tests.faults.processes import SharedQueue, SharedTables
from tests.faults.real_chain import RealChain
from tests.faults.scenarios import AMOUNT

A_SECOND = 10
"""Payments posted in each second."""
DRAINED_SECONDS = 10
"""How long after the node's return everything that waited for it may take."""
PATIENCE_SECONDS = 60
PAYEE = Address("0x" + "ee" * 20)


@dataclass(frozen=True, kw_only=True)
class Outage:
    """When the node is away, seconds after the first payment, and how many payments there are."""

    payments: int
    killed_at: int
    back_at: int


def bodies_of(chain: RealChain, count: int, *, deadline: int) -> list[Body]:
    """Payments of all payers in turn."""
    payers = chain.signing_payers()
    return [
        payers[number % len(payers)].pay(AMOUNT, fee=FEE, to=PAYEE, deadline=deadline)
        for number in range(count)
    ]


def check(chain: RealChain, world: World, bodies: list[Body], start: int) -> None:
    """Each was executed exactly once, and the records say so."""
    assert Counter(row.status for row in world.rows()) == {Status.CONFIRMED: len(bodies)}
    assert Counter(chain.executed(start)) == Counter((body["from"], int(body["nonce"])) for body in bodies)
    assert world.reserved() == world.held() == 0
    world.check_events()
    world.check_nonces()


def test_a_node_killed_amid_payments_loses_its_mempool_and_no_payment(tmp_path: Path) -> None:
    """Sixty at ten a second, five seconds without a node; what the mempool had is sent again."""
    outage = Outage(payments=60, killed_at=2, back_at=7)
    with RealChain.running(payers=10) as chain:
        real, start = chain.world(unwrapped), chain.web3.eth.block_number
        bodies = bodies_of(chain, outage.payments, deadline=real.clock.now() // 1000 + 3_600)
        to_post, lost, second, accepted = list(bodies), 0, 0, Counter[Status]()
        while to_post or real.world.open_rows():
            if second == outage.back_at:
                chain.node.revive(tmp_path / "chain.json")
                real.clock.is_mining = True
                real.clock.jump_to(real.clock.now() // 1000)
            for body in to_post[:A_SECOND]:
                accepted[real.world.post(body).transaction.status] += 1
            del to_post[:A_SECOND]
            while real.world.deliver():
                pass
            if second == outage.killed_at:
                lost = chain.node.kill(tmp_path / "chain.json")
                real.clock.is_mining = False
            real.world.follow(run_ms=1)
            real.clock.sleep(Milliseconds(1_000))
            second += 1
            assert second < outage.back_at + DRAINED_SECONDS, Counter(row.status for row in real.world.rows())
        real.world.follow(run_ms=1)

        assert lost > 0, "the mempool was empty"
        assert accepted == {Status.VALIDATED: 30, Status.RECEIVED: 30}
        check(chain, real.world, bodies, start)


@pytest.mark.soak
def test_six_hundred_at_ten_a_second_with_a_node_away_for_twenty_are_all_accepted_and_mined_once(
    tmp_path: Path,
) -> None:
    """In real time, as the peers were measured; what waited is over ten seconds after the node's return."""
    outage = Outage(payments=600, killed_at=20, back_at=40)
    with RealChain.running(payers=50, block_time_seconds=1) as chain:
        start = chain.web3.eth.block_number
        bodies = bodies_of(chain, outage.payments, deadline=SystemClock().now() // 1000 + 3_600)
        with deployment(chain) as world:
            first = time.monotonic()
            with ThreadPoolExecutor(1) as aside:
                away = aside.submit(be_away, chain, outage, first, tmp_path / "chain.json")
                answered_ms = [paced(world, body, first, number) for number, body in enumerate(bodies)]
                lost, back_at = away.result()
            deadline = time.monotonic() + PATIENCE_SECONDS
            while world.open_rows() and time.monotonic() < deadline:
                time.sleep(0.1)
            over_seconds = time.monotonic() - first

        drained_ms = [ended - back_at for received, ended in times(world) if received < back_at]
        after_ms = [ended - received for received, ended in times(world) if received >= back_at]
        lines = (
            f"{len(bodies)} accepted in {median(answered_ms):.0f} ms (p50), {max(answered_ms):.0f} at most",
            f"{lost} transactions lost with the mempool",
            f"{len(drained_ms)} posted before the node was back: over {max(drained_ms)} ms after that",
            f"{len(after_ms)} posted later: over in {median(after_ms):.0f} ms (p50), {max(after_ms)} at most",
            f"all over {over_seconds:.1f} s after the first was posted",
        )
        print("\n".join(lines))  # noqa: T201 (figures for docs/reliability.md)
        assert lost > 0, "the mempool was empty"
        check(chain, world, bodies, start)
        assert max(drained_ms) <= DRAINED_SECONDS * 1_000


def be_away(chain: RealChain, outage: Outage, first: float, kept: Path) -> tuple[int, Instant]:
    """Kill the node and start it again; give what its mempool lost, and when it was back."""
    time.sleep(max(0.0, first + outage.killed_at - time.monotonic()))
    lost = chain.node.kill(kept)
    time.sleep(outage.back_at - outage.killed_at)
    chain.node.revive(kept)
    return lost, SystemClock().now()


def paced(world: World, body: Body, first: float, number: int) -> float:
    """Post when it is a payment's turn; give how long the answer took, milliseconds."""
    time.sleep(max(0.0, first + number / A_SECOND - time.monotonic()))
    posted = time.monotonic()
    world.post(body)
    return (time.monotonic() - posted) * 1_000


def times(world: World) -> list[tuple[Instant, Instant]]:
    """When each payment was received, and when it was over."""
    return [(row.received_at, world.store.events(row.transaction_id)[-1].at) for row in world.rows()]


@contextmanager
def deployment(chain: RealChain) -> Iterator[World]:
    """Run submit and confirm, each a process that reaches the chain by itself; give the one that accepts."""
    tables, queue, clock, ended = SharedTables(), SharedQueue(), SystemClock(), threading.Event()

    def process() -> World:
        return World(chain.settings, chain.reached(clock), chain.signer, clock, tables=tables, queue=queue)

    def submitting(world: World) -> None:
        while not ended.is_set():
            if not world.deliver():
                time.sleep(0.02)

    def confirming(world: World) -> None:
        while not ended.is_set():
            world.follow(run_ms=5_000)
            time.sleep(0.1)

    with ThreadPoolExecutor(2) as others:
        runs = [others.submit(submitting, process()), others.submit(confirming, process())]
        try:
            yield process()
        finally:
            ended.set()
        for run in runs:
            run.result()
