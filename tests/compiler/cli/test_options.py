"""The texts that options take, and numbers with units."""

from __future__ import annotations

from inspect import signature, unwrap

import pytest
from glassrt.compiler.cli.app import app
from glassrt.compiler.cli.console import printable, quantity, seconds, share
from glassrt.compiler.cli.option_texts import parse_inputs, parse_ranges, parse_sizes
from glassrt.compiler.cli.request import EVERY_OPTION
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text(min_size=1)
SIZES = st.integers(0, 2**31)


@given(st.dictionaries(NAMES, st.tuples(SIZES, SIZES, SIZES), max_size=3))
def test_ranges(ranges: dict[str, tuple[int, int, int]]) -> None:
    texts = [f"{name}={low},{usual},{high}" for name, (low, usual, high) in ranges.items()]
    assert parse_ranges(texts) == ranges
    assert parse_ranges([f"{name}={usual}" for name, (_, usual, _) in ranges.items()]) == {
        name: (usual,) * 3 for name, (_, usual, _) in ranges.items()
    }


@given(NAMES, st.lists(st.one_of(SIZES, st.from_regex(r"[A-Za-z][A-Za-z0-9_]*", fullmatch=True))))
def test_inputs(name: str, shape: list[int | str]) -> None:
    assert parse_inputs([f"{name}={','.join(map(str, shape))}"]) == {name: shape}


def test_inputs_with_expressions() -> None:
    assert parse_inputs(["x=N,3,2*h,2*w"]) == {"x": ["N", 3, "2*h", "2*w"]}
    assert parse_inputs(["x=h, floordiv(h, 2)+1,4"]) == {"x": ["h", "floordiv(h, 2)+1", 4]}


def test_sizes() -> None:
    assert parse_sizes(["N=8", "M=1"]) == {"N": 8, "M": 1}
    assert parse_sizes(None) == {}


@pytest.mark.parametrize(
    "name", [each.callback.__name__ for each in app.registered_commands if each.callback]
)
def test_no_command_declares_what_commands_share(name: str) -> None:
    (command,) = [
        each.callback for each in app.registered_commands if getattr(each.callback, "__name__", "") == name
    ]
    shown = set(signature(command).parameters) & EVERY_OPTION
    own = set(signature(unwrap(command)).parameters)
    assert not own & EVERY_OPTION and ("request" in own) == bool(shown)


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
