"""Importers of Fourier transforms and of mel filters."""

from __future__ import annotations

import numpy as np

from ...dialects.core.affine import Dim, floordiv
from ...dialects.core.dtypes import F64
from ...dialects.graph.binary import Add, And, Div, Equal, Less, LessEqual, Mul, Sub
from ...dialects.graph.convolution import Conv
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.unary import Exp, Floor, Log
from .axes import AxesAtRun, axis_ranges
from .call import Call, Outcome
from .contents import ElementRange
from .fourier import (
    as_constant,
    as_real,
    count_up,
    frames,
    number_of,
    real_inverse,
    require_room,
    transformed,
    waves,
)
from .problems import Malformed
from .table import Table
from .tensor import Tensor
from .weights import element_type

LENGTH, BINS, RATE = ElementRange(1, 512, 4096), ElementRange(1, 80, 512), ElementRange(1, 16_000, 192_000)


def _dft_attribute(call: Call) -> Outcome:
    return _dft(call, call.integer("axis", 1))


def _dft_input(call: Call) -> Outcome:
    x = call.input(0)
    axis = -2 if call.optional(2) is None else call.known_dim(2, "its axis", *axis_ranges(x.rank, 1))
    return _dft(call, axis)


def _dft(call: Call, stated: Dim) -> Tensor:
    x = call.input(0)
    if x.rank < 2 or x.shape[-1] not in (1, 2):
        raise Malformed(f"its input is {x.type}; its last dimension must be 1 (real) or 2 (complex)")
    if not isinstance(stated, int):
        return _along_axis_at_run(call, AxesAtRun.of(call, [stated], x.rank))
    axis = call.axis(stated, x.rank)
    if axis == x.rank - 1:
        raise Malformed(f"its axis is the last one of {x.type}, which holds real and imaginary parts")
    order = [a for a in range(x.rank - 1) if a != axis] + [axis, x.rank - 1]
    made = _transform(call, call.emit(Transpose, x, perm=order))
    return call.emit(Transpose, made, perm=[order.index(a) for a in range(x.rank)])


def _along_axis_at_run(call: Call, axes: AxesAtRun) -> Tensor:
    """The transform along one of x's axes but the last; which one is known at run time only."""
    x, [place] = call.input(0), axes.places
    call.require(x.rank - 2, place, "its axis is not the one of real and imaginary parts")
    before, size, after = axes.around(x.shape[:-1])
    apart = call.emit(Reshape, x, shape=(before, size, after, x.shape[-1]))
    made = _transform(call, call.emit(Transpose, apart, perm=(0, 2, 1, 3)))
    ordered = call.emit(Transpose, made, perm=(0, 2, 1, 3))
    sizes = axes.spread([ordered.shape[1]], x.shape)
    return call.emit(Reshape, ordered, shape=(*sizes[:-1], ordered.shape[-1]))


def _transform(call: Call, x: Tensor) -> Tensor:
    """The node's transform along the second last axis of X."""
    inverse, onesided = call.flag("inverse"), call.flag("onesided")
    length = _length(call, x.shape[-2], restored=inverse and onesided)
    half = floordiv(length, 2) + 1
    if onesided and not inverse and x.shape[-1] == 2:
        raise Malformed("a one-sided transform takes real numbers, but its input is complex")
    if not (inverse and onesided):
        return transformed(
            call, _resized(call, x, length), length, half if onesided else length, 1 if inverse else -1
        )
    return real_inverse(call, _resized(call, x, half), length)


def _length(call: Call, size: Dim, *, restored: bool) -> Dim:
    """The length of the transform: the stated one, or the axis's SIZE."""
    if call.optional(1) is not None:
        length = call.known_dim(1, "its length", LENGTH)
    else:
        length = 2 * (size - 1) if restored else size
    call.require(length, 1, "the transformed axis has elements")
    return length


def _resized(call: Call, x: Tensor, length: Dim) -> Tensor:
    """X [..., n, parts] with LENGTH elements along its second last axis: cut, or padded with zeros."""
    kept = call.builder.sizes_known.derive("min", x.shape[-2], length)
    if kept != x.shape[-2]:
        x = call.emit(Slice, x, starts=(0,) * x.rank, sizes=(*x.shape[:-2], kept, x.shape[-1]))
    if kept == length:
        return x
    pads = (*[0] * (2 * x.rank - 2), length - kept, 0)
    return call.emit(Pad, x, call.constant(0, x.dtype), pads=pads)


def _stft(call: Call) -> Outcome:
    x, window = call.input(0), call.optional(2)
    if x.rank != 3 or x.shape[2] not in (1, 2):
        raise Malformed(f"its signal is {x.type}; [batch, length, 1 or 2] is expected")
    step, length = call.known_dim(1, "its step", LENGTH), _frame_length(call, x, window)
    call.require(step, 1, "the frame step is positive")
    call.require(x.shape[1], length, "the signal is as long as a frame")
    bins = floordiv(length, 2) + 1 if call.flag("onesided", True) else length
    if window is not None:
        message = f"its window {window.type} does not fit frames of length {length}"
        call.require_shape(window.shape, (length,), message)
    if isinstance(step, int) and isinstance(length, int) and isinstance(bins, int):
        return _convolved(call, x, window, (step, length, bins))
    parts = frames(call, x, step, length)
    if window is not None:
        parts = call.emit(Mul, parts, call.emit(Reshape, window, shape=(length, 1)))
    return transformed(call, parts, length, bins, -1)


def _convolved(call: Call, x: Tensor, window: Tensor | None, sizes: tuple[int, int, int]) -> Tensor:
    """The transforms of frames of these SIZES (step, length, number of bins), as a convolution.

    Its weights are the waves times the window.
    """
    step, length, bins = sizes
    parts = int(str(x.shape[2]))
    require_room(call, length * bins)
    turns = as_real(waves(np.arange(length), np.arange(bins), length, -1), parts)
    weights = as_constant(call, turns.reshape(length, parts, 2 * bins).transpose(2, 1, 0), x)
    if window is not None:
        weights = call.emit(Mul, weights, window)
    signal = call.emit(Transpose, x, perm=(0, 2, 1))
    found = call.emit(Transpose, call.emit(Conv, signal, weights, strides=(step,)), perm=(0, 2, 1))
    return call.emit(Reshape, found, shape=(*found.shape[:2], bins, 2))


def _frame_length(call: Call, x: Tensor, window: Tensor | None) -> Dim:
    if call.optional(3) is not None:
        length = call.known_dim(3, "its frame length", LENGTH)
    else:
        length = x.shape[1] if window is None else window.shape[0]
    call.require(length, 1, "a frame has elements")
    return length


# ------------------------------------------------------------ mel filters


def _mel_weights(call: Call) -> Outcome:
    """A triangular filter for each three adjacent bin centers: rising from the first to the second, falling
    to the third."""
    bins, length, rate = (
        call.known_dim(index, f"its {what}", limits)
        for index, (what, limits) in enumerate(
            (("number of bins", BINS), ("length", LENGTH), ("sample rate", RATE))
        )
    )
    for size in (bins, length, rate):
        call.require(size, 1, "bins, length and sample rate are positive")
    dtype, rows = element_type(call.integer("output_datatype", 1)), floordiv(length, 2) + 1
    centers = _centers(call, bins, length, rate)
    low, middle, high = (
        call.emit(Reshape, call.emit(Slice, centers, starts=(first,), sizes=(bins,)), shape=(1, bins))
        for first in range(3)
    )
    at = call.emit(Reshape, call.emit(Cast, count_up(call, rows), to=F64), shape=(rows, 1))
    one, zero = (call.constant(value, F64) for value in (1.0, 0.0))
    rising = call.emit(Div, call.emit(Sub, at, low), call.emit(Sub, middle, low))
    rising = call.emit(Where, call.emit(Equal, low, middle), one, rising)
    before = call.emit(And, call.emit(LessEqual, low, at), call.emit(LessEqual, at, middle))
    falling = call.emit(Div, call.emit(Sub, high, at), call.emit(Sub, high, middle))
    behind = call.emit(And, call.emit(LessEqual, middle, at), call.emit(Less, at, high))
    found = call.emit(Where, behind, falling, call.emit(Where, before, rising, zero))
    return call.emit(Cast, found, to=dtype)


def _centers(call: Call, bins: Dim, length: Dim, rate: Dim) -> Tensor:
    """The centers of BINS + 2 bins, as bin numbers of a transform, equally spaced in mel."""
    edges = [call.emit(Cast, call.emit(Reshape, call.input(index), shape=()), to=F64) for index in (3, 4)]
    begin, end = (_mel(call, edge) for edge in edges)
    each = call.emit(Div, call.emit(Sub, end, begin), number_of(call, bins + 2, F64))
    steps = call.emit(Mul, call.emit(Cast, count_up(call, bins + 2), to=F64), each)
    mel = call.emit(Add, steps, begin)
    power = call.emit(Exp, call.emit(Mul, mel, call.constant(np.log(10) / 2595, F64)))
    hertz = call.emit(Mul, call.emit(Sub, power, call.constant(1.0, F64)), call.constant(700.0, F64))
    place = call.emit(Mul, hertz, number_of(call, length + 1, F64))
    return call.emit(Floor, call.emit(Div, place, number_of(call, rate, F64)))


def _mel(call: Call, hertz: Tensor) -> Tensor:
    """HERTZ in mel, a measure of pitch: 2595 log10(1 + hertz / 700)."""
    ratio = call.emit(Div, hertz, call.constant(700.0, F64))
    log = call.emit(Log, call.emit(Add, ratio, call.constant(1.0, F64)))
    return call.emit(Mul, log, call.constant(2595 / np.log(10), F64))


TABLE: Table = {
    "DFT": [(17, _dft_attribute), (20, _dft_input)],
    "MelWeightMatrix": [(17, _mel_weights)],
    "STFT": [(17, _stft)],
}
