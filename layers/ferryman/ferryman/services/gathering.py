"""Gathering: when there is a backlog, a run takes more of it than its messages name."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from ferryman.domain.backlog import PARTS, part_of
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.lanes import Lane, lane_of
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Instant, Milliseconds, TransactionId
from ferryman.ports import BacklogParts, Clock, Log, TransactionStore, Workers
from ferryman.services.chains import ChainAccess
from ferryman.services.crowds import Crowd
from ferryman.services.questions import Question, ask_together
from ferryman.services.waiting import NO_WINDOW

_LISTED_PER_TAKEN: Final = 4
"""Rows that are listed for each that is wanted: the runs that have their messages are at work on some."""
_TURN_MS: Final = Milliseconds(5_000)
"""How long a part of the backlog is a run's at most: as long as it takes to try, bind and sign, and more."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows that may share transactions, and what they were taken from."""

    rows: list[Transaction]
    leaving: list[Question[None]]
    """Lets others take from the parts of the backlog that these are of; asked in the end, if not before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Fills a batch up from the rows that wait."""

    store: TransactionStore
    parts: BacklogParts
    workers: Workers
    """What does not need each other's answers is asked at the same time: somebody waits for each row."""
    clock: Clock
    log: Log

    @contextmanager
    def __call__(
        self,
        rows: Sequence[Transaction],
        access: ChainAccess,
        crowd: Crowd,
    ) -> Iterator[Gathered]:
        """Give the rows with others of the backlog, as many as fill their batches.

        Those are of parts of the backlog that no other run takes from until this is left, or what it gives
        to ask for that was asked: of two that prepare the same rows, one would do so in vain.

        There is a backlog if there is a crowd, or if one of the rows has waited for a free nonce. Without
        one a row goes on alone, and at once.

        That is an economy: if the others cannot be read, these go on without them.

        Args:
            rows: what can go on now.
            access: their chain.
            crowd: how many came at once, and how few nonces there are.

        """
        missing, leaving = self._missing(rows, access, crowd), list[Question[None]]()
        try:
            others = self._others(rows, access, missing, leaving) if missing else []
            yield Gathered([*rows, *others], leaving)
        finally:
            self.workers.work_off([[question.ask] for question in leaving if not question.is_asked])

    def _missing(self, rows: Sequence[Transaction], access: ChainAccess, crowd: Crowd) -> int:
        """Wait for others to come, if that is worth it; give how many fill the batches up."""
        settings = access.settings
        if settings.batch_size < settings.batch_min:
            return 0
        has_waited = self._waited(rows, access, crowd.wait(settings))
        if not (crowd.is_one(settings) or has_waited or any(row.last_error == NO_WINDOW for row in rows)):
            return 0
        return -len(rows) % settings.batch_size

    def _waited(self, rows: Sequence[Transaction], access: ChainAccess, wait: Milliseconds) -> bool:
        """Wait for others to come, until the oldest is so old, unless anything is urgent."""
        settings, now = access.settings, self.clock.now()
        oldest = min(row.received_at for row in rows)
        pause = min(oldest + wait - now, wait)
        if pause <= 0 or any(lane_of(row, settings, now) is Lane.EXPRESS for row in rows):
            return False
        self.clock.sleep(Milliseconds(pause))
        return True

    def _parts_of(self, rows: Sequence[Transaction]) -> Iterable[int]:
        """Give all parts of the backlog, those that the rows are in first."""
        return dict.fromkeys([*(part_of(row.transaction_id) for row in rows), *range(PARTS)])

    def _others(
        self,
        rows: Sequence[Transaction],
        access: ChainAccess,
        missing: int,
        leaving: list[Question[None]],
    ) -> list[Transaction]:
        """Take as many others out of the backlog, if there are; add how to leave what they come from."""
        taken = list[Transaction]()
        known, seed = {row.transaction_id for row in rows}, int(rows[0].transaction_id[2:10], 16)
        # Most often the first is enough, and others are left to other runs.
        first, *further = self._parts_of(rows)

        def listed(parts: Sequence[int], most: int) -> list[TransactionId]:
            found = self._listed(parts, access, most * _LISTED_PER_TAKEN, leaving)
            names = [name for name in found if name not in known]
            # The first ones are those whose messages other runs have in hand.
            start = seed % max(len(names) - most, 1)
            return names[start : start + most]

        try:
            names = listed([first], missing)
            if len(names) < missing:
                names += listed(further, missing - len(names))
                further = []
            taken += self._going(names, rows, access)
            if further and len(taken) < missing:
                taken += self._going(listed(further, missing - len(taken)), rows, access)
        except StoreUnavailableError as error:
            self.log.warning("batch not filled up", cause=str(error), rows=len(rows))
        return taken

    def _listed(
        self, parts: Sequence[int], access: ChainAccess, limit: int, leaving: list[Question[None]]
    ) -> list[TransactionId]:
        """List what waits in those of some parts that nobody else takes from; they are this run's now."""
        until = Instant(self.clock.now() + _TURN_MS)
        # Listed while they are taken, and in vain where another run has one: somebody waits for these rows.
        taking = {part: Question(partial(self._take, access, part, until)) for part in parts}
        listing = {
            part: Question(partial(self.store.backlog, access.settings.chain_id, part=part, limit=limit))
            for part in parts
        }
        ask_together(self.workers, *taking.values(), *listing.values())
        mine = [part for part, question in taking.items() if question.answer()]
        leaving += [Question(partial(self._leave, access, part, until)) for part in mine]
        return [name for part in mine for _, name in listing[part].answer()]

    def _take(self, access: ChainAccess, part: int, until: Instant) -> bool:
        try:
            return self.parts.take(access.settings.chain_id, part, until=until, now=self.clock.now())
        except StoreUnavailableError as error:
            self.log.warning("part of the backlog not taken", cause=str(error))
            return False

    def _going(
        self, names: Sequence[TransactionId], rows: Sequence[Transaction], access: ChainAccess
    ) -> list[Transaction]:
        """Read what was listed, and give what is like the rows and could be bound now."""
        settings, now = access.settings, self.clock.now()
        found = self.store.get_many(names) if names else ()
        alike = {(row.kind, lane_of(row, settings, now)) for row in rows}
        return [
            row for row in found if _may_go(row, now) and (row.kind, lane_of(row, settings, now)) in alike
        ]

    def _leave(self, access: ChainAccess, part: int, until: Instant) -> None:
        try:
            self.parts.leave(access.settings.chain_id, part, until=until)
        except StoreUnavailableError as error:
            self.log.warning("part of the backlog not left, its time runs out", cause=str(error))


def _may_go(row: Transaction, now: Instant) -> bool:
    """Whether a row could be bound now: not before its time, unless all it waits for is a nonce."""
    is_timely = now // 1000 < row.deadline_seconds
    is_due = not row.waits or row.last_error == NO_WINDOW or (row.due_at is not None and row.due_at <= now)
    return row.status is Status.VALIDATED and row.permanent_reason is None and is_timely and is_due
