"""Watch dies, sleeps through its lease or has a rival at every port call: what is cached is still true."""

from collections.abc import Callable
from functools import partial

import pytest

from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.domain.units import BlockNumber, Milliseconds
from ferryman.intents import KINDS
from ferryman.intents.payment import PAYMENT
from ferryman.services.cached import CachedReadings
from ferryman.services.watch import LEASE_MS
from tests.fakes.metrics import FakeMetrics
from tests.fakes.payers import PAYEE, Payer
from tests.fakes.settled import LOCKED, MemoryWorld, memory_world
from tests.faults.interruptions import Died, Interruption, call_named, die, noted

Act = Callable[[MemoryWorld], None]


def one_life(memory: MemoryWorld, watch: Callable[[], None]) -> None:
    """Let deposits, payments, withdrawals and reorgs happen, with a look of watch after each."""
    chain, token = memory.chain, memory.world.settings.tokens[0]
    first, second = memory.payers
    happenings: list[Callable[[], object]] = [
        partial(chain.lock, token, first.address, 1_000),
        partial(chain.lock, token, second.address, 1),
        partial(chain.execute_elsewhere, token, first.address, 901, LOCKED // 2),
        partial(chain.request_withdrawal, token, second.address, 7),
        partial(replace_blocks, memory, 2),
        partial(chain.lock, token, first.address, 30),
        partial(chain.execute_elsewhere, token, second.address, 902, 5),
        partial(replace_blocks, memory, 1),
        partial(memory.clock.sleep, Milliseconds(40_000)),
        partial(chain.lock, token, first.address, 4),
        partial(chain.request_withdrawal, token, second.address, 0),
    ]
    for happens in happenings:
        memory.clock.sleep(Milliseconds(1_000))
        chain.mine()  # what happens belongs to a block that nobody has looked at
        happens()
        watch()
        check_is_true(memory)


def check_is_true(memory: MemoryWorld) -> None:
    """Whatever the cache says is what the chain says at the same two blocks."""
    for payer in memory.payers:
        judged = judgement(memory, payer)
        if judged is None:
            continue
        cursor = DynamoCursors(memory.world.tables).cursor(memory.world.settings.chain_id)
        assert cursor
        (block,) = memory.chain.blocks([cursor.number])
        if block.hash != cursor.recent[-1]:
            continue  # gone since the last look, as it may be after any reading of the chain
        assert judged == truth(memory, payer, cursor.number)


def judgement(memory: MemoryWorld, payer: Payer) -> tuple[int, int] | None:
    """Ask the cache, as a new process does."""
    cached = CachedReadings(
        KINDS,
        DynamoCursors(memory.world.tables),
        DynamoAccounts(memory.world.tables),
        memory.clock,
        FakeMetrics(),
    )
    return cached.assess(PAYMENT, payload(memory, payer), memory.world.settings)


def payload(memory: MemoryWorld, payer: Payer) -> dict[str, str | int]:
    """Give the payload of a payment of 1, as far as judging it needs."""
    settings = memory.world.settings
    return {
        "chain_id": settings.chain_id,
        "escrow": settings.escrow,
        "token": settings.tokens[0],
        "from": payer.address,
        "to": PAYEE,
        "amount": "1",
        "fee": "0",
        "nonce": "1",
        "deadline": 1,
    }


def truth(memory: MemoryWorld, payer: Payer, head: BlockNumber) -> tuple[int, int]:
    """Judge by the chain's own answers at a head and the deep block below it."""
    deep = memory.world.settings.confirmed_block(head)
    read, _ = PAYMENT.state_reads(payload(memory, payer))
    blocks = memory.chain.blocks([deep, head])
    answers = memory.chain.read_at([(block, read) for block in blocks])
    given = [answer for answer in answers if isinstance(answer, bytes)]
    return PAYMENT.assess(payload(memory, payer), given), deep


def check_heals(memory: MemoryWorld) -> None:
    """Once nothing goes wrong any more, both payers are known again, and truly."""
    memory.clock.sleep(Milliseconds(LEASE_MS))
    world = memory.world.rival()
    for _ in range(3):
        world.watch_once()
    for _ in range(memory.world.settings.required_confirmations):
        memory.clock.sleep(Milliseconds(1_000))
        memory.chain.mine()
        for payer in memory.payers:
            memory.chain.lock(memory.world.settings.tokens[0], payer.address, 1)
        world.watch_once()
    check_is_true(memory)
    assert all(judgement(memory, payer) for payer in memory.payers)


def surviving(memory: MemoryWorld) -> Callable[[], None]:
    """Look, twice; after a death in a new process, when the dead one's lease has run out."""

    def watch() -> None:
        for _ in range(2):
            try:
                memory.world.watch_once()
            except Died:
                memory.world.restart()
                memory.clock.sleep(Milliseconds(LEASE_MS))

    return watch


def rival_after_the_lease(memory: MemoryWorld) -> None:
    """This process sleeps through its lease, and another one follows meanwhile."""
    memory.clock.sleep(Milliseconds(LEASE_MS))
    memory.world.rival().watch_once()


def rival_at_once(memory: MemoryWorld) -> None:
    """The schedule starts a second run."""
    memory.world.rival().watch_once()


def reorg(memory: MemoryWorld) -> None:
    """The newest block goes while it is being looked at."""
    replace_blocks(memory, 1)


def replace_blocks(memory: MemoryWorld, count: int) -> None:
    """Lose the newest blocks, and mine as many others."""
    for _ in range(count):
        memory.chain.reorg()
    for _ in range(count):
        memory.chain.mine()


def death(_memory: MemoryWorld) -> None:
    """The process ends."""
    die()


@pytest.mark.parametrize(
    ("act", "confirmations"),
    [(death, 1), (death, 3), (rival_after_the_lease, 3), (rival_at_once, 1), (reorg, 1), (reorg, 3)],
)
def test_what_is_cached_is_true_whatever_happens_at_any_port_call(act: Act, confirmations: int) -> None:
    """Every call that watch makes, once just before it and once just after it."""
    counter = Interruption()
    memory = memory_world(wrap=counter.wrap, required_confirmations=confirmations)
    one_life(memory, surviving(memory))
    check_heals(memory)
    total = len(counter.calls)

    assert {name.partition(".")[0] for name in counter.calls} == {"chain", "cursors", "accounts", "successor"}
    for at in range(1, total + 1):
        for after in (False, True):
            interruption = Interruption()
            memory = memory_world(wrap=interruption.wrap, required_confirmations=confirmations)
            interruption.arm(at, after=after, act=partial(act, memory))
            with noted(call_named(counter.calls, at, after=after)):
                one_life(memory, surviving(memory))
                check_heals(memory)
