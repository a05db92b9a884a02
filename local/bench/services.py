"""The services in this process over anvil, each step of a payment's way measured; their tables are timed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.nonces import NonceRow
from ferryman.domain.units import TransactionId
from ferryman.intents import KINDS
from ferryman.ports import Hint
from ferryman.services.notify import Notify
from ferryman.services.reading import Reading
from local.bench.stopwatch import Stopwatch
from local.bench.timed_tables import TimedTables
from local.errors import LocalStackError
from tests.fakes.payers import Payer
from tests.fakes.webhooks import memory_fanout
from tests.fakes.workers import OneByOne
from tests.fakes.world import World, unwrapped
from tests.faults.real_chain import RealChain, request

_DEADLINE_SECONDS = 3_600
_BLOCKS_FOR_ALL = 10
"""In this many blocks everything that is open is mined."""


@dataclass(frozen=True)
class MeasuredServices:
    """The real services, a fake queue, tables in memory, keys in memory."""

    chain: RealChain
    world: World
    payers: Sequence[Payer]
    tables: TimedTables

    @classmethod
    def over(cls, chain: RealChain) -> "MeasuredServices":
        """Build one with nothing stored yet."""
        real, tables = chain.world(unwrapped), TimedTables()
        real.world.tables = tables
        real.world.restart()
        return cls(chain, real.world, real.payers, tables)

    def payments(self, count: int) -> list[dict[str, Any]]:
        """Sign payments, the payers in turn."""
        deadline = self.world.clock.now() // 1000 + _DEADLINE_SECONDS
        payers = self.payers
        return [payers[index % len(payers)].pay(1, fee=1, deadline=deadline) for index in range(count)]

    def ingest(self, payments: Sequence[dict[str, Any]]) -> tuple[list[TransactionId], Stopwatch]:
        """Accept payments, one by one; also gives their ids."""
        watch, names = Stopwatch(self.tables), list[TransactionId]()
        for payment in payments:
            with watch.running():
                accepted = self.world.post(payment)
            names.append(accepted.transaction.transaction_id)
        return names, watch

    def submit(self) -> Stopwatch:
        """Bind, sign and broadcast all that is queued, in batches as SQS delivers them."""
        watch = Stopwatch(self.tables)
        for batch in self._batches():
            with watch.running():
                failed = self.world.submit(batch)
            self.world.queue.settle(batch, failed)
        return watch

    def look(self, times: int) -> Stopwatch:
        """Look at so many new blocks, none of which has any of the open nonces."""
        request(self.chain.web3, "anvil_dropAllTransactions")
        follower = self.world.confirm.follower(self.chain.settings.chain_id)
        follower.look()  # the first look of a run asks by hash
        watch = Stopwatch(self.tables)
        for _ in range(times):
            request(self.chain.web3, "anvil_mine", "0x1", "0x1")
            with watch.running():
                follower.look()
        return watch

    def confirm(self) -> Stopwatch:
        """Broadcast what was dropped again, mine it, and look at it."""
        follower = self.world.confirm.follower(self.chain.settings.chain_id)
        follower.look()
        self._broadcast_again()
        request(self.chain.web3, "anvil_mine", hex(_BLOCKS_FOR_ALL), "0x1")
        watch = Stopwatch(self.tables)
        with watch.running():
            follower.look()
        return watch

    def notify(self, names: Sequence[TransactionId]) -> Stopwatch:
        """Tell the last event of each transaction to one subscriber of its sender."""
        connections, store = DynamoConnections(self.tables), DynamoTransactions(self.tables)
        for payer in self.payers:
            connections.subscribe("bench", f"sender:{payer.address}", now=self.world.clock.now())
        notify = Notify(
            connections=connections,
            push=self.world.push,
            fanout=memory_fanout(self.tables, self.world.clock),
            workers=OneByOne(),
            clock=self.world.clock,
            log=self.world.log,
            metrics=self.world.metrics,
        )
        watch = Stopwatch(self.tables)
        for event in [store.events(name)[-1] for name in names]:
            with watch.running():
                notify([event])
        return watch

    def query(self, names: Sequence[TransactionId]) -> Stopwatch:
        """Read the record of each transaction."""
        reading = Reading(
            kinds=KINDS,
            store=DynamoTransactions(self.tables),
            wallets=DynamoWallets(self.tables),
            leases=DynamoLeases(self.tables),
        )
        watch = Stopwatch(self.tables)
        for name in names:
            with watch.running():
                reading.record(name)
        return watch

    def check(self) -> None:
        """Make sure that all was confirmed: otherwise the numbers mean nothing.

        Raises:
            LocalStackError: something is still open.

        """
        open_nonces = sum(len(rows) for rows in self._open_nonces())
        if open_nonces:
            raise LocalStackError(f"{open_nonces} nonces are still open")

    def _batches(self) -> Iterator[list[Hint]]:
        while batch := self.world.queue.receive():
            yield list(dict.fromkeys(batch))

    def _broadcast_again(self) -> None:
        for rows in self._open_nonces():
            self.world.chain.send([row.attempts[-1].raw for row in rows])

    def _open_nonces(self) -> list[tuple[NonceRow, ...]]:
        wallets = DynamoWallets(self.tables)
        return [wallets.open_nonces(wallet) for wallet in wallets.wallets(self.chain.settings.chain_id)]
