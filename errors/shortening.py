"""Messages quote what they speak of: names, lines, lists of values, which a hostile file makes as long
as it is. What is too long is cut here, in one place for all of them."""

from __future__ import annotations

MAX_LINE = 480  # characters kept of a message's line
MAX_LINES = 120
_KEPT_END = 160  # of a line that is cut: the reason stands behind what is quoted
_MARK = 40  # room for what stands in place of the rest, so that a text that was cut is not cut again


def shortened(text: str) -> str:
    """TEXT with long lines lacking their middle, and with its first lines alone if they are many."""
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
