"""Following all transactions of a sender, from now on, as gaplessly as a single one.

The list says what there is, the events of each say the rest; the WebSocket only says that it is time to look.
So what began, or began and ended, while no connection was open is found too.
"""

import json
from typing import Final, Protocol
from urllib.parse import quote

from ferryman_client.effects import Flow, Lost, Open, Pause, Receive, Send, Stream
from ferryman_client.following import POLL_SECONDS, SILENCE_SECONDS, Known, messages_in, read_events
from ferryman_client.models import Page, Record

_PAGE: Final = 100


class Reads(Protocol):
    """The calls that watching is made of."""

    patience_seconds: float

    def page(
        self, sender: str | None, status: str | None, limit: int | None, cursor: str | None
    ) -> Flow[Page]:
        """Read a page of a list."""
        ...

    def ticket(self) -> Flow[str]:
        """Get the right to open one WebSocket as the caller."""
        ...


class Watched:
    """What is known of a sender's transactions."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}

    def begin(self, records: tuple[Record, ...]) -> None:
        """Take what there is for known: its events so far are not told."""
        for record in records:
            known = Known(record.transaction_id, record.sequence)
            known.is_over = record.status.is_over
            self.known[record.transaction_id] = known

    def behind(self, records: list[Record]) -> list[Known]:
        """Give what has events that are not known, the oldest first."""
        listed = {record.transaction_id: record for record in records}
        for name in reversed(listed):
            self.known.setdefault(name, Known(name))
        return [
            known
            for name, known in self.known.items()
            # What is over may be opened again by a reorg: then its record has gone on.
            if (listed[name].sequence > known.sequence if name in listed else not known.is_over)
        ]


def sender_followed(calls: Reads, sender: str, websocket_url: str) -> Stream:
    """Give the events of a sender's transactions, until the caller stops.

    Raises:
        ApiError: the caller may not list or listen to this sender, or no longer.
        ConnectionFailedError: the deployment does not answer at all.

    """
    watched = Watched()
    watched.begin((yield from calls.page(sender, None, _PAGE, None)).records)
    while True:
        ticket = yield from calls.ticket()
        if not isinstance((yield Open(f"{websocket_url}?ticket={quote(ticket)}")), Lost):
            yield from _listened(calls, watched, sender)
        yield from _caught_up(calls, watched, sender)
        yield Pause(POLL_SECONDS)


def _listened(calls: Reads, watched: Watched, sender: str) -> Stream:
    """Look when the WebSocket says so, until it is lost."""
    subscription = Send(json.dumps({"action": "subscribe", "topic": f"sender:{sender}"}))
    if isinstance((yield subscription), Lost):
        return
    silences = 0
    while True:
        frame = yield Receive(SILENCE_SECONDS)
        if isinstance(frame, Lost) or (frame is None and silences):
            return
        if not isinstance(frame, str):
            silences += 1
            if isinstance((yield subscription), Lost):
                return
            continue
        silences = 0
        yield from _heard(calls, watched, sender, frame)


def _heard(calls: Reads, watched: Watched, sender: str, frame: str) -> Stream:
    """Tell a pushed event; read the rest where that is not all there is to know."""
    events = messages_in(frame)
    if not events:
        # Subscribed, or in trouble: either way it is time to look.
        yield from _caught_up(calls, watched, sender)
        return
    for event in events:
        known = watched.known.setdefault(event.transaction_id, Known(event.transaction_id))
        fresh, is_missing = known.news([event])
        yield from fresh
        if is_missing:
            yield from _told(calls, known)


def _caught_up(calls: Reads, watched: Watched, sender: str) -> Stream:
    """Find what is new in the list, and tell what is not known of it."""
    records: list[Record] = []
    cursor = None
    while True:
        page = yield from calls.page(sender, None, _PAGE, cursor)
        records += page.records
        cursor = page.next_cursor
        if cursor is None or any(record.transaction_id in watched.known for record in page.records):
            break
    for known in watched.behind(records):
        yield from _told(calls, known)


def _told(calls: Reads, known: Known) -> Stream:
    fresh, _ = known.news((yield from read_events(known, patience_seconds=calls.patience_seconds)))
    yield from fresh
