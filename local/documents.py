"""Parts of the documents that are made from the sources; `python -m local.documents` writes them anew."""

from pathlib import Path
from typing import Any, Final

from local.paths import ROOT
from tests.support.template import template

DEPLOY: Final = ROOT / "docs" / "deploy.md"
_BEGIN: Final = "<!-- parameters: `python -m local.documents` replaces what is between these two lines -->"
_END: Final = "<!-- /parameters -->"


def with_parameters(text: str) -> str:
    """Give a document's text with the table of the template's parameters in its place.

    Raises:
        ValueError: the document has no such place.

    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        msg = "the document lacks the two lines between which the parameters are written"
        raise ValueError(msg)
    return f"{before}{begin}\n\n{_table()}\n\n{end}{after}"


def _table() -> str:
    rows = [
        f"| `{name}` | {_default(one)} | {_escaped(one['Description'])} |"
        for name, one in template()["Parameters"].items()
    ]
    return "\n".join(["| parameter | default | |", "|---|---|---|", *rows])


def _default(parameter: dict[str, Any]) -> str:
    if "Default" not in parameter:
        return "none: give it"
    return f"{parameter['Default']}" if parameter["Default"] != "" else "empty"


def _escaped(text: str) -> str:
    """Keep `<this>` from being taken for HTML, and a bar for a column."""
    return text.replace("<", "\\<").replace("|", "\\|")


def main(document: Path = DEPLOY) -> None:
    """Rewrite the document."""
    document.write_text(with_parameters(document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
