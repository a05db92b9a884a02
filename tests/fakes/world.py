"""A whole Ferryman in memory: the real services and stores over fakes of the world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.backlog_parts import DynamoBacklogParts
from ferryman.adapters.dynamodb.connections import DynamoConnections
from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.journalled import JournalledTables
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.markets import DynamoMarkets
from ferryman.adapters.dynamodb.operations import Table, Tables
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.recovery import DynamoRecovery
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.chain import ChainSettings
from ferryman.domain.transaction import Transaction, fold, told
from ferryman.domain.units import Address, ChainId, Instant, Milliseconds, TransactionId
from ferryman.intents import KINDS, SIGNED
from ferryman.ports import Chain, Clock, Hint, Signer, Workers
from ferryman.services.advance import Advance
from ferryman.services.assurance import Assurance
from ferryman.services.batch_gas import BatchGas
from ferryman.services.batching import Batching
from ferryman.services.binding import Binder
from ferryman.services.cached import CachedReadings
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.charging import Charging
from ferryman.services.confirm import Confirm
from ferryman.services.counters import Counters
from ferryman.services.deadletter import Deadletter
from ferryman.services.executions import Executions
from ferryman.services.followers import Followers
from ferryman.services.gathering import Gathering
from ferryman.services.gauging import Gauging
from ferryman.services.ingest import Accepted, Ingest
from ferryman.services.journal import Journal
from ferryman.services.lately import Lately
from ferryman.services.market import MarketBook
from ferryman.services.quoting import Quoting
from ferryman.services.recover import Finding, Recover
from ferryman.services.silence import Silence
from ferryman.services.submit import UNDER_WAY_MS, Submit
from ferryman.services.sweeping import Sweep
from ferryman.services.topping_up import ToppingUp
from ferryman.services.tracking import Tracker
from ferryman.services.watch import LEASE_MS, Watch
from tests.fakes.metrics import FakeMetrics
from tests.fakes.queue import FakeQueue
from tests.fakes.tables import MemoryTables
from tests.fakes.talk import FakeConfirmer, FakeLog, FakePush
from tests.fakes.workers import OneByOne

RUN_MS: Final = 20_000
Wrap = Callable[[str, Any], Any]
"""Puts something between a service and a port: (name, port) -> port."""


def unwrapped(_name: str, port: Any) -> Any:  # noqa: ANN401 (any port)
    """Put nothing between."""
    return port


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ports:
    """What the services of one process are built over, with whatever was put between."""

    chains: Chains
    tables: Tables
    store: Any
    wallets: Any
    leases: Any
    parts: Any
    pauses: Any
    cursors: Any
    accounts: Any
    queue: Any
    signer: Any
    confirmer: Any


@dataclass
class World:
    """Services of one deployment; `restart` builds them anew over the same tables, as a cold start does."""

    settings: ChainSettings
    chain: Chain
    signer: Signer
    clock: Clock
    tables: Tables = field(default_factory=MemoryTables)
    queue: FakeQueue = field(default_factory=FakeQueue)
    push: FakePush = field(default_factory=FakePush)
    confirmer: FakeConfirmer = field(default_factory=FakeConfirmer)
    successor: FakeConfirmer = field(default_factory=FakeConfirmer)
    """Starts watch anew."""
    log: FakeLog = field(default_factory=FakeLog)
    metrics: FakeMetrics = field(default_factory=FakeMetrics)
    wrap: Wrap = unwrapped
    workers: Workers = field(default_factory=OneByOne)
    lists_closed: bool = False
    """Whether what ends is listed for the archive."""
    beside: Sequence[ChainAccess] = ()
    """Other chains of the same deployment."""

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Lose everything that lives in a process."""
        ports = self._ports()
        self.connections = DynamoConnections(self.tables)
        self.ingest = self._ingest(ports)
        self.submit = self._submit(ports)
        self.confirm = self._confirm(ports)
        self.gauging = Gauging(
            kinds=KINDS,
            chains=ports.chains,
            store=ports.store,
            wallets=ports.wallets,
            statistics=DynamoStatistics(ports.tables),
            **self._measured,
        )
        self.watch = self._watch(ports)
        self.deadletter = Deadletter(kinds=KINDS, store=ports.store, **self._measured)

    @property
    def _talk(self) -> dict[str, Any]:
        return {"clock": self.clock, "log": self.log}

    @property
    def _measured(self) -> dict[str, Any]:
        return {**self._talk, "metrics": self.metrics}

    def _ports(self) -> _Ports:
        chains = {self.settings.chain_id: ChainAccess(self.settings, self.wrap("chain", self.chain))}
        chains |= {one.settings.chain_id: one for one in self.beside}
        tables = JournalledTables(self.tables, Journal(log=self.log, metrics=self.metrics))
        return _Ports(
            chains=chains,
            tables=tables,
            store=self.wrap("store", DynamoTransactions(tables, lists_closed=self.lists_closed)),
            wallets=self.wrap("wallets", DynamoWallets(tables)),
            leases=self.wrap("leases", DynamoLeases(tables)),
            parts=self.wrap("parts", DynamoBacklogParts(tables)),
            pauses=self.wrap("pauses", DynamoPauses(tables)),
            cursors=self.wrap("cursors", DynamoCursors(tables)),
            accounts=self.wrap("accounts", DynamoAccounts(tables)),
            queue=self.wrap("queue", self.queue),
            signer=self.wrap("signer", self.signer),
            confirmer=self.wrap("confirmer", self.confirmer),
        )

    def _ingest(self, ports: _Ports) -> Ingest:
        cached = CachedReadings(KINDS, ports.cursors, ports.accounts, self.clock, self.metrics)
        return Ingest(
            kinds=KINDS,
            chains=ports.chains,
            store=ports.store,
            assurance=Assurance(ports.store, cached),
            charging=Charging(store=ports.store, clock=self.clock),
            quoting=Quoting(
                kinds=SIGNED,
                chains=ports.chains,
                store=ports.store,
                book=MarketBook(self.wrap("markets", DynamoMarkets(self.tables)), self.clock),
                clock=self.clock,
            ),
            queue=ports.queue,
            leases=ports.leases,
            confirmer=ports.confirmer,
            **self._talk,
        )

    def _submit(self, ports: _Ports) -> Submit:
        store, wallets, signer = ports.store, ports.wallets, ports.signer
        binder = Binder(kinds=KINDS, wallets=wallets, signer=signer, clock=self.clock)
        return Submit(
            kinds=KINDS,
            chains=ports.chains,
            store=store,
            wallets=wallets,
            assurance=Assurance(store),
            gathering=Gathering(store=store, parts=ports.parts, workers=self.workers, **self._talk),
            batching=Batching(kinds=KINDS, known=BatchGas(self.clock), clock=self.clock),
            binder=binder,
            topping_up=ToppingUp(wallets=wallets, binder=binder, signer=signer, **self._talk),
            counters=Counters(wallets=wallets, log=self.log, metrics=self.metrics),
            advance=Advance(
                kinds=KINDS,
                store=store,
                wallets=wallets,
                signer=signer,
                workers=self.workers,
                **self._measured,
            ),
            leases=ports.leases,
            pauses=ports.pauses,
            dead_letters=ports.queue,
            confirmer=ports.confirmer,
            silence=Silence(self.clock),
            lately=Lately(self.clock, UNDER_WAY_MS),
            executions=Executions(kinds=KINDS, clock=self.clock),
            workers=self.workers,
            **self._talk,
        )

    def _confirm(self, ports: _Ports) -> Confirm:
        followers = Followers(
            chains=ports.chains,
            kinds=KINDS,
            store=ports.store,
            wallets=ports.wallets,
            queue=ports.queue,
            workers=self.workers,
            **self._measured,
        )
        return Confirm(
            chains=ports.chains,
            follower=followers,
            sweep=Sweep(chains=ports.chains, store=ports.store, queue=ports.queue, **self._talk),
            leases=ports.leases,
            confirmer=ports.confirmer,
            **self._measured,
        )

    def _watch(self, ports: _Ports) -> Watch:
        def tracker(chain_id: ChainId) -> Tracker:
            return Tracker(
                kinds=KINDS,
                access=ports.chains[chain_id],
                accounts=ports.accounts,
                cursors=ports.cursors,
                lease_ms=LEASE_MS,
                **self._measured,
            )

        return Watch(
            chains=ports.chains,
            tracker=tracker,
            cursors=ports.cursors,
            successor=self.wrap("successor", self.successor),
            **self._measured,
        )

    def recover(self, *, is_dry: bool = False) -> list[Finding]:
        """Reconcile everything as `ferryman recover` does; give what was found."""
        chain_id = self.settings.chain_id
        recover = Recover(
            kinds=KINDS,
            chains={chain_id: ChainAccess(self.settings, self.chain)},
            store=DynamoTransactions(self.tables, lists_closed=self.lists_closed),
            wallets=DynamoWallets(self.tables),
            recovery=DynamoRecovery(self.tables),
            clock=self.clock,
            log=self.log,
            is_dry=is_dry,
        )
        found = recover.pools([chain_id])
        found += recover.transactions(self.known_names())
        found += recover.pools([chain_id])
        accounts = sorted({str(key[0]) for key in self._items(Table.ACCOUNTS)})
        payers = [account.split(":", 1) for account in accounts]
        found += recover.accounts((ChainId(int(chain)), Address(payer)) for chain, payer in payers)
        return found

    def known_names(self) -> list[TransactionId]:
        """Ids of all transactions that any table knows of."""
        names = {str(key[0]) for table in (Table.TRANSACTIONS, Table.EVENTS) for key in self._items(table)}
        return [TransactionId(name) for name in sorted(names)]

    def rival(self) -> "World":
        """Other processes of the same deployment: same tables, queue, chain and keys; nothing between."""
        return World(self.settings, self.chain, self.signer, self.clock, tables=self.tables, queue=self.queue)

    # -- driving it ---------------------------------------------------------------------------

    def post(self, body: dict[str, Any]) -> Accepted:
        """Post a payment."""
        return self.ingest("payment", body)

    def deliver(self) -> list[Hint]:
        """Deliver one batch to submit."""
        batch = self.queue.receive()
        if batch:
            # As SQS does: what a dying run had in hand comes again.
            self.queue.settle(batch, self.submit(list(dict.fromkeys(batch))))
        return batch

    def bury(self) -> None:
        """Run deadletter on what was given up; what it cannot settle comes again."""
        given_up = list(dict.fromkeys(self.queue.dead))
        self.queue.dead = list(self.deadletter(given_up)) if given_up else []

    def follow(self, run_ms: int = RUN_MS) -> None:
        """Run confirm once."""
        self.confirm([self.settings.chain_id], until=Instant(self.clock.now() + run_ms))

    def sweep(self, *, freed: int = 0) -> None:
        """Sweep once, as confirm does after a look."""
        chain_id = self.settings.chain_id
        resting = partial(self.confirm.follower(chain_id).resting, head=self.chain.head())
        self.confirm.sweep(chain_id, freed=freed, resting=resting)

    def gauge(self) -> None:
        """Measure, as the schedule's run does."""
        self.gauging([self.settings.chain_id])

    def watch_once(self) -> None:
        """Run watch for no longer than one look."""
        self.watch([self.settings.chain_id], until=self.clock.now())

    def settle(self, *, rounds: int = 60) -> None:
        """Run everything until nothing is open, or for as long as it reasonably takes."""
        for _ in range(rounds):
            while self.deliver():
                pass
            self.bury()
            # Short runs, so that submit gets its turn, as it does beside a looping confirm.
            self.follow(run_ms=5 * self.settings.block_time_ms)
            if not self.queue and not self.open_rows():
                return
            self.clock.sleep(Milliseconds(1_000))

    # -- looking at it ------------------------------------------------------------------------

    @property
    def store(self) -> DynamoTransactions:
        """The rows and events, with nothing between."""
        return DynamoTransactions(self.tables)

    def rows(self) -> Sequence[Transaction]:
        """All rows (the memory tables' own privilege)."""
        return self.store.get_many([TransactionId(str(key[0])) for key in self._items(Table.TRANSACTIONS)])

    def open_rows(self) -> list[Transaction]:
        """Rows that are not over."""
        return [row for row in self.rows() if not row.status.is_terminal]

    def reserved(self) -> int:
        """Sum of all ledgers."""
        return sum(item.get("reserved", 0) for item in self._items(Table.ACCOUNTS).values())

    def ledgers(self) -> list[int]:
        """What is reserved in each ledger there is."""
        items = self._items(Table.ACCOUNTS)
        return [item["reserved"] for key, item in items.items() if str(key[1]).startswith("ledger#")]

    def held(self) -> int:
        """Sum of all single reservations; equals `reserved` at every moment."""
        items = self._items(Table.ACCOUNTS)
        return sum(
            value for item in items.values() for name, value in item.items() if name.startswith("held_")
        )

    def check_events(self) -> None:
        """Every row equals the fold of its events, and they are numbered without gaps."""
        for row in self.rows():
            events = self.store.events(row.transaction_id)
            assert [event.sequence for event in events] == list(range(1, len(events) + 1))
            assert told(fold(row, events)) == told(row)

    def check_nonces(self) -> None:
        """Every bound nonce is settled, none is left out, and all of the window is free again."""
        wallets = DynamoWallets(self.tables)
        for wallet in wallets.wallets(self.settings.chain_id):
            assert not wallets.open_nonces(wallet)
            assert wallet.lowest_open == wallet.next_nonce
            assert wallet.bound_cost == wallet.settled_cost
            count = self.chain.transaction_count(wallet.address)
            assert count == wallet.next_nonce, "a nonce gap, or a nonce nobody bound"

    def _items(self, table: str) -> dict[tuple[str | int, ...], dict[str, Any]]:
        assert isinstance(self.tables, MemoryTables)
        return self.tables.items[table]
