"""Strategies give what they say, and nothing else."""

from __future__ import annotations

import numpy as np
from glassrt.dialects.core.dtypes import F16, F32, I8
from glassrt.testing import strategies
from hypothesis import find, given, settings
from hypothesis import strategies as st


@settings(max_examples=20)
@given(data=st.data())
def test_tensors_have_the_type_and_shape(data: st.DataObject) -> None:
    dtype = data.draw(strategies.dtypes(F32, F16, I8))
    shape = data.draw(strategies.shapes())
    array = data.draw(strategies.tensors(dtype, shape))
    assert array.dtype == dtype.numpy and array.shape == shape


def test_special_values_are_by_choice() -> None:
    assert np.isnan(find(strategies.tensors(F32, (3,)), lambda array: bool(np.isnan(array).any()))).any()

    @settings(max_examples=20)
    @given(strategies.tensors(F32, (3,), special=False, limit=2.0))
    def usual(array: np.ndarray) -> None:
        assert (np.abs(array) <= 2).all()

    usual()


@settings(max_examples=20)
@given(strategies.broadcast_shapes(3), strategies.sizes("NH"))
def test_shapes_broadcast_and_ranges_are_ordered(shapes: tuple[tuple[int, ...], ...], sizes: dict) -> None:
    assert len(shapes) == 3
    np.broadcast_shapes(*shapes)
    assert set(sizes) == {"N", "H"} and all(1 <= a <= b <= c <= 8 for a, b, c in sizes.values())


@given(strategies.axes_of(4, least=1))
@settings(max_examples=20)
def test_axes_ascend(axes: tuple[int, ...]) -> None:
    assert axes and list(axes) == sorted(set(axes)) and max(axes) < 4
