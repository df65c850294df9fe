"""Importers of convolutions and matrix products."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...dialects.core.affine import Dim
from ...dialects.graph.binary import Add, Mul
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.convolution import Conv, ConvTranspose
from ...dialects.graph.movement.reshape import Reshape
from .call import Call, Outcome
from .problems import Malformed, Refused
from .table import Table
from .tensor import Tensor
from .window_attributes import (
    PADDINGS,
    WindowAttributes,
    explicit_window,
    padded_window,
    read_window,
    split_pads,
)


def window_of(call: Call, x: Tensor, w: Tensor) -> WindowAttributes:
    """The window of a convolution of X with W. Raises Refused if its padding depends on symbols."""
    return read_window(call, x.shape[2:], _taps(call, x, w))


def _taps(call: Call, x: Tensor, w: Tensor) -> list[int]:
    """The kernel size of the weight W along each spatial dimension of X."""
    if x.rank < 3 or w.rank != x.rank:
        raise Malformed(f"its input has {x.rank} dimensions and its weight {w.rank}; both need 3 or more")
    sizes = [size for size in w.shape[2:] if isinstance(size, int)]
    if len(sizes) != w.rank - 2:
        raise Refused("the window of its weight is symbolic")
    if (call.ints("kernel_shape") or tuple(sizes)) != tuple(sizes):
        raise Malformed(f"kernel_shape differs from its weight's window {sizes}")
    return sizes


def _conv(call: Call) -> Outcome:
    return convolved(call, call.input(0), call.input(1), call.optional(2))


def convolved(call: Call, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
    """The convolution of X with W in the window that the node's attributes give, plus an optional bias."""
    x, window = padded_window(call, x, _taps(call, x, w), None)
    y = call.emit(
        Conv,
        x,
        w,
        strides=window.strides,
        dilations=window.dilations,
        pads=window.pads,
        groups=call.integer("group", 1),
    )
    return _with_bias(call, y, bias)


def _with_bias(call: Call, y: Tensor, bias: Tensor | None) -> Tensor:
    """Y plus a per-channel BIAS."""
    if bias is None:
        return y
    if bias.rank != 1:
        raise Malformed(f"its bias is {bias.type}, one number per output channel is expected")
    call.require_equal(bias.shape[0], y.shape[1], "its bias has one number per output channel")
    return call.emit(Add, y, call.emit(Reshape, bias, shape=(y.shape[1], *(1,) * (y.rank - 2))))


def _conv_transpose(call: Call) -> Outcome:
    x, w = call.input(0), call.input(1)
    for axis, size in enumerate(x.shape[2:], 2):
        call.require(size, 1, f"axis {axis} of its input has elements")
    window = explicit_window(call, x.shape[2:], _taps(call, x, w))
    extra = call.ints("output_padding") or (0,) * (x.rank - 2)
    if len(extra) != x.rank - 2 or min(extra) < 0:
        raise Malformed(f"output_padding {list(extra)} does not give {x.rank - 2} non-negative numbers")
    y = call.emit(
        ConvTranspose,
        x,
        w,
        strides=window.strides,
        dilations=window.dilations,
        pads=_transposed_pads(call, window, x.shape[2:], extra),
        output_padding=extra,
        groups=call.integer("group", 1),
    )
    return _with_bias(call, y, call.optional(2))


def _transposed_pads(
    call: Call, window: WindowAttributes, spatial: Sequence[Dim], extra: Sequence[int]
) -> tuple[int, ...]:
    """The crop of the output along each dimension, from pads, output_shape, or input * stride for SAME."""
    padding = call.choice("auto_pad", "NOTSET", PADDINGS)
    rank = len(spatial)
    whole = [
        (size - 1) * stride + span + more
        for size, stride, span, more in zip(spatial, window.strides, window.spans, extra, strict=True)
    ]
    wanted: list[Dim] = list[Dim](call.ints("output_shape") or ())[-rank:]
    if not wanted:
        if padding in ("explicit", "none"):
            return window.pads
        wanted = [size * stride for size, stride in zip(spatial, window.strides, strict=True)]
    if len(wanted) != rank:
        raise Malformed(f"output_shape has {len(wanted)} sizes for {rank} dimensions")
    totals = [have - want for have, want in zip(whole, wanted, strict=True)]
    known = [total for total in totals if isinstance(total, int)]
    if len(known) != rank:
        raise Refused("its output_shape is static, but its input has symbolic sizes")
    # The standard puts the larger half at the end for SAME_UPPER only.
    pads = split_pads([max(total, 0) for total in known], "upper" if padding == "upper" else "lower")
    # A requested output larger than the full one grows at the end: a negative crop.
    return (*pads[:rank], *(pad + min(total, 0) for pad, total in zip(pads[rank:], known, strict=True)))


def _matmul(call: Call) -> Outcome:
    return multiplied(call, call.input(0), call.input(1))


def multiplied(call: Call, a: Tensor, b: Tensor) -> Tensor:
    """The matrix product of A and B, with vectors as in numpy's matmul."""
    return as_matrices(call, a, b, lambda left, right: call.emit(Matmul, left, right))


def as_matrices(call: Call, a: Tensor, b: Tensor, product: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """PRODUCT of A and B as matrices. A vector A becomes a row and a vector B a column, dropped from the
    result."""
    if a.rank == 0 or b.rank == 0:
        raise Malformed("the operand of a matrix product must not be a scalar")
    left = call.emit(Reshape, a, shape=(1, *a.shape)) if a.rank == 1 else a
    right = call.emit(Reshape, b, shape=(*b.shape, 1)) if b.rank == 1 else b
    y = product(left, right)
    if a.rank > 1 and b.rank > 1:
        return y
    kept = y.shape[:-2] + (y.shape[-2:-1] if a.rank > 1 else ()) + (y.shape[-1:] if b.rank > 1 else ())
    return call.emit(Reshape, y, shape=kept)


def gemm(call: Call) -> Tensor:
    """alpha * a b + beta * c, where a and b may be transposed."""
    y = scaled_product(call, call.input(0), call.input(1))
    c, beta = call.optional(2), call.number("beta", 1.0)
    return y if c is None or beta == 0.0 else plus_matrix(call, y, _scaled(call, c, beta))


def scaled_product(call: Call, a: Tensor, b: Tensor) -> Tensor:
    """The product of two matrices, transposed and scaled by the node's attributes."""
    if a.rank != 2 or b.rank != 2:
        raise Malformed(f"its operands have {a.rank} and {b.rank} dimensions, 2 are expected")
    y = call.emit(Matmul, a, b, transpose_a=call.flag("transA"), transpose_b=call.flag("transB"))
    return _scaled(call, y, call.number("alpha", 1.0))


def plus_matrix(call: Call, y: Tensor, c: Tensor) -> Tensor:
    """The matrix Y plus C, which is broadcast to Y."""
    if c.rank > 2:
        raise Malformed(f"its third operand has {c.rank} dimensions, at most 2 are expected")
    return call.emit(Add, y, c)


def _scaled(call: Call, x: Tensor, factor: float) -> Tensor:
    return x if factor == 1.0 else call.emit(Mul, x, call.constant(factor, x.dtype))


TABLE: Table = {
    "Conv": [(1, _conv)],
    "ConvTranspose": [(1, _conv_transpose)],
    "Gemm": [(7, gemm)],
    "MatMul": [(1, _matmul)],
}
