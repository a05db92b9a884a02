"""Watching: follow the contracts of the chains into cached account state, under one lease each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ferryman.domain.errors import (
    ChainMovedError,
    ChainUnreachableError,
    ContractMismatchError,
    StaleRowError,
    StoreUnavailableError,
    TooManyLogsError,
)
from ferryman.domain.metrics import Metric
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.ports import Clock, Confirmer, CursorStore, Following, Log, Metrics
from ferryman.services.chains import Chains
from ferryman.services.tracking import Tracker

LEASE_MS: Final = Milliseconds(15_000)
"""How long a run that died keeps others from its chain."""
ACTIVE_MS: Final = 300_000
"""How long after the last change of an account a chain is looked at once a block; else once a run."""
_SHORTEST_PAUSE_MS: Final = 100
_BLOCK_PARTS: Final = 4
"""Without a new block, look again after this part of a block time: looks fall into step with blocks."""
_TOLD_MS: Final = 10_000
"""How often a chain's lag is told."""
_AT_ONCE: Final = Instant(0)


@dataclass(slots=True)
class _Chain:
    """A chain that this run follows."""

    following: Following
    tracker: Tracker
    block_time_ms: Milliseconds
    is_lost: bool = False
    """Another run follows it, or nobody can."""
    has_failed: bool = False
    """Whether the last look came to nothing."""
    next_look: Instant = _AT_ONCE
    next_told: Instant = _AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Follows chains; one run at a time per chain."""

    chains: Chains
    tracker: Callable[[ChainId], Tracker]
    cursors: CursorStore
    successor: Confirmer
    """Starts the next run of this very step."""
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(self, chain_ids: Iterable[ChainId], *, until: Instant) -> None:
        """Follow chains while payments move on them, or look at each once.

        Args:
            chain_ids: the chains; one that somebody follows is left to them.
            until: when the run has to end; a chain where payments move is handed to a new run.

        Raises:
            StoreUnavailableError: the cursors cannot be read or written.

        """
        chains = [chain for chain_id in chain_ids if (chain := self._taken(chain_id))]
        while chains:
            for chain in chains:
                if chain.next_look <= self.clock.now():
                    self._look(chain)
            chains = [chain for chain in chains if not chain.is_lost and self._goes_on(chain)]
            if self._is_time_up(chains, until):
                break
            self._sleep(chains)
        for chain in chains:
            self._hand_over(chain)

    def _taken(self, chain_id: ChainId) -> _Chain | None:
        now = self.clock.now()
        following = self.cursors.take(chain_id, until=Instant(now + LEASE_MS), now=now)
        if following is None:
            return None
        return _Chain(following, self.tracker(chain_id), self.chains[chain_id].settings.block_time_ms)

    def _look(self, chain: _Chain) -> None:
        """Look once; after trouble with the chain or a table the next look does it again."""
        now, before = self.clock.now(), chain.following.cursor
        chain_id = chain.following.chain_id
        chain.has_failed = True
        try:
            chain.following = chain.tracker.look(chain.following)
            chain.has_failed = False
        except StaleRowError as error:
            self.log.warning("followed by another run", chain_id=chain_id, cause=str(error))
            chain.is_lost = True
        except ContractMismatchError as error:
            self.log.error("not followed", chain_id=chain_id, cause=str(error))  # noqa: TRY400 (our Log port)
            chain.is_lost = True
        except (ChainUnreachableError, ChainMovedError, TooManyLogsError, StoreUnavailableError) as error:
            self.log.warning("could not follow", chain_id=chain_id, cause=str(error))
        self._tell(chain)
        after = chain.following.cursor
        has_moved = after is not None and (before is None or before.number != after.number)
        pause = chain.block_time_ms if has_moved else chain.block_time_ms // _BLOCK_PARTS
        is_behind = chain.tracker.is_behind and not chain.has_failed
        chain.next_look = _AT_ONCE if is_behind else Instant(now + max(pause, _SHORTEST_PAUSE_MS))

    def _tell(self, chain: _Chain) -> None:
        """Tell how far behind the chain the cursor is: in blocks, and by the clock."""
        now, cursor = self.clock.now(), chain.following.cursor
        if cursor is None or now < chain.next_told:
            return
        chain.next_told = Instant(now + _TOLD_MS)
        chain_id, lag = chain.following.chain_id, chain.tracker.blocks_behind
        if lag is not None:
            self.metrics.add(Metric.WATCH_LAG_BLOCKS, lag, chain_id=chain_id)
        seconds = max(now // 1000 - cursor.timestamp_seconds, 0)
        self.metrics.add(Metric.WATCH_LAG_SECONDS, seconds, chain_id=chain_id)

    def _goes_on(self, chain: _Chain) -> bool:
        """Whether to look again: payments move, or older blocks are to be caught up on."""
        cursor = chain.following.cursor
        is_active = cursor is not None and self.clock.now() - cursor.changed_at < ACTIVE_MS
        if is_active or chain.tracker.is_behind:
            return True
        self._leave(chain)
        return False

    def _is_time_up(self, chains: Iterable[_Chain], until: Instant) -> bool:
        longest = max((chain.block_time_ms for chain in chains), default=0)
        return self.clock.now() + 2 * longest >= until

    def _sleep(self, chains: Iterable[_Chain]) -> None:
        next_look = min((chain.next_look for chain in chains), default=_AT_ONCE)
        pause = next_look - self.clock.now()
        if pause > 0:
            self.clock.sleep(Milliseconds(pause))

    def _leave(self, chain: _Chain) -> bool:
        """Give the lease back, unless the cursor does not cover all that is written: then it runs out."""
        if not chain.tracker.is_clean:
            return False
        try:
            self.cursors.leave(chain.following)
        except (StaleRowError, StoreUnavailableError) as error:
            chain_id = chain.following.chain_id
            self.log.warning("not given back", chain_id=chain_id, cause=str(error))
            return False
        return True

    def _hand_over(self, chain: _Chain) -> None:
        """Let a new run follow on; after trouble, or if that fails, the schedule does within a minute."""
        chain_id = chain.following.chain_id
        if not self._leave(chain) or chain.has_failed:
            return
        try:
            self.successor.start(chain_id)
        except StoreUnavailableError as error:
            self.log.warning("not handed over, the schedule goes on", chain_id=chain_id, cause=str(error))
