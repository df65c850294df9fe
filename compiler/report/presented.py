"""Results that present themselves: as text with tables, as HTML in notebooks, and as JSON data.

The commands print the same blocks that a Python prompt and a notebook show, so there is one form of each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from .words import printable

PIPE_WIDTH = 160  # columns of a table where there is no terminal
SHOWN_ROWS = 20  # rows of each table that a prompt shows


@dataclass(frozen=True)
class Table:
    """Rows under named columns; a column whose name begins with `>` is right-justified.

    The last ROWS, `footer`, are shown however few of the others are asked for.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    footer: Sequence[Sequence[object]] = field(default=())

    def cut(self, top: int | None) -> Table:
        """This table with its first TOP rows; all for None."""
        return self if top is None else Table(self.title, self.columns, self.rows[:top], self.footer)

    def left_out(self, top: int | None) -> str:
        """A sentence about the rows that TOP leaves out; empty where there are none."""
        more = 0 if top is None else len(self.rows) - top
        return f"... and {more} more" if more > 0 else ""


Block = str | Table


class Report(ABC):
    """A result. At a prompt it shows a page, `print` shows all of it, and notebooks show tables."""

    @abstractmethod
    def to_json(self) -> Any:
        """The result as JSON data."""

    @abstractmethod
    def blocks(self) -> Iterable[Block]:
        """What is shown, in order: paragraphs and tables."""

    def text(self, top: int | None = None, width: int = PIPE_WIDTH) -> str:
        """The result as text in WIDTH columns, with the first TOP rows of each table."""
        parts = []
        for block in self.blocks():
            if isinstance(block, str):
                parts.append(printable(block))
                continue
            parts += [f"\n{printable(block.title)}" if block.title else "", table_text(block.cut(top), width)]
            parts.append(block.left_out(top))
        return "\n".join(part for part in parts if part)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text(SHOWN_ROWS)

    def _repr_html_(self) -> str:
        """The result for a notebook."""
        return "\n".join(_html(block) for block in self.blocks())


def table_text(table: Table, width: int) -> str:
    """TABLE without its title, in WIDTH columns, without spaces at the ends of lines."""
    shown = RichTable(box=None, pad_edge=False)
    for name in table.columns:
        right = name.startswith(">")
        shown.add_column(Text(name.lstrip(">")), justify="right" if right else "left", overflow="fold")
    for row in (*table.rows, *table.footer):
        shown.add_row(*(Text(printable(cell)) for cell in row))
    console = Console(width=width, highlight=False, markup=False, emoji=False, color_system=None)
    with console.capture() as captured:
        console.print(shown)
    return "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n"))


def _html(block: Block) -> str:
    if isinstance(block, str):
        return f"<pre>{escape(printable(block))}</pre>"
    caption = f"<caption>{escape(printable(block.title))}</caption>" if block.title else ""
    head = "".join(_cell("th", name, name) for name in block.columns)
    body = "".join(
        f"<tr>{''.join(map(_cell, ['td'] * len(row), block.columns, row))}</tr>"
        for row in (*block.rows, *block.footer)
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(tag: str, column: str, value: object) -> str:
    align = "right" if column.startswith(">") else "left"
    text = str(value).lstrip(">") if tag == "th" else str(value)
    return f'<{tag} style="text-align:{align}">{escape(printable(text))}</{tag}>'
