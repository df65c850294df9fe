"""Results at a prompt, in print, in a notebook and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from glassrt.compiler.report.presented import SHOWN_ROWS, Block, Report, Table, table_text


@dataclass(frozen=True, repr=False)
class Numbers(Report):
    count: int

    def to_json(self) -> int:
        return self.count

    def blocks(self) -> Iterable[Block]:
        yield "a paragraph\x1b[31m"
        yield Table("squares", (">n", "<square>"), [(n, n * n) for n in range(self.count)], [("all", "")])


def test_a_prompt_shows_a_page_and_print_shows_all() -> None:
    report = Numbers(1000)
    assert len(repr(report).splitlines()) < SHOWN_ROWS + 10
    assert f"... and {1000 - SHOWN_ROWS} more" in repr(report) and "all" in repr(report)
    assert len(str(report).splitlines()) == 1000 + 5 and " more" not in str(report)
    assert " more" not in repr(Numbers(SHOWN_ROWS))


def test_the_first_rows_are_shown_as_asked() -> None:
    shown = Numbers(10).text(top=2).splitlines()
    assert shown[0] == "a paragraph\\x1b[31m"
    assert [line.split() for line in shown[3:]] == [
        ["n", "<square>"], ["0", "0"], ["1", "1"], ["all"], ["...", "and", "8", "more"]
    ]  # fmt: skip


def test_a_notebook_gets_one_table_with_all_rows_and_nothing_that_a_model_could_inject() -> None:
    shown = Numbers(50)._repr_html_()
    assert shown.count("<tr>") == 52 and shown.count("<table>") == shown.count("</table>") == 1
    assert "&lt;square&gt;" in shown and "<caption>squares</caption>" in shown
    assert "\x1b" not in shown and not re.search(r">\s*&gt;", shown)


@pytest.mark.parametrize("width", [40, 160])
def test_tables_fit_their_width(width: int) -> None:
    text = table_text(Table("", ("name", ">number"), [("long " * 30, 5)]), width)
    assert max(map(len, text.splitlines())) <= width
