"""Index arithmetic of reshapes: what it costs, and that positions are kept."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.affine_traversal import evaluate
from glassrt.dialects.graph.movement.remap import reshaped_index
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

N, C, H = symbol("N"), symbol("C"), symbol("H")


@pytest.mark.parametrize(
    ("old", "new", "index"),
    [
        ((N, 3, H), (N, 3, H), ["a", "b", "c"]),
        ((N, 3, H), (N, 1, 3, H, 1), ["a", "c", "d"]),
        ((1, N, 1, C), (N, C), ["0", "a", "0", "b"]),
        ((N, C, 4, 8), (N, C, 32), ["a", "b", "floordiv(c, 8)", "c-8*floordiv(c, 8)"]),
        ((N, C, 32), (N, C, 4, 8), ["a", "b", "8*c+d"]),
        ((N, 2 * C, H), (N, 2, C, H), ["a", "C*b+c", "d"]),
        ((2 * N, H), (N, 2, H), ["2*a+b", "c"]),
        ((N, 6, 4), (N, 3, 8), ["a", "2*b+floordiv(c, 4)", "c-4*floordiv(c, 4)"]),
    ],
)
def test_only_split_and_merged_dimensions_cost_arithmetic(
    old: tuple[Dim, ...], new: tuple[Dim, ...], index: list[str]
) -> None:
    names = [symbol(name) for name in "abcde"[: len(new)]]
    assert [str(place) for place in reshaped_index(names, new, old)] == index


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.data())
def test_symbolic_reshapes_keep_the_row_major_position(n: int, c: int, h: int, data: DataObject) -> None:
    family: list[tuple[Dim, ...]] = [
        (N * C * H,),
        (N, C, H),
        (N * C, H),
        (N, C * H),
        (H, N * C),
        (H, 1, C, N),
    ]
    old, new = data.draw(st.sampled_from(family)), data.draw(st.sampled_from(family))
    values = {"N": n, "C": c, "H": h}
    sizes = [[evaluate(size, values) for size in shape] for shape in (old, new)]
    place = reshaped_index([symbol(f"i{axis}") for axis in range(len(new))], new, old)
    for index in np.ndindex(*sizes[1]):
        known = {**values, **{f"i{axis}": i for axis, i in enumerate(index)}}
        found = [evaluate(dim, known) for dim in place]
        assert np.ravel_multi_index(found, sizes[0]) == np.ravel_multi_index(index, sizes[1])
