"""Contractions with what is fused around them, through the families, against the interpreter.

The bound is that of a sum of K products in the accumulator's type, with a factor for the order of
summation: |error| <= c·sqrt(K)·u·(|A||B|), plus one rounding of the result.
"""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.families.kernel_family import Rank
from glassrt.codegen.families.registry import candidates, families
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import BF16, F16, F32, DType
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import Layout, TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast

from ...one_kernel import compare, draw_inputs, kernel_module
from ...ranks import rank
from ...requests import request_for
from .prologue_requests import request_of

N = symbol("N")
SYMBOLS = {"N": SymbolRange(1, 2, 8)}
DEVICES = ["host", pytest.param("cuda", marks=pytest.mark.gpu)]


def nhwc(*shape, dtype: DType) -> TensorType:
    return TensorType(shape, dtype, channels_last(len(shape)))


def conv_case(
    dtype, channels, filters, size, taps, *, groups=1, stride=1, pads=(0, 0, 0, 0), dilation=1, residual=False
):
    """Convolution, bias, (residual,) ReLU, in channels-last storage of DTYPE."""
    high, wide = (
        (size + pads[axis] + pads[axis + 2] - dilation * (taps - 1) - 1) // stride + 1 for axis in (0, 1)
    )
    types = [
        nhwc(N, channels, size, size, dtype=dtype),
        nhwc(filters, channels // groups, taps, taps, dtype=dtype),
        TensorType((filters, 1, 1), F32),
    ]
    if residual:
        types.append(nhwc(N, filters, high, wide, dtype=dtype))

    def body(do, x, w, bias, *rest):
        y = do(
            Conv(
                x,
                w,
                groups=groups,
                strides=[stride] * 2,
                pads=list(pads),
                dilations=[dilation] * 2,
                accumulate=F32,
            )
        )
        y = do(Add(y, bias))
        for other in rest:
            y = do(Add(y, do(Cast(other, to=F32))))
        return do(Cast(do(Relu(y)), to=dtype))

    return body, types, [nhwc(N, filters, high, wide, dtype=dtype)], channels // groups * taps * taps


def prologue_case(dtype, channels, filters, size, taps, *, groups=1):
    """Scale, shift and ReLU per channel before a padded convolution, whose padding stays zero."""
    types = [
        nhwc(N, channels, size, size, dtype=dtype),
        TensorType((channels, 1, 1), F32),
        TensorType((channels, 1, 1), F32),
        nhwc(filters, channels // groups, taps, taps, dtype=dtype),
    ]

    def body(do, x, scale, shift, w):
        wide = do(Relu(do(Add(do(Mul(do(Cast(x, to=F32)), scale)), shift))))
        pad = taps // 2
        y = do(Conv(do(Cast(wide, to=dtype)), w, groups=groups, pads=[pad] * 4, accumulate=F32))
        return do(Cast(y, to=dtype))

    return body, types, [nhwc(N, filters, size, size, dtype=dtype)], channels // groups * taps * taps


def matmul_case(dtype, rows, inner, columns, *, batch=(), transpose_a=False, transpose_b=False):
    """Matrix product, scale, bias, in row-major storage of DTYPE."""
    a = (*batch, inner, rows) if transpose_a else (*batch, rows, inner)
    b = (columns, inner) if transpose_b else (inner, columns)
    types = [TensorType(a, dtype), TensorType(b, dtype), TensorType((columns,), F32), TensorType((), F32)]

    def body(do, a, b, bias, scale):
        y = do(Matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b, accumulate=F32))
        return do(Cast(do(Add(do(Mul(y, scale)), bias)), to=dtype))

    return body, types, None, inner


CASES = {
    "3x3 stride 2": lambda t: conv_case(t, 16, 24, 9, 3, stride=2, pads=(1, 1, 1, 1)),
    "3x3 with residual": lambda t: conv_case(t, 8, 16, 6, 3, pads=(1, 1, 1, 1), residual=True),
    "1x1": lambda t: conv_case(t, 32, 40, 5, 1, residual=True),
    "1x1 stride 2": lambda t: conv_case(t, 16, 16, 7, 1, stride=2),
    "stem of 3 channels": lambda t: conv_case(t, 3, 16, 11, 7, stride=2, pads=(3, 3, 3, 3)),
    "grouped": lambda t: conv_case(t, 12, 24, 6, 3, groups=3, pads=(1, 1, 1, 1)),
    "depthwise": lambda t: conv_case(t, 24, 24, 8, 3, groups=24, pads=(1, 1, 1, 1)),
    "depthwise with multiplier": lambda t: conv_case(t, 8, 16, 6, 3, groups=8),
    "dilated, padded unevenly": lambda t: conv_case(t, 8, 8, 9, 3, dilation=2, pads=(2, 0, 1, 2)),
    "one position": lambda t: conv_case(t, 64, 10, 3, 3),
    "prologue before 1x1": lambda t: prologue_case(t, 32, 16, 5, 1),
    "prologue before 3x3": lambda t: prologue_case(t, 20, 16, 6, 3),
    "prologue before grouped": lambda t: prologue_case(t, 24, 24, 6, 3, groups=3),
    "matmul": lambda t: matmul_case(t, N, 72, 33),
    "matmul of few rows": lambda t: matmul_case(t, 1, 512, 40, transpose_b=True),
    "matmul transposed": lambda t: matmul_case(t, 24, 40, 16, transpose_a=True, transpose_b=True),
    "matmul batched": lambda t: matmul_case(t, 12, 32, 24, batch=(N, 3)),
}


def check(name, dtype, device, choose=None):
    body, inputs, outputs, inner = CASES[name](dtype)
    module = kernel_module(body, inputs, outputs, SYMBOLS)
    data = draw_inputs(module, np.random.default_rng(len(name)), {"N": 3})
    [(got, want)] = compare(module, data, choose, device)
    assert got.shape == want.shape and got.dtype == want.dtype
    unit = {"f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}
    size = np.sqrt(inner) * 3 + 3
    bound = 8 * np.sqrt(inner) * unit["f32"] * size + unit[dtype.name] * 2 * np.abs(want.astype(np.float64))
    error = np.abs(got.astype(np.float64) - want.astype(np.float64))
    assert (error <= bound + 1e-7).all(), f"{error.max()} at {np.unravel_index(error.argmax(), error.shape)}"


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [F32, F16, BF16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_contractions_agree_with_the_interpreter(name, dtype, device):
    check(name, dtype, device)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [F32, F16], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_every_candidate_agrees_with_the_interpreter(name, dtype):
    def nth(position):
        def choose(request):
            found = candidates(request)
            return found[min(position, len(found) - 1)]

        return choose

    for position in range(1, 16, 3):
        check(name, dtype, "cuda", nth(position))


def test_half_precision_runs_on_tensor_cores_and_single_does_not():
    for dtype, wanted in ((F16, Rank.TENSOR_CORES), (BF16, Rank.TENSOR_CORES), (F32, Rank.SCALAR_UNITS)):
        chosen = []

        def choose(request, chosen=chosen):
            found = candidates(request)
            chosen.append(found[0].family)
            return found[0]

        check("3x3 with residual", dtype, "host", choose)
        assert wanted in map(rank, chosen)


DEPTHWISE, TILED = families()["depthwise"], families()["contraction_simt"]


def test_a_kernel_that_is_no_contraction_is_refused():
    request = request_for(lambda do, x: [do(Relu(x))], [TensorType((8, 8), F32)])
    for family in (DEPTHWISE, TILED):
        assert family.propose(request) == []
        with pytest.raises(ValueError, match="not a contraction that this family supports"):
            family.realize(request, {})


@pytest.mark.parametrize(("groups", "taken"), [(24, True), (12, False), (1, False)])
def test_depthwise_kernels_take_one_channel_a_group(groups, taken):
    request, _ = request_of(conv_case(F16, 24, 24, 8, 3, groups=groups))
    depthwise, tiled = DEPTHWISE.propose(request), TILED.propose(request)
    assert bool(depthwise) == taken and tiled
    for found in (depthwise, tiled):
        assert found == sorted(found, key=lambda candidate: candidate.microseconds)


def test_a_depthwise_kernel_has_no_prologue():
    request, contraction = request_of(prologue_case(F16, 24, 24, 6, 3, groups=24))
    assert contraction.has_prologue and DEPTHWISE.propose(request) == []


def test_the_price_of_a_part_of_a_buffer_is_that_of_its_copy():
    """Longer strides change no price, so that they are found in the cache of prices."""
    rows = [TensorType((64, 32), F16, Layout((), (step, 1))) for step in (32, 320)]
    found = [
        TILED.propose(request_for(lambda do, a, b: [do(Matmul(a, b))], [a, TensorType((32, 48), F16)]))
        for a in rows
    ]
    assert found[0] == found[1] != []
