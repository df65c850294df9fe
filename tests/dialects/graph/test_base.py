"""What all op families share: symbolic broadcasting, axes, and checks with their places."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import Dim, symbol
from glassrt.dialects.core.diagnostics import SizeMismatch
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.parts import AttributeAt
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.base import (
    axis_at,
    broadcast_shapes,
    dims_text,
    is_scalar,
    nofuse_of,
    normalize_axis,
    same_dtype,
    same_shape,
    surely_negative,
)
from glassrt.dialects.graph.softmax import Softmax
from glassrt.errors import IRError
from hypothesis import given
from hypothesis import strategies as st

N = symbol("N")
OP = Relu(*Block([TensorType((4,), F32)]).arguments)
SIZES = st.lists(st.sampled_from((1, 2, 3)), max_size=4).map(tuple)


@given(st.lists(SIZES, min_size=1, max_size=3))
def test_numbers_broadcast_as_in_numpy(shapes: list[tuple[int, ...]]) -> None:
    try:
        wanted = np.broadcast_shapes(*shapes)
    except ValueError:
        with pytest.raises(SizeMismatch, match="do not broadcast"):
            broadcast_shapes(OP, shapes)
        return
    assert broadcast_shapes(OP, shapes) == wanted


def test_symbols_broadcast_only_with_themselves_and_one() -> None:
    given: list[tuple[Dim, ...]] = [(N, 1), (3, 1, 4)]
    assert broadcast_shapes(OP, given) == (3, N, 4) and broadcast_shapes(OP, []) == ()
    with pytest.raises(
        SizeMismatch, match=r"\['N'\] and \['M', '1'\] and \['2'\] do not broadcast"
    ) as caught:
        broadcast_shapes(OP, [(N,), (symbol("M"), 1), (2,)], trailing=2)
    assert (caught.value.left, caught.value.right, caught.value.stretched) == (N, 2, -3)


@pytest.mark.parametrize(("axis", "rank", "found"), [(0, 3, 0), (2, 3, 2), (-1, 3, 2), (-3, 3, 0), (0, 0, 0)])
def test_axes_count_from_either_end(axis: int, rank: int, found: int) -> None:
    assert normalize_axis(OP, axis, rank) == found


@pytest.mark.parametrize(("axis", "rank"), [(3, 3), (-4, 3), (1, 0), (-1, 0)])
def test_axes_outside_are_refused(axis: int, rank: int) -> None:
    with pytest.raises(IRError, match=f"axis {axis} is outside a tensor of {rank} dimensions"):
        normalize_axis(OP, axis, rank)


def test_shapes_and_types_are_the_same_or_refused() -> None:
    same_shape(OP, (N, 2), (N, 2), "no")
    with pytest.raises(SizeMismatch, match="no"):
        same_shape(OP, (N, 2), (2, 2), "no")
    with pytest.raises(IRError, match="no") as caught:
        same_shape(OP, (N,), (N, 1), "no")
    assert not isinstance(caught.value, SizeMismatch)
    wide, narrow = TensorType((1,), F32), TensorType((1,), F16)
    same_dtype(OP, [wide, wide])
    with pytest.raises(IRError, match="different element types: f16, f32"):
        same_dtype(OP, [wide, narrow])


def test_questions_about_ops() -> None:
    assert is_scalar(OP) and nofuse_of(OP) is None
    OP.nofuse = [0]
    assert nofuse_of(OP) == (0,)
    OP.attributes["nofuse"] = None
    row = Softmax(*Block([TensorType((4,), F32)]).arguments, axis=0)
    assert axis_at(row) in (AttributeAt("axis"), AttributeAt("axes"))
    assert axis_at(row).name in row.attributes
    assert surely_negative(-1) and not surely_negative(0) and not surely_negative(N - 9)
    assert dims_text([2, N]) == "[2, N]"
