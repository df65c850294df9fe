"""Contractions whose first operand is cast, normalised or gathered while it is loaded.

A case gives, for the type that is multiplied: the body of the kernel, the types it reads, the types
of its results (None: as inferred) and how many products are added up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from glassrt.dialects.core.affine import symbol
from glassrt.dialects.core.dtypes import F32, I8, I32, I64, DType
from glassrt.dialects.core.module import SymbolRange
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Div, Mul, Sub
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.indexing import Gather
from glassrt.dialects.graph.unary import Reciprocal, Sqrt

N = symbol("N")
SYMBOLS = {"N": SymbolRange(1, 2, 70)}
Case = tuple[Callable[..., Any], list[TensorType], list[TensorType] | None, int]


def f32(*shape: Any) -> TensorType:
    return TensorType(shape, F32)


def nhwc(*shape: Any, dtype: DType) -> TensorType:
    return TensorType(shape, dtype, channels_last(len(shape)))


def finish(do: Any, product: Any, dtype: DType, *addends: Any) -> Any:
    """Bias and residual, an activation, and the rounding of the result."""
    for other in addends:
        product = do(Add(product, do(Cast(other, to=F32))))
    return do(Cast(do(Relu(product)), to=dtype))


def number(do: Any, value: float) -> Any:
    return do(Constant(value=np.array(value, np.float32), types=[f32()]))


def cast_product(dtype: DType, source: DType, rows: Any = N, inner: int = 40, columns: int = 24) -> Case:
    """Another type in memory; a bias and a residual behind the product."""
    types = [
        *(TensorType((rows, inner), source), TensorType((inner, columns), dtype)),
        *(f32(columns), TensorType((rows, columns), dtype)),
    ]

    def body(do: Any, x: Any, w: Any, bias: Any, other: Any) -> Any:
        product = do(Matmul(do(Cast(x, to=dtype)), w, accumulate=F32))
        return finish(do, product, dtype, bias, other)

    return body, types, None, inner


def normalised_product(
    dtype: DType,
    source: DType,
    rows: Any = N,
    inner: int = 40,
    columns: int = 24,
    lead: tuple[int, ...] = (),
    transposed: bool = False,
) -> Case:
    """(x - mean[row]) / sqrt(variance[row]) * scale[k] + shift[k]."""
    x = (*lead, inner, rows) if transposed else (*lead, rows, inner)
    of_row = (*lead, 1, rows) if transposed else (*lead, rows, 1)
    of_sum = (inner, 1) if transposed else (inner,)
    types = [
        *(TensorType(x, source), f32(*of_row), f32(*of_row), f32(*of_sum), f32(*of_sum)),
        *(TensorType((inner, columns), dtype), f32(columns)),
    ]

    def body(do: Any, x: Any, mean: Any, deviation: Any, scale: Any, shift: Any, w: Any, bias: Any) -> Any:
        centered = do(Sub(do(Cast(x, to=F32)), mean))
        variance = do(Add(do(Mul(deviation, deviation)), number(do, 4.0)))
        normal = do(Mul(centered, do(Reciprocal(do(Sqrt(variance))))))
        operand = do(Cast(do(Add(do(Mul(normal, scale)), shift)), to=dtype))
        product = do(Matmul(operand, w, accumulate=F32, transpose_a=transposed))
        return finish(do, product, dtype, bias)

    return body, types, None, inner


def gathered_product(
    dtype: DType,
    table: DType | None = None,
    shape: tuple[Any, ...] = (7, 40),
    axis: int = 0,
    indices: tuple[Any, ...] = (N,),
    columns: int = 24,
    batch: tuple[Any, ...] = (),
    index: DType = I64,
) -> Case:
    """Rows of a table, cast where it is stored in another type; indices run beyond both of its ends."""
    stored = table or dtype
    inner = shape[-1]
    types = [
        *(TensorType(shape, stored), TensorType(indices, index)),
        *(TensorType((*batch, inner, columns), dtype), f32(columns)),
    ]

    def body(do: Any, x: Any, positions: Any, w: Any, bias: Any) -> Any:
        rows = do(Gather(x, positions, axis=axis))
        rows = rows if stored == dtype else do(Cast(rows, to=dtype))
        return finish(do, do(Matmul(rows, w, accumulate=F32)), dtype, bias)

    return body, types, None, inner


def scaled_rows(dtype: DType, inner: int = 48, columns: int = 24) -> Case:
    """A table of bytes with a scale for each gathered row and one for each column, and indices that
    are computed."""
    types = [
        *(TensorType((9, inner), I8), TensorType((N,), I32), f32(N, 1), f32(inner)),
        *(TensorType((inner, columns), dtype), f32(columns)),
    ]

    def body(do: Any, x: Any, positions: Any, of_row: Any, of_sum: Any, w: Any, bias: Any) -> Any:
        positions = do(Cast(do(Add(positions, positions)), to=I64))
        rows = do(Cast(do(Gather(x, positions, axis=0)), to=F32))
        operand = do(Cast(do(Div(do(Mul(do(Mul(rows, of_row)), of_sum)), number(do, 10.0))), to=dtype))
        return finish(do, do(Matmul(operand, w, accumulate=F32)), dtype, bias)

    return body, types, None, inner


def convolution(
    dtype: DType, source: DType, channels: int = 16, taps: int = 3, groups: int = 1, filters: int = 24
) -> Case:
    """A cast, a shift for each channel and a scale for each image; padding stays zero."""
    size, pad = 6, taps // 2
    types = [
        *(nhwc(N, channels, size, size, dtype=source), f32(channels, 1, 1), f32(N, 1, 1, 1)),
        *(nhwc(filters, channels // groups, taps, taps, dtype=dtype), f32(filters, 1, 1)),
        nhwc(N, filters, size, size, dtype=dtype),
    ]

    def body(do: Any, x: Any, shift: Any, scale: Any, w: Any, bias: Any, other: Any) -> Any:
        wide = do(Mul(do(Add(do(Cast(x, to=F32)), shift)), scale))
        product = do(Conv(do(Cast(wide, to=dtype)), w, groups=groups, pads=[pad] * 4, accumulate=F32))
        return finish(do, product, dtype, bias, other)

    result = nhwc(N, filters, size, size, dtype=dtype)
    return body, types, [result], channels // groups * taps * taps
