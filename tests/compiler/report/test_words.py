"""What is printed: harmless, and in units."""

from __future__ import annotations

import pytest
from glassrt.compiler.report.words import number, printable, quantity, seconds, share, short
from hypothesis import given
from hypothesis import strategies as st


@given(st.text())
def test_printable_text_is_harmless(text: str) -> None:
    shown = printable(text)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert shown == text or any(not c.isprintable() for c in text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1234567, "1.23 MB"), (999_600, "1 MB"), (None, "-")],
)
def test_quantities(value: float | None, text: str) -> None:
    assert quantity(value, "B") == text


def test_durations_and_shares() -> None:
    assert [seconds(value) for value in (2.5, 0.0125, 3e-6)] == ["2.50 s", "12.50 ms", "3.0 us"]
    assert [share(value) for value in (0.125, None)] == ["12.5 %", "-"]


def test_short_numbers_and_those_that_json_lacks() -> None:
    assert [short(value) for value in (0.12345, 1e-7, 2.0)] == ["0.12", "1e-07", "2"]
    assert [number(value) for value in (1.5, float("inf"), float("nan"))] == [1.5, None, None]
