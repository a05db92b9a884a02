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
) -> None:
    """End a row that has no nonce.

    Raises:
        StoreUnavailableError: the end could not be written down.

    """
    name = kind.events[Step.FAILED]
    after, event = take_step(row, Step.FAILED, name=name, at=clock.now(), reason=reason)
    held = kind.reservation(row.payload) if row.status is Status.VALIDATED else None
    change = Change(before=row, after=replace(after, due_at=None), events=(event,))
    try:
        store.write(change, release=held)
    except StaleRowError:
        log.info("somebody else went on with the row", **about(row))
