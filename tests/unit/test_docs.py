"""The documents: every link and every named file leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.paths import ROOT

_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_TEST = re.compile(r"`((?:tests|contracts/test)/[\w/.-]+)(?:::(\w+))?`")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _pages() -> list[Path]:
    return sorted(
        {
            ROOT / "README.md",
            ROOT / "examples" / "README.md",
            *(ROOT / "docs").rglob("*.md"),
            *(ROOT / "clients").glob("*/README.md"),
        }
    )


def _anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get on the usual code hosts."""
    headings = _HEADING.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def _links(page: Path) -> Iterator[tuple[str, Path, str]]:
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield target, (page.parent / path).resolve() if path else page, anchor


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    """A link to a file that moved, or to a heading that was renamed, helps nobody."""
    dead = [
        target
        for target, path, anchor in _links(page)
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in _anchors(path))
    ]

    assert not dead


@pytest.mark.parametrize("page", _pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_a_page_names_exists(page: Path) -> None:
    """Proofs that a page claims can be run."""
    missing = [
        f"{path}::{name}"
        for path, name in _TEST.findall(page.read_text())
        if not (ROOT / path).exists() or (name and name not in (ROOT / path).read_text())
    ]

    assert not missing
