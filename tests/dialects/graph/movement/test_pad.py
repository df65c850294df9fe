"""Pad: the definition against numpy, numpy against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BOOL, F16, F32, I64, U8
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated, numbered
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, DrawFn

from ....property.onnx_runs import run_onnx

ANY = (F32, F16, I64, U8, BOOL)
N = symbol("N")


@st.composite
def pads(draw: DrawFn, *, least: int = -1) -> tuple[tuple[int, ...], list[int]]:
    """A shape and pads that leave at least one element of it."""
    shape = draw(shapes(least=1, most=3, side=4))
    amounts = st.lists(st.integers(least, 5), min_size=2 * len(shape), max_size=2 * len(shape))
    chosen = draw(amounts)
    for axis, size in enumerate(shape):
        if size + min(chosen[axis], 0) + min(chosen[axis + len(shape)], 0) < 1:
            chosen[axis] = 0
    return shape, chosen


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@given(pads(), st.booleans())
def test_pad_definition_is_numpy(mode: str, pad: Any, symbolic: bool) -> None:
    check_op(Pad, [numbered(pad[0])], symbolic=symbolic, pads=pad[1], mode=mode)


@given(pads(), st.data())
def test_pad_with_a_value(pad: Any, data: DataObject) -> None:
    dtype = data.draw(dtypes(*ANY))
    x, value = data.draw(tensors(dtype, pad[0])), data.draw(tensors(dtype, ()))
    check_op(Pad, [x, value], pads=pad[1])
    check_op(Pad, [x, value.reshape(1)], pads=pad[1])


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@given(pads(least=0))
def test_pad_is_onnx(mode: str, pad: Any) -> None:
    shape, amounts = pad
    if mode in ("reflect", "wrap"):
        # ONNX Runtime repeats at most once.
        amounts = [min(amount, size - 1) for amount, size in zip(amounts, shape * 2, strict=True)]
    x = numbered(shape)
    result = evaluated(build(Pad, [x], pads=amounts, mode=mode), [x])
    np.testing.assert_array_equal(result, run_onnx("Pad", [x, np.array(amounts, np.int64)], mode=mode))


def test_symbolic_pads() -> None:
    x = Block().add_argument(TensorType((N, 4), F32))
    assert Pad(x, pads=[0, 1, 2, -3]).y.type.shape == (N + 2, 2)
    for amounts in ([0, 1], [0, -3, 0, -2]):
        with pytest.raises(IRError, match="pads"):
            Pad(x, pads=amounts)
    empty = Block().add_argument(TensorType((0,), F32))
    with pytest.raises(IRError, match="do not fit"):
        Pad(empty, pads=[1, 1], mode="edge")
