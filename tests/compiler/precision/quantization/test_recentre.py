"""recentre-zero-point: not one number changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.quantization.recentre import RecentreZeroPoints
from glassrt.dialects.core.dtypes import F32, I8, U8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.dialects.graph.unary import Neg
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st

from ...quantized import evaluated, run

ENDS = {I8: (-128, U8), U8: (128, I8)}


def quantized(net: Net, x: Value, dtype: DType, zero: int, scale: float = 0.03) -> Value:
    return net.add(
        Quantize, x, net.const(np.float32(scale)), net.const(np.array(zero, dtype.numpy)), to=dtype
    )


def dequantized(net: Net, q: Value, zero: int, scale: float = 0.03) -> Value:
    number = net.const(np.array(zero, q.type.dtype.numpy))
    return net.add(Dequantize, q, net.const(np.float32(scale)), number, to=F32)


def images(net: Net) -> tuple[Value, Value]:
    return net.input("x", 2, 4, 6, 6), net.input("z", 2, 4, 6, 6)


INPUTS = {
    name: (np.random.default_rng(seed).standard_normal((2, 4, 6, 6)) * 3).astype(np.float32)
    for seed, name in enumerate("xz")
}
# Halves, and numbers beyond the range of a byte.
INPUTS["x"][0, 0, 0] = [0.015, 0.045, -0.015, 100, -100, 3.825]


def conversions(module: Module) -> list[tuple[DType, bool]]:
    """The stored type of every conversion, and whether it has a zero point."""
    return [
        (op.quantized, op.zero_point is not None)
        for op in module.main.block
        if isinstance(op, (Quantize, Dequantize))
    ]


MOVES: dict[str, Callable[[Net, Value], Value]] = {
    "max_pool": lambda net, q: net.add(MaxPool, q, kernel=[3, 3], pads=[1, 1, 1, 1]),
    "concat": lambda net, q: net.add(Concat, q, q, axis=2),
    "reshape": lambda net, q: net.add(
        Reshape, q, shape=[q.type.shape[0] * q.type.shape[1], *q.type.shape[2:]]
    ),
    "slice": lambda net, q: net.add(
        Slice, q, starts=[0] * q.type.rank, sizes=[*q.type.shape[:-1], q.type.shape[-1] - 1]
    ),
    "transpose": lambda net, q: net.add(Transpose, q, perm=[1, 0, *range(2, q.type.rank)]),
}


@pytest.mark.parametrize("dtype", ENDS, ids=str)
@given(names=st.lists(st.sampled_from(["max_pool", "concat", "slice", "transpose"]), max_size=3))
def test_zero_points_at_an_end_go_and_no_number_changes(dtype: DType, names: list[str]) -> None:
    """Through any ops that only pass stored numbers on; two tensors that are joined go together."""
    zero, other = ENDS[dtype]
    net = Net()
    x, z = images(net)
    q = net.add(Concat, *(quantized(net, v, dtype, zero) for v in (x, z)), axis=1)
    for name in names:
        q = MOVES[name](net, q)
    q = MOVES["reshape"](net, q)
    y = dequantized(net, q, zero)
    module = net.done(net.add(Relu, y), net.add(Neg, dequantized(net, q, zero)))
    before = evaluated(module, INPUTS)
    context = run([RecentreZeroPoints()], module)
    (record,) = context.ledger
    assert record.verdict is Verdict.TAKEN and len(record.nodes) == 4
    assert conversions(module) == [(other, False)] * 4
    np.testing.assert_array_equal(evaluated(module, INPUTS), before)
