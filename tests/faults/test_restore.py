"""A restore: tables from moments of the past, each its own; then recover, and nothing is doubled or stuck."""

import random
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest

from ferryman.adapters.dynamodb.operations import Table
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.errors import NonceUsedError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.settled import LOCKED, MemoryWorld
from tests.fakes.tables import MemoryTables
from tests.faults.interruptions import Interruption, noted
from tests.faults.messages import FEE, Message
from tests.faults.scenarios import AMOUNT, SCENARIOS, Scenario, live, messages_of, shared_key

RESTORED = (Table.TRANSACTIONS, Table.EVENTS, Table.WALLETS, Table.ACCOUNTS, Table.CURSORS)
BLOCKS_MS = Milliseconds(10_000)
"""How long a restore takes at the least: what was broadcast before it is mined, or lost, by then."""
ROUNDS = 4
"""Times that recover is run, after which it must have nothing left to do."""
_MOST_LOOKS = 100
Snapshot = dict[str, Any]


class Recorder(Interruption):
    """Copies all tables after every port call."""

    def __init__(self, at: int | None = None) -> None:
        super().__init__(at)
        self.memory: MemoryWorld | None = None
        self.snapshots: list[Snapshot] = []

    def call(self, name: str, ask: Any) -> Any:  # noqa: ANN401 (as the base class)
        """Make one call and copy what it left."""
        if self.memory is not None:
            self.snapshots.append(items_of(self.memory))
        return super().call(name, ask)


def items_of(memory: MemoryWorld) -> Snapshot:
    """Copy the tables."""
    tables = memory.world.tables
    assert isinstance(tables, MemoryTables)
    return {name: items.snapshot() for name, items in tables.items.items()}


def lived_until(scenario: Scenario, at: int | None) -> tuple[MemoryWorld, list[Message], Recorder]:
    """Run payments until a port call, at which every process ends; None: to the end."""
    recorder = Recorder()
    memory = scenario(recorder.wrap)
    recorder.memory = memory
    messages = messages_of(memory)
    if at is not None:
        recorder.arm(at, after=False, act=_die)
    with suppress(Ended):
        live(memory.world, memory.clock, messages)
    return memory, messages, recorder


class Ended(BaseException):
    """Everything stops here, for the restore."""


def _die() -> None:
    raise Ended


def restored(memory: MemoryWorld, moments: dict[str, Snapshot], *, mempool_dies: bool) -> None:
    """Put each table back to its own moment; messages and processes are gone, and the chain went on."""
    if mempool_dies:
        memory.chain.forget()
    tables = memory.world.tables
    assert isinstance(tables, MemoryTables)
    for table, snapshot in moments.items():
        tables.items[table] = snapshot[table].snapshot()
    memory.chain.is_reachable = True
    memory.world.queue.lose()
    memory.world.wrap = Interruption().wrap
    memory.world.restart()
    memory.clock.sleep(BLOCKS_MS)


def recovered(memory: MemoryWorld) -> int:
    """Run recover until it has nothing to do; a dry run before says the same and changes nothing."""
    before = items_of(memory)
    memory.world.recover(is_dry=True)
    assert items_of(memory) == before
    for round_number in range(ROUNDS):
        if not memory.world.recover():
            return round_number
    pytest.fail(f"recover finds something every time: {memory.world.recover()}")


def posted_again(memory: MemoryWorld, messages: list[Message]) -> list[Message]:
    """Do what clients do that never heard of an end: post again; give what was taken or known."""
    taken = []
    for one in messages:
        try:
            one.post(memory.world)
        except NonceUsedError:
            continue  # the chain has it, though the tables forgot
        taken.append(one)
    return taken


def check(memory: MemoryWorld, messages: list[Message]) -> None:
    """Each payment was executed exactly once, the tables say so, and hold nothing any more.

    What no node takes has failed, and was never executed.
    """
    world, refused = memory.world, memory.chain.refused
    for row in world.rows():
        is_refused = (row.sender.lower(), int(row.payload["nonce"])) in refused
        assert row.status is (Status.FAILED if is_refused else Status.CONFIRMED)
    wanted = Counter(one.key for one in messages)
    mined = Counter({one: count for one, count in wanted.items() if one not in refused})
    assert Counter(memory.chain.state.executed) == mined
    assert not memory.chain.reverted, "gas was spent on a payment that was mined before"
    assert world.reserved() == world.held() == 0
    token = world.settings.tokens[0].lower()
    spent = Counter(payer for payer, _nonce in mined.elements())
    for payer in memory.payers:
        left = memory.chain.state.balances[token, payer.address.lower()]
        assert left == LOCKED - spent[payer.address.lower()] * (AMOUNT + FEE)
    world.check_events()
    world.check_nonces()


def check_promises(memory: MemoryWorld) -> None:
    """Between recovery and going on: what is reserved is what is held, for exactly what is promised."""
    world = memory.world
    promised = [row for row in world.rows() if row.status in {Status.VALIDATED, Status.PENDING}]
    assert world.reserved() == world.held() == len(promised) * (AMOUNT + FEE)
    world.check_events()


def all_nonces_mined(memory: MemoryWorld) -> None:
    """Wait until what a restore forgot, and nodes still have, is mined: before that nobody posts it again."""
    wallets, chain_id = DynamoWallets(memory.world.tables), memory.world.settings.chain_id
    for _ in range(_MOST_LOOKS):
        if not any(wallets.open_nonces(one) for one in wallets.wallets(chain_id)):
            return
        memory.world.follow(run_ms=5_000)
        while memory.world.deliver():
            pass
        memory.clock.sleep(Milliseconds(1_000))
    pytest.fail("nonces without a transaction are never mined")


def moments_of(snapshots: list[Snapshot], numbers: random.Random) -> list[dict[str, Snapshot]]:
    """Choose restores: all tables from one moment, or each from its own."""
    together = [numbers.randrange(len(snapshots)) for _ in range(3)]
    apart = [{table: numbers.choice(snapshots) for table in RESTORED} for _ in range(4)]
    return [*(dict.fromkeys(RESTORED, snapshots[at]) for at in together), *apart]


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.soak)])
# A shared key is the business of confirm, which test_exhaustive_kill shows; here it would only take long.
@pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS if one is not shared_key], ids=lambda scenario: scenario.__name__
)
def test_nothing_is_doubled_or_stuck_whatever_moments_the_tables_are_restored_to(
    scenario: Scenario, every: int
) -> None:
    """Everything ends at many port calls, one by one; restores to moments before that, together and apart."""
    numbers = random.Random(7)  # noqa: S311 (which restores are tried, no secret)
    _, _, whole = lived_until(scenario, None)
    ends = [*range(2, len(whole.calls), every), None]
    found_something = 0
    for end in ends:
        _, _, recorder = lived_until(scenario, end)
        for choice in range(len(moments_of(recorder.snapshots, random.Random(0)))):  # noqa: S311
            seed = numbers.randrange(10**9)
            memory, messages, again = lived_until(scenario, end)
            moments = moments_of(again.snapshots, random.Random(seed))[choice]  # noqa: S311
            with noted(f"{scenario.__name__}: ended at {end}, seed {seed}, choice {choice}"):
                restored(memory, moments, mempool_dies=bool(seed % 2))
                found_something += recovered(memory) > 0
                check_promises(memory)
                live(memory.world, memory.clock, [])
                all_nonces_mined(memory)
                live(memory.world, memory.clock, posted_again(memory, messages))
                check(memory, messages)
    assert found_something > len(ends)
