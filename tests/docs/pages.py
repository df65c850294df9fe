"""Reading the pages: their blocks of code, the tables, and what is set in backticks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """Fenced text: its KIND (`sh`, `python`, ...), and the last line that stands before it."""

    kind: str
    text: str
    lead: str


def pages() -> list[Path]:
    """Every page that speaks of the code."""
    beside = [ROOT / "benchmarks" / "README.md", ROOT / "tests" / "passes" / "README.md"]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), *beside]


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page's TEXT, in order."""
    for match in _FENCE.finditer(text):
        before = text[: match.start()].rstrip("\n").splitlines()
        yield Block(match[1], match[2], before[-1] if before else "")


def joined(text: str, kind: str) -> str:
    """All blocks of a KIND, as one."""
    return "".join(block.text for block in blocks(text) if block.kind == kind)


def marked(text: str, mark: str) -> str:
    """The block behind the comment `<!-- MARK -->`."""
    (block,) = (block for block in blocks(text) if block.lead == f"<!-- {mark} -->")
    return block.text


def quoted(text: str) -> Iterator[str]:
    """What stands in backticks outside the blocks."""
    for match in re.finditer(r"(?<!`)`([^`\n]+)`(?!`)", _FENCE.sub("", text)):
        yield match[1]
