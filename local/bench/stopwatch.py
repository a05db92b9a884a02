"""Wall time, processor time, and what of it the tables in memory took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local.bench.report import number
from local.bench.timed_tables import TimedTables


@dataclass
class Stopwatch:
    """Adds up what happens inside `running`."""

    tables: TimedTables
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of this process; what the chain's own process computes is only waited for."""
    table_seconds: float = 0.0
    """Of the processor time, what the fake took."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure what happens inside."""
        wall, cpu, tables = time.perf_counter(), time.process_time(), self.tables.cpu_seconds
        yield
        self.wall_seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu
        self.table_seconds += self.tables.cpu_seconds - tables

    def cells(self, count: int) -> tuple[str, str, str]:
        """Write the milliseconds for each of `count`: wall, processor, processor without the fake."""
        own = self.cpu_seconds - self.table_seconds
        each = (self.wall_seconds, self.cpu_seconds, own)
        wall, cpu, ours = (number(seconds * 1000 / count) for seconds in each)
        return wall, cpu, ours

    def rates(self, count: int) -> tuple[str, str]:
        """Write how many a second one process does, and how many one core would, the fake left out."""
        own = self.cpu_seconds - self.table_seconds
        return number(count / self.wall_seconds), number(count / own)
