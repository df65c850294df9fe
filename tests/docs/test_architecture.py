"""The page on architecture is short, and its tables of folders leave none out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .index import NO_PART
from .pages import ROOT, quoted

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
MOST_LINES = 250
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE))
PARTS = ["codegen", "compiler", "dialects", "errors", "runtime", "templates", "testing", "tests"]


def folders(path: Path) -> set[str]:
    """The folders in PATH that hold something of the repository."""
    inner = (each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
    return {each.name for each in inner if each.name not in NO_PART and any(each.glob("*.*"))}


def test_every_part_has_a_section() -> None:
    assert sorted(SECTIONS) == PARTS


@pytest.mark.parametrize("part", PARTS)
def test_a_part_s_folders_are_all_there(part: str) -> None:
    named = {name.rstrip("/").removeprefix(f"{part}/") for name in quoted(SECTIONS[part])}
    assert folders(ROOT / part) - named == set()


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) <= MOST_LINES, "move a chapter to a page of its own"
