"""Buffers and views: what they hold, what a view may reach, and how much memory tensors take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Block
from glassrt.dialects.core.module import Module, SymbolRange
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.launch_memory import Buffer, View, largest, span
from glassrt.errors import IRError

N = symbol("N")


def view(source: TensorType, result: TensorType, offset: int = 0) -> View:
    op = View(Block().add_argument(source), offset=offset, types=[result])
    op.verify()
    return op


def viewed(op: View, x: np.ndarray[Any, Any], **symbols: int) -> Any:
    return op.evaluate(Evaluation(Module(), symbols), x)


def test_buffers_of_the_arena_share_its_memory() -> None:
    block, type = Block(), TensorType((4,), F32)
    one = Buffer(space="arena", offset=0, bytes=16, types=[type])
    other = Buffer(space="arena", offset=8, bytes=16, types=[type])
    output = Buffer(space="output", bytes=16, types=[type])
    for op in (one, other, output):
        block.append(op)
    evaluation = Evaluation(Module(), {})
    first, second, apart = (op.evaluate(evaluation) for op in (one, other, output))
    first[...] = [1, 2, 3, 4]
    np.testing.assert_array_equal(second[:2], [3, 4])
    assert np.isnan(second[2:]).all() and np.isnan(apart).all()  # memory that nothing has written


def test_counters_are_zero() -> None:
    op = Buffer(space="counters", bytes=8, types=[TensorType((2,), F32)])
    np.testing.assert_array_equal(op.evaluate(Evaluation(Module(), {})), [0, 0])


def test_a_view_shares_the_memory_of_its_buffer() -> None:
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    part = view(TensorType((4, 6), F32), TensorType((4, 2), F32, Layout(strides=(6, 1))), offset=3)
    np.testing.assert_array_equal(viewed(part, x), x[:, 3:5])
    viewed(part, x)[0, 0] = -1
    assert x[0, 3] == -1


def test_a_view_of_channels_last_memory_counts_in_its_order() -> None:
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 2, 2)
    flat = view(TensorType((1, 4, 2, 2), F32, channels_last(4)), TensorType((16,), F32))
    np.testing.assert_array_equal(viewed(flat, x), x.transpose(0, 2, 3, 1).reshape(-1))


@pytest.mark.parametrize(
    ("source", "result", "offset", "message"),
    [
        (TensorType((4,), F32), TensorType((4,), F16), 0, "cannot view"),
        (TensorType((4,), F32, Layout(strides=(2,))), TensorType((4,), F32), 0, "dense operand"),
        (TensorType((4,), F32), TensorType((3,), F32), 2, "reaches element 5 of a tensor of 4"),
    ],
)
def test_what_cannot_be_viewed(source: TensorType, result: TensorType, offset: int, message: str) -> None:
    with pytest.raises(IRError, match=message):
        view(source, result, offset)


def test_a_symbolic_view_is_checked_when_it_is_evaluated() -> None:
    op = view(TensorType((N,), F32), TensorType((4,), F32))
    assert viewed(op, np.zeros(4, np.float32), N=4).shape == (4,)
    with pytest.raises(IRError, match="exceeds"):
        viewed(op, np.zeros(3, np.float32), N=3)


def test_span_reaches_from_the_first_element_to_the_last() -> None:
    assert span(TensorType((2, 3), F32)) == 6
    assert span(TensorType((2, 3), F32, Layout(strides=(8, 2), offset=5))) == 5 + 8 + 4 + 1
    assert span(TensorType((), F32)) == 1


def test_the_largest_size_is_that_of_the_largest_symbols() -> None:
    module = Module()
    module.symbols["N"] = SymbolRange(1, 4, 8)
    assert largest(N * 4, module) == 32 and largest(16, module) == 16 and largest(N - 10, module) == 0
    with pytest.raises(IRError, match="unbounded"):
        largest(symbol("M") * 4, module)
