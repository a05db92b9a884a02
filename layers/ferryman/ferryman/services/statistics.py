"""Statistics: what a scraper reads, of all chains."""

from dataclasses import dataclass

from ferryman.domain.access import Caller, Role
from ferryman.domain.errors import FieldProblem, NotAllowedError
from ferryman.domain.pauses import Pause
from ferryman.domain.statistics import ChainStatistics
from ferryman.domain.units import ChainId
from ferryman.ports import PauseStore, StatisticsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The sums and the states that were kept, and what is paused; two reads a chain, and one."""

    statistics: StatisticsStore
    pauses: PauseStore
    chain_ids: tuple[ChainId, ...]

    def __call__(self, caller: Caller) -> tuple[tuple[ChainStatistics, ...], tuple[Pause, ...]]:
        """Read them.

        Raises:
            NotAllowedError: the caller's API key has no role that may.
            StoreUnavailableError: as its port says.

        """
        require_reader(caller)
        chains = tuple(
            ChainStatistics(
                chain_id=chain_id,
                counts=self.statistics.counts(chain_id),
                gauges=self.statistics.gauges(chain_id),
            )
            for chain_id in self.chain_ids
        )
        return chains, self.pauses.pauses()


def require_reader(caller: Caller) -> None:
    """Refuse whoever may not see how the deployment does: balances and volumes are the operator's."""
    if not caller.has(Role.READER):
        problem = FieldProblem("X-Api-Key", f"must be a key with the role {Role.READER} or more")
        raise NotAllowedError("This is for operators.", problem)
