"""docs/numerics.md has a row for every case that is tested, and says what others answer.

`pytest --update-golden` writes the table.
"""

from __future__ import annotations

import platform

import pytest

from .rows import ROWS
from .table import BEGIN, DOCUMENT, END, HEAD, VARYING, VERSIONS, answers, row_cells


def line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


@pytest.fixture(scope="module")
def lines(request: pytest.FixtureRequest) -> list[str]:
    """The lines of the table in the document, head and rule first."""
    before, rest = DOCUMENT.read_text("utf-8").split(BEGIN)
    table, after = rest.split(END)
    if request.config.getoption("--update-golden"):
        head = [line((*HEAD, *VERSIONS)), line(("---",) * (len(HEAD) + len(VERSIONS)))]
        table = "\n".join(["", *head, *(line((*row_cells(row), *answers(row))) for row in ROWS), ""])
        DOCUMENT.write_text(f"{before}{BEGIN}{table}{END}{after}", "utf-8")
    return table.strip().splitlines()


def cells(text: str) -> list[str]:
    return [cell.strip() for cell in text.strip("|").split("|")]


def test_the_document_has_a_row_per_case(lines: list[str]) -> None:
    """The same rows, in the same order, and no others."""
    assert cells(lines[0])[: len(HEAD)] == list(HEAD)
    assert [cells(text)[: len(HEAD)] for text in lines[2:]] == [list(row_cells(row)) for row in ROWS]


def test_others_answer_as_the_document_says(lines: list[str]) -> None:
    if cells(lines[0])[len(HEAD) :] != list(VERSIONS) or platform.machine() != "x86_64":
        pytest.skip(f"the answers are those of {' and '.join(cells(lines[0])[len(HEAD) :])} on x86-64")
    stated = {row.name: tuple(cells(text)[len(HEAD) :]) for row, text in zip(ROWS, lines[2:], strict=True)}
    found = {row.name: answers(row) for row in ROWS if row.op not in VARYING}
    assert not {name: (answer, stated[name]) for name, answer in found.items() if answer != stated[name]}
