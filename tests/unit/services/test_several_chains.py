"""Several chains in one deployment: one whose endpoints hang takes no time from the others."""

from dataclasses import dataclass, field
from typing import Final

from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.services.chains import ChainAccess
from ferryman.services.silence import REST_MS
from ferryman.services.spreading import Spreading
from tests.fakes.chain import FakeChain
from tests.fakes.payers import Payer
from tests.fakes.settled import LOCKED, SETTINGS, MemoryWorld, memory_world
from tests.fakes.talk import FakeConfirmer, FakeLog
from tests.unit.services.test_away import DeadConfirmer

LIVING: Final = SETTINGS.chain_id
OTHER: Final = ChainId(31338)
PATIENCE_MS: Final = Milliseconds(4_000)


@dataclass
class Pair:
    """A deployment with two chains; blocks of the second take three times as long."""

    memory: MemoryWorld = field(default_factory=memory_world)

    def __post_init__(self) -> None:
        memory = self.memory
        changed = {"chain_id": OTHER, "block_time_ms": Milliseconds(3_000)}
        settings = SETTINGS.model_copy(update=changed)
        self.other = FakeChain(settings, memory.clock)
        self.payers = [Payer(bytes([number]) * 32, settings) for number in range(1, 6)]
        for payer in self.payers:
            self.other.lock(settings.tokens[0], payer.address, LOCKED)
        memory.clock.sleep(Milliseconds(60_000))
        memory.world.beside = (ChainAccess(settings, self.other),)
        memory.world.restart()

    def post(self, chain_id: ChainId, number: int = 1) -> None:
        """Post payments on a chain, each by another sender."""
        payers = self.memory.payers if chain_id == LIVING else self.payers
        for payer in payers[:number]:
            self.memory.world.post(payer.pay(1_000, deadline=self.memory.deadline()))

    def hang(self) -> None:
        """Let the second chain's endpoints accept connections and never answer."""
        self.other.is_reachable, self.other.patience_ms = False, PATIENCE_MS

    def rows(self, chain_id: ChainId) -> list[Transaction]:
        """The rows of a chain."""
        return [row for row in self.memory.world.rows() if row.chain_id == chain_id]

    def delivered_ms(self) -> int:
        """Deliver one batch; give how long submit took for it."""
        began = self.memory.clock.now()
        self.memory.world.deliver()
        return self.memory.clock.now() - began

    def signed_at(self) -> list[Instant]:
        """When each nonce of the living chain got its bytes."""
        wallets = DynamoWallets(self.memory.world.tables)
        rows = (row for wallet in wallets.wallets(LIVING) for row in wallets.open_nonces(wallet))
        return [row.attempts[0].signed_at for row in rows]


def test_each_chain_has_its_own_wallets_blocks_and_lease() -> None:
    """Same keys, same addresses: the counters of one chain never move with the other's."""
    pair = Pair()
    pair.post(OTHER, 3)
    pair.post(LIVING)
    world = pair.memory.world

    for _ in range(5):
        world.deliver()
        for chain_id in (LIVING, OTHER):
            world.confirm([chain_id], until=Instant(pair.memory.clock.now() + 20_000))

    wallets = DynamoWallets(world.tables)
    for chain_id, payments in ((LIVING, 1), (OTHER, 3)):
        assert [row.status for row in pair.rows(chain_id)] == [Status.CONFIRMED] * payments
        assert sum(wallet.next_nonce for wallet in wallets.wallets(chain_id)) == payments
    assert world.reserved() == 0


def test_a_chain_that_hangs_is_asked_once_in_a_run_however_many_wait_for_it() -> None:
    """Each question lasts for all of the patience; five of them are more than the function has."""
    pair = Pair()
    pair.other.is_reachable = False
    pair.post(OTHER, 5)
    pair.hang()

    assert pair.delivered_ms() == PATIENCE_MS
    assert [(row.status, row.waits) for row in pair.rows(OTHER)] == [(Status.RECEIVED, 1)] * 5


def test_a_chain_that_hung_a_moment_ago_takes_no_time_from_the_next_batch() -> None:
    """Its payment is put off at once, the living chain's is broadcast at once."""
    pair = Pair()
    pair.post(OTHER)
    pair.hang()
    pair.memory.world.deliver()
    pair.other.patience_ms = Milliseconds(0)
    pair.post(OTHER)
    pair.hang()
    pair.post(LIVING)

    assert pair.delivered_ms() == 0
    assert [row.status for row in pair.rows(LIVING)] == [Status.PENDING]
    assert pair.memory.chain.sends == 1


def test_a_chain_that_hung_is_asked_again_after_the_others_had_their_turn() -> None:
    """In time to see that it is back, and without keeping anybody waiting if it is not."""
    pair = Pair()
    pair.post(OTHER, 2)
    pair.hang()
    pair.memory.world.deliver()
    pair.memory.world.queue.lose()
    pair.memory.clock.sleep(REST_MS)
    pair.other.patience_ms = Milliseconds(0)
    pair.post(OTHER)
    pair.hang()
    pair.post(LIVING)
    began = pair.memory.clock.now()

    assert pair.delivered_ms() == PATIENCE_MS
    assert pair.signed_at() == [began]


def test_a_chain_that_refuses_at_once_is_asked_for_each_payment() -> None:
    """That takes nobody's time, and the next payment may fare better."""
    pair = Pair()
    pair.other.is_reachable = False
    pair.post(OTHER, 2)
    pair.memory.world.deliver()
    pair.other.is_reachable = True
    pair.memory.clock.sleep(Milliseconds(1_000))
    pair.post(OTHER)

    pair.memory.world.deliver()

    assert Status.PENDING in {row.status for row in pair.rows(OTHER)}


def test_the_schedule_gives_each_of_several_chains_a_run_of_its_own() -> None:
    """One run after another would let a chain that hangs hold up the looks at all others."""
    starter = FakeConfirmer()
    spread = Spreading(starter=starter, log=FakeLog())

    assert spread((LIVING, OTHER), only=None) == []
    assert starter.started == starter.scheduled == [LIVING, OTHER]


def test_a_run_that_was_started_for_a_chain_follows_that_one() -> None:
    """It starts no others; of a chain that is not configured there is nothing to follow."""
    starter = FakeConfirmer()
    spread = Spreading(starter=starter, log=FakeLog())

    assert spread((LIVING, OTHER), only=OTHER) == [OTHER]
    assert spread((LIVING, OTHER), only=ChainId(0)) == []
    assert starter.started == []


def test_a_single_chain_is_followed_by_the_schedules_own_run() -> None:
    """No run is started only to start another."""
    starter = FakeConfirmer()

    assert Spreading(starter=starter, log=FakeLog())((LIVING,), only=None) == [LIVING]
    assert starter.started == []


def test_chains_that_no_run_could_be_started_for_are_followed_all_the_same() -> None:
    """One after another, which is better than not at all; a line says so."""
    log = FakeLog()

    assert Spreading(starter=DeadConfirmer(), log=log)((LIVING, OTHER), only=None) == [LIVING, OTHER]
    assert [level for level, _, _ in log.lines] == ["warning", "warning"]


def test_a_run_of_one_chain_measures_that_chain_and_asks_no_other() -> None:
    """The gauges of a living chain are not late because of one that hangs."""
    pair = Pair()
    pair.hang()
    began = pair.memory.clock.now()

    pair.memory.world.gauging([LIVING])

    assert pair.memory.clock.now() == began
    assert DynamoStatistics(pair.memory.world.tables).gauges(LIVING) is not None
