"""What the model drives: two processes of one deployment, with clocks of their own, in rough weather."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import NonceOutOfOrderError, RequestError, StoreUnavailableError
from ferryman.domain.units import Instant, Milliseconds, TransactionId
from ferryman.intents import KINDS
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.ports import Chain
from ferryman.services.assurance import Assurance
from ferryman.services.chains import ChainAccess
from ferryman.services.confirm import LEASE_MS
from ferryman.services.nonces import NextNonces
from ferryman.services.retrying import Retrying
from tests.fakes.calls import MessageKey
from tests.fakes.clock import FakeClock
from tests.fakes.payers import Payer
from tests.fakes.settled import SETTINGS
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.faults.messages import Message, every_kind, forward_request, fund
from tests.faults.model.chain import Routed, StrictChain
from tests.faults.model.listener import Listener
from tests.faults.model.ports import Rough, RoughQueue, RoughTables, SkewedClock
from tests.faults.model.weather import Mishap, Weather

LOCKED: Final = 10_000_000
"""Of each payer, in token units: so much in the escrow, and as much of its own."""
TARGET_GAS: Final = 30_000
"""What the target of forward requests needs."""
ROUNDS: Final = 300
"""Rounds of several seconds after which, with nothing going wrong any more, something counts as stuck."""
REST_MS: Final = 8_000
"""How long confirm runs at a time then: a run that sees nothing of ours looks several times."""
_ROUGH: Final = frozenset({"chain", "queue", "signer", "confirmer", "successor"})
"""Ports the weather meets; the stores meet it in their tables."""


@dataclass
class Posted:
    """A message that somebody posted."""

    message: Message
    transaction_id: TransactionId | None = None
    """Once its acceptance was answered."""
    is_in_doubt: bool = False
    """Whether the last post of it had no answer."""


class Deployment:
    """A deployment with its clients and its surroundings.

    Args:
        skew_ms: how far the second process's clock is ahead.
        wallets: how many keys it has.
        endpoints: how many of the chain it knows.
        settings: fields of ChainSettings.

    """

    def __init__(self, *, skew_ms: int, wallets: int, endpoints: int, settings: Mapping[str, Any]) -> None:
        self.settings: ChainSettings = SETTINGS.model_copy(update={**every_kind(SETTINGS), **settings})
        self.clock = FakeClock()
        self.chain = StrictChain(self.settings, self.clock, endpoints=endpoints)
        self.payers = [Payer(bytes([number]) * 32, self.settings) for number in range(1, 4)]
        for payer in self.payers:
            self.chain.lock(self.settings.tokens[0], payer.address, LOCKED)
            fund(self.chain, payer.address, LOCKED)
        self.clock.sleep(Milliseconds(30_000))
        self.chain.head()
        self.weather = Weather(self._beside)
        self.tables = RoughTables(self.weather)
        self.chain.tables = self.tables
        self.queue = RoughQueue()
        self.signer = FakeSigner([bytes([7, number]) * 16 for number in range(1, wallets + 1)])
        clocks = (self.clock, SkewedClock(self.clock, ahead_ms=skew_ms))
        self.processes = [
            World(
                self.settings,
                cast("Chain", Routed(self.chain)),
                self.signer,
                clock,
                tables=self.tables,
                queue=self.queue,
                wrap=self._wrap,
            )
            for clock in clocks
        ]
        self.listener = Listener(self.tables, [payer.address for payer in self.payers])
        self.listener.listen(self.processes[0])
        self.posted: list[Posted] = []
        self.contracts_were_paused = False
        self.keys_were_lent = False
        assert self.chain.forwarding
        self.chain.forwarding.target_gas = TARGET_GAS
        self.targets_were_broken = False
        self.blocks_were_turned = False
        """Whether any block went."""
        self.doubles: set[MessageKey] = set()
        """Forward requests that their signers gave to somebody else."""
        self.healed_at: Instant | None = None
        self.blocks_were_lost = False
        """Whether blocks went that were deep enough to confirm what was in them."""
        self._at_work = 0

    # -- clients ------------------------------------------------------------------------------

    def post(self, posted: Posted, *, process: int) -> None:
        """Post a message, for the first time or again."""
        posted.is_in_doubt = True
        try:
            self.run(process, lambda world: self._answered(posted, world))
        except RequestError:
            assert posted.transaction_id is None, "refused what was accepted before"
            posted.is_in_doubt = False

    def _answered(self, posted: Posted, world: World) -> None:
        posted.transaction_id = posted.message.post(world).transaction.transaction_id
        posted.is_in_doubt = False

    def next_turn(self, payer: Payer) -> int:
        """Give the nonce of a forward request that a payer signs next: its own node is never away."""
        ordered, is_reachable = FORWARD_REQUEST.ordered, self.chain.is_reachable
        self.chain.is_reachable = True
        try:
            next_nonce = NextNonces(ordered, DynamoTransactions(self.tables))
            return next_nonce(payer.address, ChainAccess(self.settings, self.chain))
        except NonceOutOfOrderError:
            return self.chain.count_of_forwards(payer.address) + ordered.most_ahead(self.settings) + 1
        finally:
            self.chain.is_reachable = is_reachable

    def give_away(self, payer: Payer, *, deadline: int) -> None:
        """Have a stranger forward a request of a payer that nobody posted here."""
        nonce = self.chain.count_of_forwards(payer.address)
        double = forward_request(payer, nonce, gas=TARGET_GAS + len(self.doubles), deadline=deadline)
        payload = FORWARD_REQUEST.parse(double.body, {self.settings.chain_id: self.settings}).payload
        self.chain.relay(payload, kind=double.kind)
        self.doubles.add(double.key)

    # -- processes ----------------------------------------------------------------------------

    def run(self, process: int, service: Callable[[World], object]) -> None:
        """Run something in a process, which is started anew if it dies."""
        world, deaths = self.processes[process], self.weather.deaths
        self._at_work = process
        with suppress(StoreUnavailableError):
            self.weather.outside(lambda: service(world))
        if self.weather.deaths > deaths:
            world.restart()

    def deliver(self, process: int, *, is_slow: bool = False) -> None:
        """Hand a batch of messages to submit; if it is slow, they are handed out again later."""

        def deliver(world: World) -> None:
            batch = self.queue.receive()
            unwritten = world.submit(list(dict.fromkeys(batch))) if batch else ()
            if not is_slow:
                self.queue.settle(batch, unwritten)

        self.run(process, deliver)

    def follow(self, process: int, *, run_ms: int) -> None:
        """Run confirm."""
        self.run(process, lambda world: world.follow(run_ms))

    def tell(self, process: int) -> None:
        """Hand the oldest events that were not told to notify."""
        self.run(process, self.listener.tell)

    def retry(self, process: int, transaction_id: TransactionId) -> None:
        """Have an operator retry a transaction."""
        world = self.processes[process]
        chain = self._wrap("chain", Routed(self.chain))
        retrying = Retrying(
            kinds=KINDS,
            chains={self.settings.chain_id: ChainAccess(self.settings, chain)},
            store=world.store,
            assurance=Assurance(world.store),
            queue=self._wrap("queue", self.queue),
            leases=DynamoLeases(self.tables),
            confirmer=world.confirmer,
            clock=world.clock,
            log=world.log,
        )
        with suppress(RequestError):  # it is confirmed, or its deadline has passed
            self.run(process, lambda _world: retrying(transaction_id, by="the model"))

    def finish_dead(self, process: int) -> None:
        """Hand dead letters to deadletter."""
        dead, self.queue.dead = self.queue.dead, []
        left = set(dead)

        def finish(world: World) -> None:
            left.intersection_update(world.deadletter(dead))

        self.run(process, finish)
        self.queue.dead += [hint for hint in dead if hint in left]

    def _wrap(self, name: str, port: Any) -> Any:  # noqa: ANN401 (any port)
        return Rough(self.weather, name, port) if name in _ROUGH else port

    # -- surroundings -------------------------------------------------------------------------

    def reorganise(self, depth: int, *, forgets: bool) -> None:
        """Replace the newest blocks; the network may have forgotten what was in them."""
        if not self.chain.is_reachable:
            return
        self.chain.head()
        self.chain.reorg(depth)
        self.blocks_were_turned = True
        self.blocks_were_lost |= depth >= self.settings.required_confirmations
        if forgets:
            self.chain.forget()
        for _ in range(depth):
            self.chain.mine()

    def evict(self, order: random.Random) -> None:
        """Have the network drop some transactions."""
        pool = self.chain.mempool
        for key in order.sample(sorted(pool), k=(len(pool) + 1) // 2):
            del pool[key]

    def lend_key(self, wallet: int, *, ahead: int) -> None:
        """Let a stranger use a nonce of a wallet, some way beyond what is mined."""
        keys = self.signer.wallets()
        address = keys[wallet % len(keys)]
        count = self.chain.count_of(address)
        self.chain.strangers.add((address, count + ahead))
        self.keys_were_lent = True

    def _beside(self, mishap: Mishap) -> None:
        """Do what happens beside a call of a process."""
        rival = 1 - self._at_work
        if mishap in {Mishap.FREEZES, Mishap.MEETS_A_THIEF}:
            self.clock.sleep(Milliseconds(LEASE_MS + 5_000))
        if mishap in {Mishap.MEETS_A_RIVAL, Mishap.MEETS_A_THIEF}:
            world = self.processes[rival]
            self._deliver_calmly(world)
            world.follow(run_ms=3_000)
            world.watch_once()
        if mishap is Mishap.LOSES_A_BLOCK:
            self.reorganise(1, forgets=False)

    # -- the end ------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Heal everything, and let time pass until nothing is open.

        Raises:
            AssertionError: something stays open.

        """
        self._heal()
        self.healed_at = self.clock.now()
        world = self.processes[0]
        rested = False
        for _ in range(ROUNDS):
            self._deliver_calmly(world)
            self.finish_dead(0)
            world.follow(run_ms=REST_MS)
            world.watch_once()
            if not self._is_at_rest(world):
                rested = False
                self.clock.sleep(Milliseconds(5_000))
            elif not rested:
                # What is over may rest on a block that is gone while whoever died still holds the lease, by a
                # clock of his own: the schedule's next run looks.
                rested = True
                self.clock.sleep(Milliseconds(2 * LEASE_MS))
            else:
                while self.listener.tell(world):
                    pass
                return
        stuck = [(row.status, row.last_error, row.due_at) for row in world.open_rows()]
        msg = f"stuck at {self.clock.now()}: {stuck}, {self._open_nonces(world)}"
        raise AssertionError(msg)

    def tally(self) -> Counter[str]:
        """Count what came to pass."""
        rows = self.processes[0].rows()
        ends = Counter(f"ended {row.status} {row.reason or ''}".strip() for row in rows)
        ends += Counter(f"{row.kind}: {row.status} {row.reason or ''}".strip() for row in rows)
        steps = Counter(f"step {step}" for row in rows for step in row.reached)
        counts = {"posted": len(self.posted), "blocks": self.chain.head().number, "sends": self.chain.sends}
        return Counter(counts) + Counter({str(key): n for key, n in self.weather.seen.items()}) + ends + steps

    def _heal(self) -> None:
        self.weather.clear_up()
        self.tables.thaw_indexes()
        self.chain.heal()
        pauses = DynamoPauses(self.tables)
        for pause in pauses.pauses():
            pauses.lift(pause.scope)
        self.clock.sleep(Milliseconds(2 * LEASE_MS))
        for posted in self.posted:
            if posted.is_in_doubt:
                self.post(posted, process=0)

    def _deliver_calmly(self, world: World) -> None:
        for _ in range(20):
            if not (batch := self.queue.receive()):
                return
            self.queue.settle(batch, world.submit(list(dict.fromkeys(batch))))

    def _is_at_rest(self, world: World) -> bool:
        is_idle = not (len(self.queue) or self.queue.dead or self._open_nonces(world))
        return is_idle and all(row.status.is_terminal and row.due_at is None for row in world.rows())

    def _open_nonces(self, world: World) -> list[str]:
        wallets = DynamoWallets(world.tables)
        return [
            f"{wallet.address[:6]} {wallet.lowest_open}..{wallet.next_nonce}"
            for wallet in wallets.wallets(self.settings.chain_id)
            if wallet.lowest_open != wallet.next_nonce or wallets.open_nonces(wallet)
        ]
