"""Texts of options: sizes, ranges, inputs."""

from __future__ import annotations

from glassrt.compiler.cli.option_texts import parse_inputs, parse_ranges, parse_sizes
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
