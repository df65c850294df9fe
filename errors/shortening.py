"""Shortens messages. They quote names, lines and lists of values from files, which a hostile file can make
arbitrarily long; all messages are cut here."""

from __future__ import annotations

MAX_LINE = 480  # characters kept of each line of a message
MAX_LINES = 120
_KEPT_END = 160  # characters kept at the end of a cut line: the reason follows the quotation
_MARK = 40  # room for the mark in place of the omitted part, so that a cut text is not cut again


def shortened(text: str) -> str:
    """TEXT without the middle of long lines, and without the last lines if there are many."""
    lines = text.split("\n", MAX_LINES + 1)
    if len(lines) > MAX_LINES + 1:
        more = lines[-1].count("\n") + 2
        lines[MAX_LINES:] = [f"... and {more} more lines"]
    return "\n".join(map(_shortened_line, lines))


def _shortened_line(line: str) -> str:
    if len(line) <= MAX_LINE + _MARK:
        return line
    left_out = len(line) - MAX_LINE
    return f"{line[: MAX_LINE - _KEPT_END]} ... ({left_out} characters) ... {line[-_KEPT_END:]}"
