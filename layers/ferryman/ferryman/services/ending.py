"""Ending a transaction that never got a nonce: its funds are let go in the same write."""

from dataclasses import replace

from ferryman.domain.errors import StaleRowError
from ferryman.domain.events import Step
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.intents.kind import IntentKind
from ferryman.ports import Change, Clock, Log, TransactionStore
from ferryman.services.about import about


def fail_unbound(
    row: Transaction,
    reason: str,
    *,
    kind: IntentKind,
    store: TransactionStore,
    clock: Clock,
    log: Log,
    witnesses: int | None = None,
) -> None:
    """End a row that has no nonce.

    Args:
        row: as it was read.
        reason: a machine-readable word.
        kind: the row's.
        store: takes the end.
        clock: tells when it was.
        log: told if somebody else was faster.
        witnesses: how many endpoints say so, if the chain has a say in it.

    Raises:
        StoreUnavailableError: the end could not be written down.

    """
    name = kind.events[Step.FAILED]
    said = {} if witnesses is None else {"witnesses": witnesses}
    after, event = take_step(row, Step.FAILED, name=name, at=clock.now(), reason=reason, **said)
    held = kind.reservation(row.payload) if row.status is Status.VALIDATED else None
    change = Change(before=row, after=replace(after, due_at=None), events=(event,))
    try:
        store.write(change, release=held)
    except StaleRowError:
        log.info("somebody else went on with the row", **about(row))
