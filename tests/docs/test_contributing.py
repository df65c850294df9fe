"""What CONTRIBUTING.md tells to type is there, and the decisions are records of one form."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from .pages import ROOT, joined

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DECISIONS = ROOT / "docs" / "decisions"
HEADINGS = ["Context", "Decision", "Consequences", "What would change it"]
RECORDS = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("line", joined(PAGE, "sh").splitlines())
def test_a_command_is_there(line: str, request: pytest.FixtureRequest) -> None:
    program, *words = shlex.split(line)
    if program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(words) <= set(targets)
        return
    assert (program, words[:2]) == (".venv/bin/python", ["-m", "pytest"])
    for word in words[2:]:
        assert not word.startswith("tests/") or (ROOT / word).is_file()
        assert not word.startswith("--") or request.config.getoption(word) is not None


def test_variables_of_make_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"`make ([A-Z]+)=", PAGE):
        assert re.search(rf"^{name} \?=", makefile, re.MULTILINE), name


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_has_the_four_headings(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
    assert len(text.splitlines()) <= 60, "a record is short"


def test_every_decision_is_listed() -> None:
    listed = re.findall(r"\]\((.+?\.md)\)", (DECISIONS / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [record.name for record in RECORDS]
