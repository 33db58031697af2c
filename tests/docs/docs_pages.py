"""Reads the documentation's pages: their code blocks, tables and links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)]

FENCE = re.compile(
    r"(?:^<!--\s*(?P<note>[^\n]*?)\s*-->\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)
TABLE = re.compile(r"^<!-- keys: (?P<places>[^\n]*?) -->\n(?P<rows>(?:^\|[^\n]*\n)+)", re.M)


@dataclass(frozen=True)
class Block:
    """A code block, with the comment that stands right above it."""

    page: Path
    line: int
    language: str
    text: str
    note: str

    def noted(self, kind):
        """Return what follows ``kind:`` in the note, or None."""
        return self.note.removeprefix(f"{kind}:").strip() if self.note.startswith(kind) else None


@dataclass(frozen=True)
class Row:
    """One key of a reference table."""

    key: str
    default: str


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start("text")), m["language"], m["text"], m["note"] or "")
        for m in FENCE.finditer(text)
    ]


def name_of(page):
    return str(page.relative_to(ROOT))


def tables(page):
    """Yield the places that each reference table is for, and its rows."""
    for match in TABLE.finditer(page.read_text(encoding="utf-8")):
        lines = [[c.strip() for c in line.split("|")[1:-1]] for line in match["rows"].splitlines()]
        heading, _, *rows = lines
        assert heading == ["key", "type", "unit", "default", "meaning"], (name_of(page), heading)
        assert all(len(r) == 5 and r[4] for r in rows), (name_of(page), rows)
        found = [Row(r[0].strip("`"), r[3].strip("`")) for r in rows]
        for place in match["places"].split(","):
            yield place.strip(), found


def anchors(page):
    """Return the names by which the headings of a page are linked."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def links(page):
    """Return the targets of a page's links that lead to no other site."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in found if "://" not in target]
