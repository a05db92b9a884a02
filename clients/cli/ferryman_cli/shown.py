"""Tables for people; what they show is what `--json` gives."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

console = Console(highlight=False)
_COLOURS = {
    "CONFIRMED": "green",
    "FAILED": "red",
    "PENDING": "yellow",
    "VALIDATED": "cyan",
    "RECEIVED": "magenta",
}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows under their headings, or that there are none."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, header_style="dim", overflow="fold")
    count = 0
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
        count += 1
    if count:
        console.print(shown)
    else:
        console.print(f"{title or 'Nothing here'}: none", style="dim")


def pairs(title: str, values: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair a line; empty values are left out."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, show_header=False)
    shown.add_column(style="dim")
    shown.add_column(overflow="fold")
    for name, value in values:
        if value not in (None, "", []):
            shown.add_row(name, value if isinstance(value, Text) else plain(value))
    console.print(shown)


def plain(value: object) -> str:
    """Write a value; nothing is a dash."""
    return "-" if value is None else str(value)


def status_text(status: str) -> Text:
    """A transaction's status in its colour."""
    return Text(status, style=_COLOURS.get(status, ""))


def alarm(text: object, *, when: bool) -> Text:
    """A value that is red when somebody has to look at it."""
    return Text(plain(text), style="bold red" if when else "")


def short(name: str | None) -> str:
    """A hash or an address short enough for a table."""
    digits = 14
    return "-" if name is None else name if len(name) <= digits else f"{name[:8]}…{name[-4:]}"


def age(moment: str | None) -> str:
    """How long ago something was."""
    if moment is None:
        return "-"
    seconds = int((datetime.now(tz=UTC) - datetime.fromisoformat(moment)).total_seconds())
    return span(seconds)


def span(seconds: int) -> str:
    """A duration in its two largest units."""
    for size, unit, rest_size, rest in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if abs(seconds) >= size:
            return f"{seconds // size}{unit} {seconds % size // rest_size}{rest}"
    return f"{seconds}s"


def transactions(records: Sequence[dict[str, Any]]) -> None:
    """Print records, one a line."""
    table(
        ("transaction", "status", "chain", "sender", "received", "hash", "waits for / failed with"),
        (
            (
                record["transaction_id"],
                status_text(record["status"]),
                record["chain_id"],
                short(record["sender"]),
                age(record["received_at"]),
                short(record["hash"]),
                record["waiting_for"] or record["reason"],
            )
            for record in records
        ),
        title="Transactions",
    )


def events(found: Sequence[dict[str, Any]]) -> None:
    """Print events, one a line."""
    for event in found:
        facts = "  ".join(f"{name}={value}" for name, value in event["data"].items() if value is not None)
        line = Text(f"{event['at']}  {event['transaction_id']}  {event['sequence']:>3}  ")
        line.append_text(status_text(f"{event['event']:<18}"))
        line.append(f"  {facts}", style="dim")
        console.print(line, soft_wrap=True)
