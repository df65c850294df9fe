"""Messages are short, whatever they quote."""

from __future__ import annotations

from glassrt.errors import ModelError, UnsupportedError
from glassrt.errors.shortening import MAX_LINE, MAX_LINES, shortened


def test_what_was_cut_is_not_cut_again() -> None:
    for long in ("a" * 100_000, "line\n" * 1_000):
        assert shortened(shortened(long)) == shortened(long) != long


def test_a_long_name_is_cut_and_the_reason_kept() -> None:
    error = ModelError(f"node '{'a' * 1_000_000}': the axis is wrong", "b" * 1_000_000)
    assert error.message.startswith("node 'aaa")
    assert error.message.endswith("aaa': the axis is wrong")
    assert "characters) ..." in error.message
    assert len(str(error)) < 2 * (MAX_LINE + 100)


def test_a_long_list_loses_its_end() -> None:
    error = UnsupportedError("cannot do", offenders=[f"case {number}" for number in range(100_000)])
    assert "case 5" in str(error)
    assert f"and {100_001 - MAX_LINES} more lines" in str(error)
    assert len(error.offenders) == 100_000


def test_what_fits_is_left_and_what_is_cut_says_how_much() -> None:
    assert shortened("a" * MAX_LINE) == "a" * MAX_LINE
    long = "a" * 600 + "z" * 400
    cut = shortened(long)
    start, _, rest = cut.partition(" ... (")
    count, _, end = rest.partition(" characters) ... ")
    assert long.startswith(start) and long.endswith(end)
    assert len(start) + int(count) + len(end) == 1000 and len(start) + len(end) == MAX_LINE
    lines = "\n".join(map(str, range(500)))
    kept = shortened(lines).split("\n")
    assert kept[:MAX_LINES] == lines.split("\n")[:MAX_LINES]
    assert kept[MAX_LINES:] == [f"... and {500 - MAX_LINES} more lines"]
    exact = "\n".join(map(str, range(MAX_LINES + 1)))
    assert shortened(exact) == exact
