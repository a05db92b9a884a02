"""Gauging: once a minute, what is open on a chain, what is held for it, and what its wallets have left."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ferryman.domain.errors import ChainUnreachableError, StoreUnavailableError
from ferryman.domain.fees import Tier, expected_gas_price
from ferryman.domain.funds import is_low
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import Wallet, WalletState
from ferryman.domain.quotas import day_of
from ferryman.domain.statistics import EndpointGauge, Gauges, Snapshot, WalletGauge, snapshots
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import (
    MONEY_LIMIT,
    Address,
    BlockNumber,
    ChainId,
    Instant,
    Seconds,
    TokenUnits,
    TransactionId,
    Wei,
)
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    Block,
    Clock,
    EndpointProbe,
    Log,
    Metrics,
    StatisticsStore,
    TransactionStore,
    WalletStore,
)
from ferryman.services.canonical import Canonical
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.finality import Finality
from ferryman.services.waiting import NO_FUNDS

MOST_WAITING: Final = 1_000
"""Rows without a nonce that are looked at; of more, the rest is not in the gauges."""
_HELD: Final = frozenset({Status.VALIDATED, Status.PENDING})
_NO_BLOCK: Final = BlockNumber(0)
_WEI_PER_COIN: Final = 10**18
_WORD: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What a chain said of itself; of one that is away, only how its endpoints did."""

    endpoints: tuple[EndpointGauge, ...]
    head: Block | None = None
    final: BlockNumber = _NO_BLOCK
    balances: Mapping[Address, Wei] = field(default_factory=dict)
    delegated: frozenset[Address] = frozenset()
    gas_price_wei: Wei | None = None
    earned: Mapping[Address, TokenUnits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauging:
    """Measures chains, whoever follows them."""

    kinds: Mapping[str, IntentKind]
    chains: Chains
    store: TransactionStore
    wallets: WalletStore
    statistics: StatisticsStore
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(self, chain_ids: Iterable[ChainId]) -> None:
        """Measure chains, keep what was measured, and emit it; trouble with that is only a warning.

        Of a chain that is away the tables are measured, and what its endpoints said: that is when
        somebody looks.
        """
        for chain_id in chain_ids:
            access = self.chains[chain_id]
            try:
                gauges = self._measured(access)
                self.statistics.keep(chain_id, gauges)
            except StoreUnavailableError as error:
                self.log.warning("not gauged", chain_id=chain_id, cause=str(error))
            else:
                self._emit(gauges, access)

    def _measured(self, access: ChainAccess) -> Gauges:
        wallets = self.wallets.wallets(access.settings.chain_id)
        sight, now = self._sight(access, wallets), self.clock.now()
        rows = self._open_rows(access, wallets)
        held = [self.kinds[row.kind].reservation(row.payload) for row in rows if row.status in _HELD]
        reserved: Counter[Address] = Counter()
        for reservation in held:
            reserved[reservation.token] += reservation.units
        return Gauges(
            at=now,
            head=sight.head.number if sight.head else None,
            final=sight.final,
            head_age_seconds=_head_age(sight.head, now) if sight.head else None,
            outbox_age_seconds=max(
                (_age(row.received_at, now) for row in rows if row.nonce is None), default=Seconds(0)
            ),
            open_by_status=Counter(row.status.value for row in rows),
            reserved={token: TokenUnits(units) for token, units in reserved.items()},
            unpayable=sum(row.last_error == NO_FUNDS for row in rows if row.nonce is None),
            wallets=self._wallet_gauges(access, wallets, sight),
            endpoints=sight.endpoints,
            gas_price_wei=sight.gas_price_wei,
            earned=sight.earned,
            past=self._past(access.settings.chain_id, now),
        )

    def _past(self, chain_id: ChainId, now: Instant) -> tuple[Snapshot, ...]:
        """Keep the sums of an hour ago, so that what is recent can be told from what is not."""
        before = self.statistics.gauges(chain_id)
        return snapshots(before.past if before else (), self.statistics.counts(chain_id), now)

    def _sight(self, access: ChainAccess, wallets: Sequence[Wallet]) -> _Sight:
        """Read the chain; what cannot be read is left out."""
        chain, endpoints = access.chain, tuple[EndpointGauge, ...]()
        try:
            endpoints = tuple(self._endpoint_gauge(access, probe) for probe in chain.probe())
            if all(endpoint.trouble for endpoint in endpoints):
                # They are not asked again: whoever hangs would keep us waiting at every question.
                return _Sight(endpoints=endpoints)
            head, addresses = chain.head(), [wallet.address for wallet in wallets]
            return _Sight(
                endpoints=endpoints,
                head=head,
                final=self._finality(access)(head),
                balances=dict(zip(addresses, chain.balances(addresses), strict=True)) if wallets else {},
                delegated=chain.delegated(addresses) if wallets else frozenset(),
                gas_price_wei=_gas_price(access),
                earned=self._earned(access),
            )
        except ChainUnreachableError as error:
            self.log.warning("chain not gauged", chain_id=error.chain_id, cause=error.cause)
            return _Sight(endpoints=endpoints)

    def _endpoint_gauge(self, access: ChainAccess, probe: EndpointProbe) -> EndpointGauge:
        now, head = self.clock.now(), probe.head
        return EndpointGauge(
            number=probe.number,
            took_ms=probe.took_ms,
            head=head.number if head else None,
            head_age_seconds=_head_age(head, now) if head else None,
            is_behind=head is not None and access.settings.is_stale(head.timestamp_seconds, now),
            trouble=probe.trouble,
            rests=probe.rests,
        )

    def _earned(self, access: ChainAccess) -> Mapping[Address, TokenUnits]:
        """Read the fees that wait in contracts; what does not answer as it should holds none."""
        earned: Counter[Address] = Counter()
        for kind in self.kinds.values():
            reads = kind.fees_held(access.settings)
            answers = access.chain.read(list(reads.values())).answers if reads else ()
            for token, answer in zip(reads, answers, strict=True):
                if isinstance(answer, bytes) and len(answer) == _WORD:
                    earned[token] += min(int.from_bytes(answer), MONEY_LIMIT - 1)
        return {token: TokenUnits(units) for token, units in earned.items()}

    def _finality(self, access: ChainAccess) -> Finality:
        canonical = Canonical(chain=access.chain, log=self.log)
        return Finality(settings=access.settings, canonical=canonical, clock=self.clock, log=self.log)

    def _open_rows(self, access: ChainAccess, wallets: Iterable[Wallet]) -> list[Transaction]:
        """Read what waits for a nonce, and what has one that is not settled."""
        waiting = self.store.watched(access.settings.chain_id, limit=MOST_WAITING)
        bound = (row.intents for wallet in wallets for row in self.wallets.open_nonces(wallet))
        names = dict.fromkeys(
            [due.transaction_id for due in waiting] + [name for names in bound for name in names]
        )
        rows = self.store.get_many(list[TransactionId](names)) if names else ()
        return [row for row in rows if not row.status.is_terminal]

    def _wallet_gauges(
        self, access: ChainAccess, wallets: Sequence[Wallet], sight: _Sight
    ) -> tuple[WalletGauge, ...]:
        seen = (self._marked(wallet, sight, access) for wallet in wallets)
        return tuple(
            WalletGauge(
                address=wallet.address,
                balance_wei=sight.balances.get(wallet.address),
                state=wallet.state,
                is_low=wallet.is_low,
                day_spent_wei=wallet.spent_on(day_of(self.clock.now())),
                window=wallet.limit,
                window_used=wallet.open_count,
                window_free=wallet.free(wallet.limit),
            )
            for wallet in seen
        )

    def _marked(self, wallet: Wallet, sight: _Sight, access: ChainAccess) -> Wallet:
        """Write on a wallet's row what submit has to know of its account, where that has changed."""
        balance, is_delegated = sight.balances.get(wallet.address), wallet.address in sight.delegated
        if balance is None:
            return wallet
        low = is_low(
            balance,
            was_low=wallet.is_low,
            low_balance=access.settings.low_balance_wei,
            needed=wallet.needed_balance,
        )
        seen = replace(wallet, is_low=low, is_delegated=is_delegated)
        if seen != wallet:
            self.wallets.note(seen)
            said = {"chain_id": wallet.chain_id, "wallet": wallet.address, "balance_wei": str(balance)}
            self.log.warning("wallet marked", is_low=low, is_delegated=is_delegated, **said)
        return seen

    def _emit(self, gauges: Gauges, access: ChainAccess) -> None:
        add, chain_id = self.metrics.add, access.settings.chain_id
        if gauges.head_age_seconds is not None:
            add(Metric.HEAD_AGE, gauges.head_age_seconds, chain_id=chain_id)
        add(Metric.UNPAYABLE, gauges.unpayable, chain_id=chain_id)
        add(Metric.OUTBOX_AGE, gauges.outbox_age_seconds, chain_id=chain_id)
        for status in (status for status in Status if not status.is_terminal):
            add(Metric.OPEN, gauges.open_by_status.get(status, 0), chain_id=chain_id, status=status.value)
        for token in access.settings.tokens:
            add(Metric.RESERVED, gauges.reserved.get(token, 0), chain_id=chain_id, token=token)
        for wallet in gauges.wallets:
            if wallet.state is WalletState.RETIRED:
                continue  # whatever it has left is no alarm
            of: dict[str, str | int] = {"chain_id": chain_id, "wallet": wallet.address}
            if wallet.balance_wei is not None:
                add(Metric.WALLET_BALANCE, wallet.balance_wei / _WEI_PER_COIN, **of)
            if budget := access.settings.wallet_daily_gas_wei:
                add(Metric.BUDGET_USED, 100 * wallet.day_spent_wei // budget, **of)
            add(Metric.WINDOW_USED, wallet.window_used, **of)
            if wallet.state is WalletState.ACTIVE:
                add(Metric.WINDOW_FREE, wallet.window_free, **of)


def _head_age(head: Block, now: Instant) -> Seconds:
    return _age(Instant(head.timestamp_seconds * 1000), now)


def _gas_price(access: ChainAccess) -> Wei:
    settings = access.settings
    return expected_gas_price(
        access.chain.fee_history(),
        Tier.NORMAL,
        min_tip=settings.min_priority_fee_wei,
        cap=settings.fee_cap(Tier.NORMAL),
    )


def _age(since: Instant, now: Instant) -> Seconds:
    return Seconds(max(now - since, 0) // 1000)
