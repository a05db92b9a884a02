"""Counting: running sums of what happened, kept where a scraper can read them."""

from collections import defaultdict
from collections.abc import Iterable
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

    def __call__(self, events: Iterable[Event]) -> None:
        """Count events that were told; trouble with the sums never stops the telling."""
        by_chain: defaultdict[ChainId, list[Event]] = defaultdict(list)
        for event in events:
            by_chain[event.chain_id].append(event)
        for chain_id, group in by_chain.items():
            if counts := counts_of(group):
                try:
                    self.statistics.count(chain_id, counts)
                except StoreUnavailableError as error:
                    self.log.warning("not counted", chain_id=chain_id, cause=str(error), events=len(group))
