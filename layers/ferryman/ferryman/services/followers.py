"""Making a follower of a chain: the parts that look at it, over one set of ports."""

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.domain.units import ChainId
from ferryman.intents.kind import IntentKind
from ferryman.ports import Clock, Log, Metrics, Queue, TransactionStore, WalletStore, Workers
from ferryman.services.canonical import Canonical
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.executions import Executions
from ferryman.services.finality import Finality
from ferryman.services.following import Follower
from ferryman.services.gaps import Gaps
from ferryman.services.positions import Positions
from ferryman.services.receipts import Receipts
from ferryman.services.recording import Recording
from ferryman.services.reopening import Reopening
from ferryman.services.resting import Resting
from ferryman.services.strangers import Strangers
from ferryman.services.wanting import Wanting
from ferryman.services.witnessing import Witnessing


@dataclass(frozen=True, slots=True, kw_only=True)
class Followers:
    """Makes a follower of each chain that is served."""

    chains: Chains
    kinds: Mapping[str, IntentKind]
    store: TransactionStore
    wallets: WalletStore
    queue: Queue
    workers: Workers
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(self, chain_id: ChainId) -> Follower:
        """Begin to follow a chain."""
        access = self.chains[chain_id]
        settings, chain = access.settings, access.chain
        canonical = Canonical(chain=chain, log=self.log)
        finality = Finality(settings=settings, canonical=canonical, clock=self.clock, log=self.log)
        reopening = self._reopening(access, canonical, finality)
        recording = self._recording(access)
        return Follower(
            settings=settings,
            chain=chain,
            store=self.store,
            wallets=self.wallets,
            canonical=canonical,
            finality=finality,
            reopening=reopening,
            resting=self._resting(canonical, finality, reopening),
            receipts=self._receipts(access),
            recording=recording,
            positions=Positions(settings=settings, chain=chain, clock=self.clock, log=self.log),
            strangers=self._strangers(access, recording, finality),
            gaps=Gaps(settings=settings, wallets=self.wallets, clock=self.clock, log=self.log),
            wanting=self._wanting(access),
            workers=self.workers,
            clock=self.clock,
        )

    def _reopening(self, access: ChainAccess, canonical: Canonical, finality: Finality) -> Reopening:
        return Reopening(
            chain_id=access.settings.chain_id,
            kinds=self.kinds,
            chain=access.chain,
            canonical=canonical,
            finality=finality,
            store=self.store,
            wallets=self.wallets,
            clock=self.clock,
            log=self.log,
            metrics=self.metrics,
        )

    def _resting(self, canonical: Canonical, finality: Finality, reopening: Reopening) -> Resting:
        return Resting(
            canonical=canonical,
            finality=finality,
            reopening=reopening,
            store=self.store,
            clock=self.clock,
            log=self.log,
        )

    def _receipts(self, access: ChainAccess) -> Receipts:
        witnessing = Witnessing(
            settings=access.settings, chain=access.chain, log=self.log, metrics=self.metrics
        )
        return Receipts(settings=access.settings, chain=access.chain, witnessing=witnessing)

    def _recording(self, access: ChainAccess) -> Recording:
        return Recording(
            kinds=self.kinds,
            access=access,
            executions=Executions(kinds=self.kinds, clock=self.clock),
            store=self.store,
            wallets=self.wallets,
            workers=self.workers,
            clock=self.clock,
            log=self.log,
        )

    def _strangers(self, access: ChainAccess, recording: Recording, finality: Finality) -> Strangers:
        return Strangers(
            kinds=self.kinds,
            settings=access.settings,
            chain=access.chain,
            store=self.store,
            recording=recording,
            finality=finality,
            log=self.log,
            metrics=self.metrics,
        )

    def _wanting(self, access: ChainAccess) -> Wanting:
        return Wanting(
            settings=access.settings,
            chain=access.chain,
            wallets=self.wallets,
            queue=self.queue,
            clock=self.clock,
            log=self.log,
        )
