"""Tables for people; what they show is what `--json` gives.

Nothing that somebody may copy is ever cut: into a pipe a row is one line, however long, and on a terminal
that is too narrow for a table each row becomes a few lines.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_COLUMNS: Final = 10_000
_GAP: Final = "  "
_IS_TERMINAL: Final = sys.stdout.isatty()
console = Console(highlight=False, width=None if _IS_TERMINAL else _PIPE_COLUMNS)
_COLOURS = {
    "CONFIRMED": "green",
    "FAILED": "red",
    "PENDING": "yellow",
    "VALIDATED": "cyan",
    "RECEIVED": "magenta",
}


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str | None = None) -> None:
    """Print rows under their headings, or that there are none."""
    cells = [[cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row] for row in rows]
    if not cells:
        console.print(f"{title or 'Nothing here'}: none", style="dim")
        return
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, header_style="dim", no_wrap=True)
    for row in cells:
        shown.add_row(*row)
    if _fits(columns, cells):
        console.print(shown)
    else:
        _stacked(columns, cells, title)


def _fits(columns: Sequence[str], rows: Sequence[Sequence[Text]]) -> bool:
    """Whether every cell has room beside its neighbours."""
    widths = [
        max(len(column), *(row[place].cell_len for row in rows)) for place, column in enumerate(columns)
    ]
    return sum(widths) + len(_GAP) * (len(widths) - 1) <= console.width


def _stacked(columns: Sequence[str], rows: Sequence[Sequence[Text]], title: str | None) -> None:
    """Print each row as a few lines, every cell with its heading."""
    if title:
        console.print(title, style="bold")
    for row in rows:
        named = (Text.assemble((f"{name} ", "dim"), cell) for name, cell in zip(columns, row, strict=True))
        for line in packed(named):
            console.print(line, soft_wrap=True)


def packed(parts: Iterable[Text]) -> Iterator[Text]:
    """Put as many parts on a line as the terminal has room for; all lines but the first are indented."""
    line = Text()
    for part in parts:
        if not line:
            line = part.copy()
        elif line.cell_len + len(_GAP) + part.cell_len <= console.width:
            line = line + _GAP + part
        else:
            line.rstrip()
            yield line
            line = Text(_GAP) + part
    if line:
        line.rstrip()
        yield line


def pairs(title: str, values: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair a line; empty values are left out."""
    shown = [
        (name, value if isinstance(value, Text) else Text(plain(value)))
        for name, value in values
        if value not in (None, "", [])
    ]
    width = max((len(name) for name, _ in shown), default=0)
    console.print(title, style="bold", soft_wrap=True)
    for name, value in shown:
        for line in packed((Text(name.ljust(width), "dim"), value)):
            console.print(line, soft_wrap=True)


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
    """A hash or an address short enough for a table on a terminal; in a pipe it stays whole."""
    digits = 14
    if name is None:
        return "-"
    return f"{name[:8]}…{name[-4:]}" if _IS_TERMINAL and len(name) > digits else name


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


def events(found: Sequence[dict[str, Any]], *, with_names: bool) -> None:
    """Print events.

    Args:
        found: as the API gives them.
        with_names: whether each says of which transaction it is.

    """
    for event in found:
        head = Text(f"{event['at']}{_GAP}")
        if with_names:
            head.append(f"{event['transaction_id']}{_GAP}")
        head.append(f"{event['sequence']:>3}{_GAP}")
        head.append_text(status_text(f"{event['event']:<18}"))
        facts = [f"{name}={value}" for name, value in event["data"].items() if value is not None]
        for line in packed((head, *(Text(fact, "dim") for fact in facts))):
            console.print(line, soft_wrap=True)
