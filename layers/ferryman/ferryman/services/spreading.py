"""Spreading: the schedule's run gives each chain a run of its own, so that a silent one delays no other."""

from collections.abc import Sequence
from dataclasses import dataclass

from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import ChainId
from ferryman.ports import Confirmer, Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreading:
    """Says which chains a run follows, and starts runs for the others."""

    starter: Confirmer
    log: Log

    def __call__(self, chain_ids: Sequence[ChainId], *, only: ChainId | None) -> list[ChainId]:
        """Start a run for each of several chains, unless one is asked for.

        Args:
            chain_ids: the chains there are.
            only: the chain that this run was started for; None: it is the schedule's.

        Returns:
            Those that are left to this run: the one that was asked for, if there is such a chain; else
            the only one there is, and any that no run could be started for.

        """
        if only is not None:
            return [chain_id for chain_id in chain_ids if chain_id == only]
        if len(chain_ids) == 1:
            return list(chain_ids)
        return [chain_id for chain_id in chain_ids if not self._has_started(chain_id)]

    def _has_started(self, chain_id: ChainId) -> bool:
        try:
            self.starter.start(chain_id, scheduled=True)
        except StoreUnavailableError as error:
            self.log.warning("no run of its own, followed in this one", chain_id=chain_id, cause=str(error))
            return False
        return True
