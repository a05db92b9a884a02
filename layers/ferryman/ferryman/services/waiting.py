"""Waiting is state on the row: when it wants attention again, and why it could not go on."""

from dataclasses import replace
from typing import Final

from ferryman.domain.errors import StaleRowError
from ferryman.domain.transaction import Transaction, wait_milliseconds
from ferryman.domain.units import Instant
from ferryman.ports import Change, Clock, Log, TransactionStore
from ferryman.services.about import about

NO_WINDOW: Final = "no free wallet window"
"""What a row waits for that only lacks a nonce."""
NO_WALLET: Final = "every wallet is drained or retired"
"""What a row waits for when operators have taken all wallets out of use."""


def put_off(row: Transaction, cause: str, *, store: TransactionStore, clock: Clock, log: Log) -> None:
    """Let a row wait a little longer than the last time; the sweep brings it back.

    Raises:
        StoreUnavailableError: the wait could not be written down.

    """
    waiting = replace(
        row,
        due_at=Instant(clock.now() + wait_milliseconds(row.waits)),
        waits=row.waits + 1,
        starts=0,
        last_error=cause,
        version=row.version + 1,
    )
    try:
        store.write(Change(before=row, after=waiting))
    except StaleRowError:
        log.info("somebody else went on with the row", **about(row))
    else:
        log.info("waiting", **about(row), cause=cause, waits=waiting.waits)
