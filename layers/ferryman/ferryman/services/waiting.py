"""Waiting is state on the row: when it wants attention again, and why it could not go on."""

from dataclasses import replace
from typing import Final

from ferryman.domain.changing import changed
from ferryman.domain.errors import StaleRowError
from ferryman.domain.transaction import Transaction, wait_milliseconds
from ferryman.domain.units import Instant
from ferryman.ports import Change, Clock, Log, TransactionStore
from ferryman.services.about import about
from ferryman.services.chains import ChainAccess

NO_WINDOW: Final = "no free wallet window"
"""What a row waits for that only lacks a nonce."""
NO_FUNDS: Final = "no wallet can pay for it"
"""What a row waits for whose gas is more than any wallet has left."""
OVER_BUDGET: Final = "the day's gas budget is used up"
"""What a row waits for until the next day (UTC)."""
NO_WALLET: Final = "every wallet is drained or retired"
"""What a row waits for when operators have taken all wallets out of use."""
RETRIES_EXHAUSTED: Final = "retries_exhausted"
"""Why a row is given up that failed too often."""


def put_off(row: Transaction, cause: str, *, store: TransactionStore, clock: Clock, log: Log) -> None:
    """Let a row wait a little longer than the last time; the sweep brings it back.

    Raises:
        StoreUnavailableError: the wait could not be written down.

    """
    _write(row, waiting(row, cause, clock), store, log)


def put_off_failed(
    row: Transaction, cause: str, *, access: ChainAccess, store: TransactionStore, clock: Clock, log: Log
) -> Transaction | None:
    """Let a row wait after a failure that may be its own; after too many it is marked to be given up.

    Args:
        row: the row.
        cause: what failed.
        access: its chain, whose witnesses all say so if it is one failure too many.
        store: where the row is.
        clock: the time.
        log: gets a line.

    Returns:
        The row if it is to be given up.

    Raises:
        ChainUnreachableError: the chain's endpoints are not known any more.
        StoreUnavailableError: it could not be written down.

    """
    after = replace(waiting(row, cause, clock), failures=row.failures + 1)
    if after.failures >= access.settings.failures_allowed:
        said = len(access.chain.witnesses())
        after = replace(after, permanent_reason=RETRIES_EXHAUSTED, permanent_witnesses=said)
    is_written = _write(row, after, store, log)
    return after if is_written and after.permanent_reason else None


def waiting(row: Transaction, cause: str, clock: Clock) -> Transaction:
    """Give the row as it waits for the next try."""
    return changed(
        row,
        due_at=Instant(clock.now() + wait_milliseconds(row.waits)),
        waits=row.waits + 1,
        starts=0,
        last_error=cause,
        version=row.version + 1,
    )


def _write(row: Transaction, after: Transaction, store: TransactionStore, log: Log) -> bool:
    try:
        store.write(Change(before=row, after=after))
    except StaleRowError:
        log.info("somebody else went on with the row", **about(row))
        return False
    log.info("waiting", **about(row), cause=after.last_error, waits=after.waits, failures=after.failures)
    return True
