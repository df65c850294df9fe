"""Slice: the definition against numpy, symbolic sizes, and slices outside."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.expr import LoadExpr, Scalars
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated, numbered
from glassrt.testing.strategies import shapes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

N, C = symbol("N"), symbol("C")


@given(st.data())
def test_slice_definition_is_numpy(data: DataObject) -> None:
    shape = data.draw(shapes(least=1, side=6, smallest=0))
    starts, sizes, steps, picks = [], [], [], []
    for extent in shape:
        step = data.draw(st.sampled_from([1, 2, 3, -1, -2]))
        pick = slice(*data.draw(st.tuples(st.integers(-7, 7), st.integers(-7, 7))), step).indices(extent)
        count = len(range(*pick))
        starts.append(pick[0] if count else 0)
        sizes.append(count)
        steps.append(step)
        stop = pick[0] + count * step
        picks.append(slice(pick[0], stop if stop >= 0 else None, step) if count else slice(0, 0))
    x = numbered(shape)
    check_op(Slice, [x], starts=starts, sizes=sizes, steps=steps)
    result = evaluated(build(Slice, [x], starts=starts, sizes=sizes, steps=steps), [x])
    np.testing.assert_array_equal(result, x[tuple(picks)])


def test_symbolic_slices() -> None:
    x = Block().add_argument(TensorType((N, 2 * C), F32))
    half = Slice(x, starts=[0, C], sizes=[N, C])
    assert half.y.type.shape == (N, C)
    load = half.define(Scalars(), (symbol("i"), symbol("j")))
    assert isinstance(load, LoadExpr)
    assert [str(place) for place in load.index] == ["i", "C+j"]


@pytest.mark.parametrize(
    ("starts", "sizes", "steps"),
    [([0, 0], [3, 3], [1, 1]), ([2, 0], [1, 1], [1, 1]), ([0, 1], [2, 3], [1, -1]), ([0], [2], [1]),
     ([0, 0], [2, 3], [1, 0]), ([0, -1], [2, 1], [1, 1]), ([0, 0], [-1, 1], [1, 1])],
)  # fmt: skip
def test_slices_outside(starts: list[int], sizes: list[int], steps: list[int]) -> None:
    with pytest.raises(IRError, match=r"graph\.slice"):
        build(Slice, [numbered((2, 3))], starts=starts, sizes=sizes, steps=steps)
