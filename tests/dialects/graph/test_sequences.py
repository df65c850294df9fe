"""Reversed sequences and caches: definitions against numpy, numpy against ONNX's reference, odd lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.dtypes import BOOL, F32, I64, U8
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.sequences import ReverseSequence, WriteCache
from glassrt.errors import IRError
from glassrt.testing.op_checks import build, check_op, evaluated
from glassrt.testing.strategies import dtypes, shapes, tensors
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from ...property.onnx_runs import run_onnx


@given(st.data())
def test_reverse_sequence(data: DataObject) -> None:
    x = data.draw(tensors(data.draw(dtypes(F32, BOOL, I64)), data.draw(shapes(least=2))))
    time = data.draw(st.integers(0, 1))
    axes = {"time_axis": time, "batch_axis": 1 - time}
    count = x.shape[1 - time]
    lengths = np.array(data.draw(st.lists(st.integers(0, x.shape[time]), min_size=count, max_size=count)))
    check_op(ReverseSequence, [x, lengths], symbolic=data.draw(st.booleans()), **axes)
    if lengths.all():  # ONNX Runtime takes no empty ones
        result = evaluated(build(ReverseSequence, [x, lengths], **axes), [x, lengths])
        np.testing.assert_array_equal(result, run_onnx("ReverseSequence", [x, lengths], **axes))


def test_lengths_outside_are_clamped() -> None:
    x, lengths = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([9, -4])
    check_op(ReverseSequence, [x, lengths])
    assert evaluated(build(ReverseSequence, [x, lengths]), [x, lengths]).tolist() == [[4, 1], [2, 3], [0, 5]]


@given(st.data())
def test_write_cache(data: DataObject) -> None:
    dtype, shape = data.draw(dtypes(F32, U8)), data.draw(shapes(least=2))
    axis = data.draw(st.integers(1, len(shape) - 1))
    cache = data.draw(tensors(dtype, shape))
    count = data.draw(st.integers(1, shape[axis]))
    update = data.draw(tensors(dtype, (*shape[:axis], count, *shape[axis + 1 :])))
    numbers = st.lists(st.integers(-5, 5), min_size=shape[0], max_size=shape[0])
    starts = np.array(data.draw(numbers)) if data.draw(st.booleans()) else None
    circular = data.draw(st.booleans())
    arrays = [cache, update] if starts is None else [cache, update, starts]
    check_op(WriteCache, arrays, symbolic=data.draw(st.booleans()), axis=axis, circular=circular)
    result = evaluated(build(WriteCache, arrays, axis=axis, circular=circular), arrays)
    np.testing.assert_array_equal(result, written(cache, update, starts, axis, circular=circular))


def written(cache: Any, update: Any, starts: Any, axis: int, *, circular: bool) -> Any:
    """The loop of the standard's text, where what leaves a linear cache is dropped."""
    y = cache.copy()
    for at in np.ndindex(*update.shape):
        place = at[axis] + (0 if starts is None else starts[at[0]])
        place = place % cache.shape[axis] if circular else place
        if 0 <= place < cache.shape[axis]:
            y[(*at[:axis], place, *at[axis + 1 :])] = update[at]
    return y


@pytest.mark.parametrize(
    ("op", "shapes", "attributes", "message"),
    [
        (ReverseSequence, [(3, 2), (2,)], {"time_axis": 1}, "are the same"),
        (ReverseSequence, [(3, 2), (3,)], {}, "the lengths"),
        (WriteCache, [(3, 2), (3, 2)], {"axis": 0}, "the batch cannot be"),
        (WriteCache, [(3, 2), (2, 1)], {"axis": 1}, "differ in more than axis 1"),
        (WriteCache, [(3, 2), (3, 1), (2,)], {"axis": 1}, "the starts"),
    ],
)
def test_bad_shapes(op: Any, shapes: list[tuple[int, ...]], attributes: dict[str, int], message: str) -> None:
    block, kinds = Block(), [I64, I64, I64]
    with pytest.raises(IRError, match=message):
        op(*[block.add_argument(TensorType(s, k)) for s, k in zip(shapes, kinds, strict=False)], **attributes)
