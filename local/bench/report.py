"""Results as tables: for the terminal, and for docs/benchmarks.md."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from local.errors import LocalStackError
from local.progress import console

_BEGIN = "<!-- measured: `make bench` replaces what is between these two lines -->"
_END = "<!-- /measured -->"
_FEW = 10


@dataclass(frozen=True)
class ResultTable:
    """One table of results; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def show(self) -> None:
        """Print it."""
        table = Table(title=self.title, title_justify="left", caption=self.note, caption_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)

    def markdown(self) -> str:
        """Write it as Markdown."""
        head = [_line(self.columns), _line(["---", *("---:" for _ in self.columns[1:])])]
        lines = [f"### {self.title}", "", *head, *map(_line, self.rows)]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])


def number(value: float) -> str:
    """Write a measured value with as many digits as it deserves."""
    if math.isnan(value):
        return "-"
    return f"{value:.2f}" if abs(value) < _FEW else f"{value:,.0f}"


def write_measured(document: Path, tables: Iterable[ResultTable]) -> None:
    """Replace the measured part of a document.

    Raises:
        LocalStackError: the document has no such part.

    """
    before, begin, rest = document.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise LocalStackError(f"{document} lacks the two lines between which results are written")
    measured = "\n\n".join(table.markdown() for table in tables)
    document.write_text(f"{before}{begin}\n\n{measured}\n\n{end}{after}")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
