"""Kernels of a region against the interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F16, F32, I32, I64, DType
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.binary import Add, Div, Mul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.pad import Pad
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.normalization import Lrn
from glassrt.dialects.graph.pool import AvgPool, MaxPool
from glassrt.dialects.graph.reduction import ArgReduce
from glassrt.dialects.graph.unary import Erf, Sigmoid

from ..one_kernel import compare, draw_inputs, family_of, kernel_module

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
