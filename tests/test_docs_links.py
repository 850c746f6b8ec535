"""README.md is short, and every relative link of the documentation leads to a file and a heading that are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MAX_README_LINES = 150
FENCE = re.compile(r"(?ms)^(```|~~~).*?^\1\s*$")
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"(?m)^#{1,6}\s+(.+?)\s*#*$")


def prose(page: Path) -> str:
    """Return the page without its blocks of code, in which nothing is a link or a heading."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(text: str) -> list[str]:
    """Return the targets of all links and pictures that do not leave the repository."""
    text = re.sub(r"`[^`\n]*`", "`code`", text)
    found = LINK.findall(text)
    return [target for target in found if not re.match(r"[a-z][a-z0-9+.-]*:", target)]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives the headings."""
    found: set[str] = set()
    for heading in HEADING.findall(text):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        repeats = sum(1 for known in found if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", known))
        found.add(f"{anchor}-{repeats}" if repeats else anchor)
    return found


def broken(page: Path, text: str) -> Iterator[str]:
    """Yield every link of a page that leads nowhere."""
    for target in links(text):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists():
            yield f"{target}: no such file"
        elif ROOT not in (path, *path.parents):
            yield f"{target}: outside the repository"
        elif anchor and anchor not in anchors(text if path == page else prose(path)):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    assert list(broken(page, prose(page))) == []


def test_there_are_links_to_check():
    assert len(links(prose(ROOT / "README.md"))) > 10


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < MAX_README_LINES


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[a](docs/none.md)", 1),
        ("![a](docs/none.png)", 1),
        ("[a](docs/latency.md#no-such-heading)", 1),
        ("[a](#here)", 1),
        ("## Here, `too`\n[a](#here-too)", 0),
        ("## A\n## A\n[a](#a-1)", 0),
        ("[a](../outside.md)", 1),
        ("[a](https://example.org/none.md) [b](docs/latency.md) `[c](none.md)`", 0),
    ],
)
def test_a_wrong_link_is_found(text, count):
    assert len(list(broken(ROOT / "README.md", text))) == count
