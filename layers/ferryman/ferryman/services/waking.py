"""Waking confirm: raise the counter, and start a run if nobody holds the lease."""

from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import ChainId
from ferryman.ports import Clock, Confirmer, LeaseStore, Log


def wake(chain_id: ChainId, leases: LeaseStore, confirmer: Confirmer, clock: Clock, log: Log) -> None:
    """Make sure that confirm looks at a chain soon; if this fails, the schedule does within a minute."""
    try:
        if not leases.wake(chain_id, now=clock.now()):
            confirmer.start(chain_id)
    except StoreUnavailableError as error:
        log.warning("confirm not woken, the schedule will start it", chain_id=chain_id, cause=str(error))
