"""The output of the commands: tables, numbers with units, and text from models with escapes made visible.

Results go to stdout, everything about the run itself (progress, notes, errors) to stderr.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...errors import GlassError
from ...errors.rendering import body

PIPE_WIDTH = 160  # columns of a table where there is no terminal

_UNITS = ("", "k", "M", "G", "T", "P")


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


def printable(text: object) -> str:
    """TEXT with every control character, which could steer a terminal, as its escape; newlines stay."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in str(text))


def say_error(error: GlassError) -> None:
    """Print an error, and its hints, to stderr."""
    console = err()
    message = printable(body(error.diagnostic, error.cases))
    console.print(Text("error: ", style="bold red").append(message, style="red"), soft_wrap=True)
    for hint in error.diagnostic.hints:
        console.print(Text("hint: ", style="bold").append(printable(hint)), soft_wrap=True)


def say(message: str) -> None:
    """Print a note to stderr."""
    err().print(Text(printable(message)), soft_wrap=True)


def write_text(text: str) -> None:
    """Write TEXT to stdout as it is."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def write_json(data: object) -> None:
    """Write DATA to stdout as indented JSON."""
    write_text(json.dumps(data, indent=2, ensure_ascii=True))


def number(value: float) -> float | None:
    """VALUE, or None, JSON's null, where it is not finite."""
    return value if math.isfinite(value) else None


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table to stdout; a column whose name begins with `>` is right-justified."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        right = name.startswith(">")
        table.add_column(Text(name.lstrip(">")), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = out()
    if title:
        console.print(Text(f"\n{title}", style="bold"))
    with console.capture() as captured:
        console.print(table)
    write_text("\n".join(line.rstrip() for line in captured.get().split("\n")))


def quantity(value: float | None, unit: str = "") -> str:
    """VALUE with three digits and a decimal prefix: 1230000 and "B" are 1.23 MB; None is a dash."""
    if value is None:
        return "-"
    scaled, power = float(value), 0
    while abs(scaled) >= 999.5 and power < len(_UNITS) - 1:
        scaled, power = scaled / 1000, power + 1
    number = f"{scaled:.3g}" if power or scaled != int(scaled) else str(int(scaled))
    return f"{number} {_UNITS[power]}{unit}".rstrip()


def seconds(value: float) -> str:
    """A duration of VALUE seconds as text, in s, ms or us."""
    if value >= 1:
        return f"{value:.2f} s"
    return f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.1f} us"


def share(value: float | None) -> str:
    """A fraction as a percentage; None is a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"
