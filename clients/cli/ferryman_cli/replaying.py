"""`ferryman replay`: every transaction of a span of time goes on now, each as by `retry`."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ferryman_cli.client import AdminClient
from ferryman_cli.errors import RefusedError
from ferryman_cli.tables import Received, transactions_received

OPEN: Final = frozenset({"RECEIVED", "VALIDATED", "PENDING"})
RETRIABLE: Final = OPEN | {"FAILED"}
_EVERY: Final = 25
"""Transactions between two lines of progress."""
_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Window:
    """A span of time; both ends belong to it."""

    since: datetime
    until: datetime


def moment(text: str, now: datetime) -> datetime:
    """Read a moment: RFC 3339 with its offset, or how long ago it was (`90s`, `30m`, `2h`, `1d`).

    Raises:
        ValueError: it is neither.

    """
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    given = datetime.fromisoformat(text)
    if given.tzinfo is None:
        msg = "it names no offset from UTC"
        raise ValueError(msg)
    return given.astimezone(UTC)


def replay(
    client: AdminClient,
    window: Window,
    statuses: Collection[str],
    *,
    dry_run: bool,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Retry what was received in a window; it may be repeated at any time, and broken off.

    Args:
        client: the deployment.
        window: when they were received.
        statuses: which of them; CONFIRMED is never retried.
        dry_run: only list them.
        progress: gets a line now and then.

    Raises:
        CommandError: it could not be asked; what was retried before stays so.

    """
    found = transactions_received(client.target, window.since, window.until, statuses)
    refused: list[dict[str, str]] = []
    for number, one in enumerate(() if dry_run else found):
        if number % _EVERY == 0:
            progress(f"transactions {number + 1} of {len(found)}")
        try:
            client.post(f"/admin/transactions/{one.transaction_id}/retry", {})
        except RefusedError as error:
            # It has ended, or moves on by itself, or can succeed no more: the others still go on.
            refused.append({"transaction_id": one.transaction_id, "code": error.code, "reason": str(error)})
    return {
        "dry_run": dry_run,
        "since": window.since.isoformat(),
        "until": window.until.isoformat(),
        "transactions": [_told(one) for one in found],
        "replayed": 0 if dry_run else len(found) - len(refused),
        "refused": refused,
    }


def _told(one: Received) -> dict[str, str]:
    return {
        "transaction_id": one.transaction_id,
        "status": one.status,
        "received_at": one.received_at.isoformat(timespec="milliseconds"),
    }
