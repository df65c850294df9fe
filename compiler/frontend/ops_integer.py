"""Importers of integer contractions and of dynamic quantization.

  MatMulInteger(a, b) => matmul(a, b) - za * sum(b) - zb * sum(a) + K * za * zb   in i32

The product multiplies bytes, as integer tensor cores do. The zero-point correction is computed from sums of
one operand, which are constants for weights.
"""

from __future__ import annotations

from ...dialects.core.affine import Dim, product
from ...dialects.core.dtypes import F32, I8, I32, U8
from ...dialects.graph.binary import Add, Div, Equal, Max, Min, Mul, Sub
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv
from ...dialects.graph.elementwise import Cast, Clip, Where
from ...dialects.graph.movement.expand import Expand
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape
from ...dialects.graph.quantization import Quantize
from ...dialects.graph.reduction import Reduce
from ...dialects.graph.unary import Round
from .call import Call, Outcome
from .ops_contraction import as_matrices, window_of
from .problems import Malformed, Refused
from .scales import input_name
from .table import Table
from .tensor import Tensor
from .window_attributes import WindowAttributes


def _zero_point(call: Call, index: int) -> Tensor | None:
    """The zero point at INDEX; None if it is 0."""
    zero = call.optional(index)
    if zero is None or (zero.data is not None and not zero.data.any()):
        return None
    return call.emit(Reshape, zero, shape=()) if zero.type.elements == 1 else zero


def _wide(call: Call, x: Tensor) -> Tensor:
    return call.emit(Cast, x, to=I32)


def _number(call: Call, size: Dim) -> Tensor:
    """SIZE as an i32 scalar."""
    return call.emit(Reshape, _wide(call, call.builder.dims((size,))), shape=())


# ------------------------------------------------------------ matrix products


def _matmul_integer(call: Call) -> Outcome:
    a_zero, b_zero = _row_zero(call), _column_zero(call)

    def corrected(a: Tensor, b: Tensor) -> Tensor:
        y = call.emit(Matmul, a, b, accumulate=I32)
        if a_zero is not None:
            y = call.emit(Sub, y, call.emit(Mul, a_zero, _summed(call, b, b.rank - 2)))
        if b_zero is not None:
            y = call.emit(Sub, y, call.emit(Mul, b_zero, _summed(call, a, a.rank - 1)))
        if a_zero is None or b_zero is None:
            return y
        both = call.emit(Mul, call.emit(Mul, a_zero, b_zero), _number(call, a.shape[-1]))
        return call.emit(Add, y, both)

    return as_matrices(call, call.input(0), call.input(1), corrected)


def _row_zero(call: Call) -> Tensor | None:
    """The zero point of a, broadcast along its rows."""
    zero, a = _zero_point(call, 2), call.input(0)
    if zero is None or zero.rank == 0:
        return None if zero is None else _wide(call, zero)
    if a.rank < 2 or zero.shape not in ((a.shape[-2],), (*a.shape[:-1], 1)):
        raise Malformed(f"its zero point {input_name(call, 2)} is {zero.type}, which does not fit {a.type}")
    return _wide(call, zero if zero.rank > 1 else call.emit(Reshape, zero, shape=(*zero.shape, 1)))


def _column_zero(call: Call) -> Tensor | None:
    """The zero point of b, broadcast along its columns."""
    zero, b = _zero_point(call, 3), call.input(1)
    if zero is None or zero.rank == 0:
        return None if zero is None else _wide(call, zero)
    if b.rank < 2 or zero.shape not in ((b.shape[-1],), (*b.shape[:-2], 1, b.shape[-1])):
        raise Malformed(f"its zero point {input_name(call, 3)} is {zero.type}, which does not fit {b.type}")
    return _wide(call, zero)


def _summed(call: Call, x: Tensor, axis: int) -> Tensor:
    return call.emit(Reduce, _wide(call, x), kind="sum", axes=(axis,), keepdims=True)


# ------------------------------------------------------------ convolutions


def _conv_integer(call: Call) -> Outcome:
    x, w = call.input(0), call.input(1)
    window, groups = window_of(call, x, w), call.integer("group", 1)
    x_zero, w_zero = _zero_point(call, 2), _zero_point(call, 3)
    if x_zero is not None and x_zero.rank:
        raise Malformed(f"its zero point {input_name(call, 2)} is {x_zero.type}, one number is expected")
    if w_zero is not None and w_zero.rank:
        message = f"its zero point {input_name(call, 3)} is {w_zero.type}, which does not fit {w.type}"
        call.require_shape(w_zero.shape, (w.shape[0],), message)
    padded = _padded(call, x, x_zero, window)
    y = _convolved(call, padded, w, window, groups)
    columns = (w.shape[0], *(1,) * (x.rank - 2))
    if x_zero is not None:
        weights = call.emit(Reduce, _wide(call, w), kind="sum", axes=tuple(range(1, w.rank)), keepdims=False)
        share = call.emit(Mul, _wide(call, x_zero), call.emit(Reshape, weights, shape=columns))
        y = call.emit(Sub, y, share)
    if w_zero is None:
        return y
    zero = _wide(call, w_zero)
    zero = call.emit(Reshape, zero, shape=columns) if zero.rank else zero
    sums = _window_sums(call, padded, w, window, groups)
    if x_zero is not None:
        # Every window has the same number of elements, including those of the padding.
        whole = call.emit(Mul, _wide(call, x_zero), _number(call, product(w.shape[1:])))
        sums = call.emit(Sub, sums, whole)
    return call.emit(Sub, y, call.emit(Mul, zero, sums))


def _padded(call: Call, x: Tensor, zero: Tensor | None, window: WindowAttributes) -> Tensor:
    """X with explicit padding by the zero point, which represents 0."""
    if zero is None and not any(window.pads):
        return x
    rank = x.rank - 2
    pads = (0, 0, *window.pads[:rank], 0, 0, *window.pads[rank:])
    return call.emit(Pad, x, zero, pads=pads) if any(pads) else x


def _convolved(call: Call, x: Tensor, w: Tensor, window: WindowAttributes, groups: int) -> Tensor:
    """The convolution of X, which is already padded, with W; the accumulator is i32."""
    steps = {"strides": window.strides, "dilations": window.dilations}
    return call.emit(Conv, x, w, groups=groups, accumulate=I32, **steps)


def _window_sums(call: Call, x: Tensor, w: Tensor, window: WindowAttributes, groups: int) -> Tensor:
    """The sum over the window of X for each output, per output channel (or one channel valid for all)."""
    sizes = [size for size in w.shape[1:] if isinstance(size, int)]
    if len(sizes) != w.rank - 1 or not isinstance(w.shape[0], int):
        raise Refused("its weight has a zero point and a symbolic size")
    ones = call.emit(Expand, call.constant(1, I8), shape=(groups, *sizes))
    sums = _convolved(call, x, ones, window, groups)
    if groups == 1:
        return sums
    spatial, share = sums.shape[2:], w.shape[0] // groups
    apart = call.emit(Reshape, sums, shape=(sums.shape[0], groups, 1, *spatial))
    spread = call.emit(Expand, apart, shape=(sums.shape[0], groups, share, *spatial))
    return call.emit(Reshape, spread, shape=(sums.shape[0], w.shape[0], *spatial))


# ------------------------------------------------------------ dynamic quantization


def _dynamic_quantize(call: Call) -> Outcome:
    return dynamically_quantized(call, call.input(0))


def dynamically_quantized(call: Call, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """X quantized to u8 over the range of its data, extended to include 0, with scale and zero point.

    A tensor of zeros has the scale 1.
    """
    axes = tuple(range(x.rank))
    zero, most = call.constant(0.0, F32), call.constant(255.0, F32)
    low = call.emit(Min, call.emit(Reduce, x, kind="min", axes=axes, keepdims=False), zero)
    high = call.emit(Max, call.emit(Reduce, x, kind="max", axes=axes, keepdims=False), zero)
    extent = call.emit(Sub, high, low)
    step = call.emit(Div, extent, most)
    scale = call.emit(Where, call.emit(Equal, extent, zero), call.constant(1.0, F32), step)
    start = call.emit(Clip, call.emit(Sub, zero, call.emit(Div, low, scale)), zero, most)
    zero_point = call.emit(Cast, call.emit(Round, start), to=U8)
    return call.emit(Quantize, x, scale, zero_point, to=U8), scale, zero_point


TABLE: Table = {
    "ConvInteger": [(10, _conv_integer)],
    "DynamicQuantizeLinear": [(11, _dynamic_quantize)],
    "MatMulInteger": [(10, _matmul_integer)],
}
