"""The sums over windows and rows of a contraction's first operand."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.precision.quantization.window_sums import window_sums
from glassrt.dialects.core.dtypes import I8, I32, U8
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.testing.net import Net
from hypothesis import given

from ...quantized import Problem, convolutions, evaluated, products
from .stored_sums import (
    replace_output,
    sums_of,
)


@given(problem=convolutions() | products())
def test_they_are_the_sums_of_what_each_result_reads(problem: Problem) -> None:
    """By numpy with weights of one; a sum is there once for all channels of a group, or broadcasts."""
    alone = problem.without_result()
    net = Net()
    x = net.input("x", *problem.x.stored.shape, dtype=problem.x.dtype)
    w = net.const(problem.w.stored)
    attributes = {**problem.attributes, "accumulate": I32}
    y = net.add(problem.kind, x, w, **attributes)
    module = net.done(y)
    op = y.producer
    assert isinstance(op, (Conv, Matmul))
    replace_output(module, lambda rewriter: window_sums(op, x, w, op.attributes, rewriter))
    got = evaluated(module, {"x": problem.x.stored})
    ones = np.ones(problem.w.stored.shape, np.int64)
    want = sums_of(alone, problem.x.stored.astype(np.int64), ones)
    assert got.dtype == np.int32
    np.testing.assert_array_equal(np.broadcast_to(got, want.shape), want)


def test_one_product_for_a_group_and_no_more() -> None:
    """A convolution in two groups of four channels makes two sums a window, not eight."""
    net = Net()
    x, w = net.input("x", 1, 4, 5, 5, dtype=U8), net.const(np.ones((8, 2, 3, 3), np.int8))
    y = net.add(Conv, x, w, groups=2, accumulate=I32)
    module = net.done(y)
    op = y.producer
    assert isinstance(op, Conv)
    replace_output(module, lambda rewriter: window_sums(op, x, w, op.attributes, rewriter))
    (sums,) = module.main.block.terminator.inputs
    convs = [each for each in module.main.block if isinstance(each, Conv) and each is not op]
    assert [each.result.type.shape for each in convs] == [(1, 2, 3, 3)]
    assert convs[0].w.type.dtype == I8 and sums.type.shape == (1, 8, 3, 3)
