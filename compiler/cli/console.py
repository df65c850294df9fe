"""The output of the commands: reports, tables, notes and JSON.

Results go to stdout, everything about the run itself (progress, notes, errors) to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from ...errors import GlassError
from ...errors.rendering import body
from ..report.presented import PIPE_WIDTH, Report, Table, table_text
from ..report.words import number, printable, quantity, seconds, share
from .verbosity import verbosity

__all__ = [
    "err", "number", "out", "print_table", "printable", "quantity", "say", "say_error", "seconds", "share",
    "show", "tell", "write_json", "write_text",
]  # fmt: skip


def out() -> Console:
    """The console on stdout."""
    return _console(stderr=False)


def err() -> Console:
    """The console on stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def say_error(error: GlassError) -> None:
    """Print an error, and its hints, to stderr."""
    console = err()
    message = printable(body(error.diagnostic, error.cases))
    console.print(Text("error: ", style="bold red").append(message, style="red"), soft_wrap=True)
    for hint in error.diagnostic.hints:
        console.print(Text("hint: ", style="bold").append(printable(hint)), soft_wrap=True)


def say(message: str) -> None:
    """Print a note to stderr, unless notes are not wanted."""
    if not verbosity.quiet:
        err().print(Text(printable(message)), soft_wrap=True)


def write_text(text: str) -> None:
    """Write TEXT to stdout as it is."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def write_json(data: object) -> None:
    """Write DATA to stdout as indented JSON."""
    write_text(json.dumps(data, indent=2, ensure_ascii=True))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to stdout; a column whose name begins with `>` is right-justified."""
    _print_table(Table(title, columns, list(rows)), None)


def _print_table(table: Table, top: int | None) -> None:
    console = out()
    if table.title:
        console.print(Text(f"\n{table.title}", style="bold"))
    write_text(table_text(table.cut(top), console.width))
    if left := table.left_out(top):
        write_text(left)


def show(report: Report, top: int | None = None) -> None:
    """Print REPORT to stdout, of each table the first TOP rows."""
    for block in report.blocks():
        if isinstance(block, Table):
            _print_table(block, top)
        else:
            write_text(printable(block))


def tell(report: Report, as_json: bool, top: int | None = None) -> None:
    """Print REPORT as JSON data or as text."""
    write_json(report.to_json()) if as_json else show(report, top)
