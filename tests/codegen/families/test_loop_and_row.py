"""Loop and row kernels on the host device against the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I32, I64, DType
from glassrt.dialects.core.ir import SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.binary import Add, Div, Mul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.normalization import LayerNorm, LogSoftmax, Lrn, Softmax
from glassrt.dialects.graph.pool import AvgPool, MaxPool
from glassrt.dialects.graph.reduction import ArgReduce, Reduce
from glassrt.dialects.graph.unary import Erf, Sigmoid
from hypothesis import given, settings
from hypothesis import strategies as st

from ..one_kernel import compare, draw_inputs, family_of, kernel_module, plan_of

N = symbol("N")
SYMBOLS = {"N": SymbolRange(1, 4, 16)}


def tensor(*shape, dtype: DType = F32) -> TensorType:
    return TensorType(shape, dtype)


def nhwc(*shape, dtype: DType = F32) -> TensorType:
    return TensorType(shape, dtype, channels_last(len(shape)))


def check(body, inputs, outputs=None, family=None, device="host", ulps=64, batch=3, seed=0):
    """The kernel agrees with the interpreter to ULPS units in the last place of the output type."""
    module = kernel_module(body, inputs, outputs, SYMBOLS)
    given_inputs = draw_inputs(module, np.random.default_rng(seed), {"N": batch})
    for got, want in compare(module, given_inputs, family_of(family) if family else None, device):
        assert got.shape == want.shape and got.dtype == want.dtype
        if got.dtype.kind == "f":
            scale = np.maximum(np.abs(want.astype(np.float64)), 0.1)  # sums cancel
            error = np.abs(got.astype(np.float64) - want.astype(np.float64)) / scale
            assert error.max(initial=0.0) <= ulps * np.finfo(got.dtype).eps
        else:
            np.testing.assert_array_equal(got, want)


POOL = {"kernel": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "dilations": [1, 1]}

LOOPS = {
    "elementwise with broadcasting": (
        lambda do, x, y: do(Mul(do(Erf(x)), do(Sigmoid(y)))),
        [tensor(N, 16, 8, 8), tensor(16, 1, 1)],
        None,
    ),
    "integer division": (
        lambda do, x, y: do(Div(x, y)),
        [tensor(N, 16, dtype=I32), tensor(16, dtype=I32)],
        None,
    ),
    "two results": (
        lambda do, x, y: (do(Add(x, y)), do(Mul(x, y))),
        [tensor(N, 16), tensor(N, 16)],
        None,
    ),
    "max pooling": (lambda do, x: do(MaxPool(x, **POOL)), [nhwc(N, 16, 9, 9)], [nhwc(N, 16, 5, 5)]),
    "average pooling": (lambda do, x: do(AvgPool(x, **POOL)), [tensor(N, 16, 9, 9)], [tensor(N, 16, 5, 5)]),
    "local response": (
        lambda do, x: do(Lrn(x, size=5, alpha=1e-2, beta=0.75, bias=1.0)),
        [nhwc(N, 16, 5, 5)],
        [nhwc(N, 16, 5, 5)],
    ),
    "concat of channels": (
        lambda do, x, y: do(Concat(x, y, axis=1)),
        [nhwc(N, 16, 5, 5), nhwc(N, 8, 5, 5)],
        [nhwc(N, 24, 5, 5)],
    ),
    "concat on odd channels": (
        lambda do, x, y: do(Concat(x, y, axis=1)),
        [nhwc(N, 5, 5, 5), nhwc(N, 3, 5, 5)],
        [nhwc(N, 8, 5, 5)],
    ),
    "transpose": (lambda do, x: do(Transpose(x, perm=[0, 2, 3, 1])), [tensor(N, 16, 5, 3)], None),
    "layout change": (
        lambda do, x: do(Cast(x, to=F16)),
        [tensor(N, 12, 5, 7)],
        [nhwc(N, 12, 5, 7, dtype=F16)],
    ),
    "channel shuffle": (
        lambda do, x: do(
            Reshape(
                do(Transpose(do(Reshape(x, shape=[N, 4, 6, 5, 5])), perm=[0, 2, 1, 3, 4])),
                shape=[N, 24, 5, 5],
            )
        ),
        [nhwc(N, 24, 5, 5)],
        [nhwc(N, 24, 5, 5)],
    ),
    "slice of channels": (
        lambda do, x: do(Slice(x, starts=[0, 2, 0, 0], sizes=[N, 8, 5, 5], steps=[1, 1, 1, 1])),
        [nhwc(N, 16, 5, 5)],
        [nhwc(N, 8, 5, 5)],
    ),
    "pad channels": (
        lambda do, x: do(Cast(do(Pad(x, pads=[0, 0, 0, 0, 0, 1, 0, 0], mode="constant")), to=F16)),
        [tensor(N, 3, 9, 9)],
        [nhwc(N, 4, 9, 9, dtype=F16)],
    ),
    "position of the largest": (
        lambda do, x: do(ArgReduce(x, kind="max", axis=1, keepdims=False, select_last=False)),
        [tensor(N, 50)],
        None,
    ),
    "gather of rows": (
        lambda do, x, i: do(Gather(x, i, axis=0)),
        [tensor(10, 16), tensor(N, dtype=I64)],
        None,
    ),
}


DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", LOOPS)
def test_loop_kernels_agree_with_the_interpreter(name, device):
    body, inputs, outputs = LOOPS[name]
    check(body, inputs, outputs, "loop", device)


ROWS = {
    "softmax": (lambda do, x: do(Softmax(x, axis=3)), [tensor(N, 3, 4, 100)], None),
    "softmax of channels": (lambda do, x: do(Softmax(x, axis=1)), [tensor(N, 40, 5, 5)], None),
    "log softmax": (lambda do, x: do(LogSoftmax(x, axis=1)), [tensor(N, 700)], None),
    "layer norm": (
        lambda do, x, s, b: do(LayerNorm(x, s, b, axis=2, epsilon=1e-5)),
        [tensor(N, 5, 64), tensor(64), tensor(64)],
        None,
    ),
    "global average": (
        lambda do, x: do(Reduce(x, kind="mean", axes=[2, 3], keepdims=True)),
        [nhwc(N, 48, 7, 7)],
        [tensor(N, 48, 1, 1)],
    ),
    "maximum of everything": (
        lambda do, x: do(Reduce(x, kind="max", axes=[0, 1, 2], keepdims=False)),
        [tensor(N, 30, 11)],
        None,
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ROWS)
def test_row_kernels_agree_with_the_interpreter(name, device):
    body, inputs, outputs = ROWS[name]
    check(body, inputs, outputs, "row", device)


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(1, 5),
    length=st.integers(8, 300),
    batch=st.integers(1, 16),
    half=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_softmax_of_any_shape(rows, length, batch, half, seed):
    dtype = F16 if half else F32

    def body(do, x):
        y = do(Softmax(do(Cast(x, to=F32)), axis=2))
        return do(Cast(y, to=dtype))

    check(body, [tensor(N, rows, length, dtype=dtype)], None, "row", batch=batch, seed=seed)


def test_kernel_names_and_sources_do_not_depend_on_value_names():
    body, inputs, _ = ROWS["layer norm"]
    plain = kernel_module(body, inputs, None, SYMBOLS)
    named = kernel_module(body, inputs, None, SYMBOLS)
    for op in named.walk():
        for value in op.results:
            value.hint = "x0; } /* hostile"
    assert plan_of(plain).sources == plan_of(named).sources


def test_emitted_loop_and_row_kernels_are_pinned(golden):
    for name, table in (("max pooling", LOOPS), ("layout change", LOOPS), ("layer norm", ROWS)):
        body, inputs, outputs = table[name]
        source = list(plan_of(kernel_module(body, inputs, outputs, SYMBOLS)).sources.values())[-1]
        assert source == golden.at(f"{name.replace(' ', '_')}.cu")
