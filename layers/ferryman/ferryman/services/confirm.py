"""Confirmation: look at the chains while anything is open, under one lease each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ferryman.domain.errors import ChainUnreachableError, StaleRowError, StoreUnavailableError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.ports import Block, Clock, Confirmer, Lease, LeaseStore, Log, Metrics
from ferryman.services.chains import Chains
from ferryman.services.following import Follower
from ferryman.services.pacing import Pace
from ferryman.services.sweeping import Sweep

LEASE_MS: Final = 15_000
"""How long a run that died keeps others from its chain."""
_AT_ONCE: Final = Instant(0)
_LONGEST_GLANCES_MS: Final = 5_000
"""How long a run may go without reading its tables: well below its lease."""


@dataclass(slots=True)
class _Watch:
    """A chain whose lease this run holds."""

    lease: Lease
    follower: Follower
    pace: Pace
    head: Block | None = None
    is_open: bool = True
    """Whether the last look left anything to look at again."""
    is_lost: bool = False
    """Another run holds the lease."""
    next_look: Instant = _AT_ONCE
    through_at: Instant | None = None
    """When it looked last, if only a new block or time can tell more since."""

    def may_glance(self, now: Instant) -> bool:
        """Whether to read no more than the newest block: what time alone brings on can wait for a block."""
        longest = min(self.pace.block_time_ms * 5 // 4, _LONGEST_GLANCES_MS)
        return self.through_at is not None and now - self.through_at < longest


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """Follows chains and sweeps rows; one run at a time per chain."""

    chains: Chains
    follower: Callable[[ChainId], Follower]
    sweep: Sweep
    leases: LeaseStore
    confirmer: Confirmer
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(self, chain_ids: Iterable[ChainId], *, until: Instant) -> None:
        """Look at chains until nothing is open on them, or the run has to end.

        Args:
            chain_ids: the chains; one whose lease somebody holds is left to them.
            until: when the run has to end; a chain with something open is handed to a new run.

        Raises:
            StoreUnavailableError: the leases cannot be read or written.

        """
        watches = [watch for chain_id in chain_ids if (watch := self._watch(chain_id))]
        while watches:
            for watch in watches:
                if watch.next_look <= self.clock.now():
                    self._look(watch)
            watches = [watch for watch in watches if not watch.is_lost and self._goes_on(watch)]
            if self._is_time_up(watches, until):
                break
            self._sleep(watches)
        for watch in watches:
            self._hand_over(watch)

    def _watch(self, chain_id: ChainId) -> _Watch | None:
        now = self.clock.now()
        lease = self.leases.take(chain_id, until=Instant(now + LEASE_MS), now=now)
        if lease is None:
            return None
        follower = self.follower(chain_id)
        follower.anchor = lease.anchor
        return _Watch(lease, follower, Pace(self.chains[chain_id].settings.block_time_ms))

    def _look(self, watch: _Watch) -> None:
        """Look once; trouble with the chain or a table leaves the chain open for the next look.

        Looks around the time when a block is due find none more often than not: those read nothing else.
        """
        now, chain_id = self.clock.now(), watch.lease.chain_id
        head = None
        try:
            if watch.may_glance(now):
                head = watch.follower.chain.head()
                if watch.follower.has_seen(head):
                    watch.next_look = watch.pace.after(head, now)
                    return
            watch.through_at = None
            watch.lease = self.leases.renew(watch.lease, until=Instant(now + LEASE_MS), head=watch.head)
            seen = watch.follower.look(head)
            watch.head = seen.head
            watch.through_at = now if seen.is_through else None
            # Nothing is swept while the chain is away: it comes due meanwhile, and goes at once after.
            resting = partial(watch.follower.resting, head=seen.head)
            wanted = self.sweep(chain_id, freed=seen.freed, resting=resting)
            watch.is_open = bool(seen.open_nonces) or wanted
            self.metrics.add(Metric.CONFIRM_LOOKS, chain_id=chain_id)
        except StaleRowError as error:
            self.log.warning("lease lost", chain_id=chain_id, cause=str(error))
            watch.is_lost = True
        except (ChainUnreachableError, StoreUnavailableError) as error:
            self.log.warning("could not look", chain_id=chain_id, cause=str(error))
            watch.is_open = True
        watch.next_look = watch.pace.after(watch.head, now)

    def _goes_on(self, watch: _Watch) -> bool:
        """Whether to look again: something is open, or came while the lease was given back."""
        if watch.is_open:
            return True
        try:
            wakes = self.leases.release(watch.lease, anchor=watch.follower.anchor)
        except StaleRowError:
            return False
        if wakes == watch.lease.wake:
            return False
        again = self._watch(watch.lease.chain_id)
        if again is None:
            return False
        watch.lease, watch.is_open, watch.next_look = again.lease, True, _AT_ONCE
        watch.follower.anchor = again.lease.anchor
        return True

    def _is_time_up(self, watches: Iterable[_Watch], until: Instant) -> bool:
        longest = max((watch.pace.block_time_ms for watch in watches), default=0)
        return self.clock.now() + 2 * longest >= until

    def _sleep(self, watches: Iterable[_Watch]) -> None:
        next_look = min((watch.next_look for watch in watches), default=_AT_ONCE)
        pause = next_look - self.clock.now()
        if pause > 0:
            self.clock.sleep(Milliseconds(pause))

    def _hand_over(self, watch: _Watch) -> None:
        """Give the lease back with work left, and let a new run take it."""
        chain_id = watch.lease.chain_id
        try:
            self.leases.release(watch.lease, anchor=watch.follower.anchor)
            self.confirmer.start(chain_id)
        except (StaleRowError, StoreUnavailableError) as error:
            self.log.warning("not handed over, the schedule goes on", chain_id=chain_id, cause=str(error))
