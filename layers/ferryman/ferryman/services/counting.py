"""Counting: running sums of what happened, kept where a scraper can read them."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.events import Event
from ferryman.domain.statistics import counts_of
from ferryman.domain.units import ChainId
from ferryman.ports import Log, StatisticsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Adds a batch of events to the sums, in one write a chain."""

    statistics: StatisticsStore
    log: Log

    def __call__(self, events: Iterable[Event]) -> frozenset[ChainId]:
        """Count events; trouble with the sums never stops the telling.

        Returns:
            The chains whose sums have theirs.

        """
        return frozenset(
            chain_id
            for chain_id, group in _by_chain(events).items()
            if self._added(chain_id, counts_of(group), events=len(group))
        )

    def take_back(self, events: Iterable[Event], counted: Container[ChainId]) -> None:
        """Take events out of the sums: they are given again, and counted then.

        Args:
            events: of which some may not be in them.
            counted: what counting them said.

        """
        for chain_id, group in _by_chain(events).items():
            if chain_id in counted:
                negative = {name: -count for name, count in counts_of(group).items()}
                self._added(chain_id, negative, events=-len(group))

    def _added(self, chain_id: ChainId, counts: Mapping[str, int], *, events: int) -> bool:
        if counts:
            try:
                self.statistics.count(chain_id, counts)
            except StoreUnavailableError as error:
                self.log.warning("not counted", chain_id=chain_id, cause=str(error), events=events)
                return False
        return True


def _by_chain(events: Iterable[Event]) -> Mapping[ChainId, Sequence[Event]]:
    found: defaultdict[ChainId, list[Event]] = defaultdict(list)
    for event in events:
        found[event.chain_id].append(event)
    return found
