"""What the commands print: results to stdout, notes to stderr, as much as was asked for."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from glassrt.compiler.cli import console
from glassrt.compiler.cli.verbosity import verbosity
from glassrt.compiler.report.presented import Block, Report, Table


class Rows(Report):
    def to_json(self) -> list[int]:
        return [0, 1, 2]

    def blocks(self) -> Iterable[Block]:
        yield "line\x07"
        yield Table("rows", ("n",), [(n,) for n in range(3)])


def test_a_report_is_printed_as_text_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.tell(Rows(), as_json=False, top=2)
    assert capsys.readouterr().out.split() == ["line\\x07", "rows", "n", "0", "1", "...", "and", "1", "more"]
    console.tell(Rows(), as_json=True)
    assert capsys.readouterr().out.split() == ["[", "0,", "1,", "2", "]"]


def test_notes_are_not_said_where_they_are_not_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    console.say("a note")
    monkeypatch.setattr(verbosity, "quiet", True)
    console.say("another")
    assert capsys.readouterr().err == "a note\n"
