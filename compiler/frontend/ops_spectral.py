"""Importers of Fourier transforms, which are products with constant matrices, and of mel filters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...dialects.core.affine import Dim, product
from ...dialects.graph.binary import Mul
from ...dialects.graph.contraction import Conv, Matmul
from ...dialects.graph.movement.pad import Pad
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from .call import Call, Outcome
from .problems import Malformed, Refused
from .table import Table
from .tensor import Array, Tensor
from .weights import element_type

DIRECT = 1024  # the longest transform by one product; longer ones are two where their length has factors


# ------------------------------------------------------------ matrices


def _waves(rows: Array, columns: Array, length: int, sign: int) -> Array:
    """exp(SIGN * 2 pi i * row * column / LENGTH), with the exact zeros of sine and cosine."""
    angles = 2 * np.pi * (np.outer(rows, columns) % length) / length
    parts = np.stack([np.cos(angles), sign * np.sin(angles)])
    parts[np.abs(parts) < 1e-15] = 0
    return np.asarray(parts[0] + 1j * parts[1])


def _as_real(waves: Array, parts: int) -> Array:
    """The matrix [..., rows * PARTS, columns * 2] that multiplies numbers, given as a real part or as two
    parts, by the complex matrix WAVES [..., rows, columns]."""
    of_real = np.stack([waves.real, waves.imag], axis=-1)
    of_imaginary = np.stack([-waves.imag, waves.real], axis=-1)
    whole = np.stack([of_real, of_imaginary][:parts], axis=-3)
    *lead, rows, _, columns, _ = whole.shape
    return whole.reshape(*lead, rows * parts, columns * 2)


def _matrix(call: Call, values: Array, like: Tensor) -> Tensor:
    call.builder.charge(values.size * like.dtype.bytes)
    return call.constant(values, like.dtype)


def _multiplied(call: Call, x: Tensor, matrix: Array, outputs: Sequence[int]) -> Tensor:
    """X [..., rows, parts] by MATRIX [rows * parts, columns]: [..., OUTPUTS...]."""
    lead, rows = x.shape[:-2], product(x.shape[-2:])
    flat = call.emit(Reshape, x, shape=(product(lead), rows))
    made = call.emit(Matmul, flat, _matrix(call, matrix, x))
    return call.emit(Reshape, made, shape=(*lead, *outputs))


# ------------------------------------------------------------ transforms


def _transformed(call: Call, x: Tensor, length: int, columns: int, sign: int) -> Tensor:
    """The first COLUMNS elements of the transform of x [..., LENGTH, parts], as [..., COLUMNS, 2]."""
    parts, scale = int(str(x.shape[-1])), 1 / length if sign > 0 else 1
    factor = max((n for n in range(1, int(length**0.5) + 1) if length % n == 0), default=1)
    if length <= DIRECT or factor == 1:
        waves = _waves(np.arange(length), np.arange(columns), length, sign) * scale
        return _multiplied(call, x, _as_real(waves, parts), (columns, 2))
    whole = _in_two(call, x, factor, length // factor, sign, scale)
    sizes = (*whole.shape[:-2], columns, 2)
    return call.emit(Slice, whole, starts=(0,) * whole.rank, sizes=sizes)


def _in_two(call: Call, x: Tensor, first: int, second: int, sign: int, scale: float) -> Tensor:
    """The transform of FIRST * SECOND elements (Cooley and Tukey): with the elements in rows of SECOND, one
    along the columns, then one along the rows, whose matrix has the factors between them in it."""
    length, lead = first * second, x.shape[:-2]
    parts = int(str(x.shape[-1]))
    split = call.emit(Reshape, x, shape=(product(lead), first, second, parts))
    columns = call.emit(Transpose, split, perm=(0, 2, 1, 3))
    waves = _waves(np.arange(first), np.arange(first), first, sign)
    turned = _multiplied(call, columns, _as_real(waves, parts), (first, 2))
    rows = call.emit(Transpose, turned, perm=(2, 0, 1, 3))
    flat = call.emit(Reshape, rows, shape=(first, product(lead), second * 2))
    twiddles = _waves(np.arange(first), np.arange(second), length, sign)
    inner = _waves(np.arange(second), np.arange(second), second, sign)
    matrix = _as_real(twiddles[:, :, None] * inner * scale, 2)
    made = call.emit(Matmul, flat, _matrix(call, matrix, x))
    apart = call.emit(Reshape, made, shape=(first, product(lead), second, 2))
    ordered = call.emit(Transpose, apart, perm=(1, 2, 0, 3))
    return call.emit(Reshape, ordered, shape=(*lead, length, 2))


def _real_inverse(call: Call, x: Tensor, length: int) -> Tensor:
    """The LENGTH real numbers whose transform begins with x [..., length // 2 + 1, parts], one part each."""
    bins = np.arange(length // 2 + 1)
    twice = np.where((bins == 0) | (2 * bins == length), 1, 2)[:, None]
    waves = _waves(bins, np.arange(length), length, 1) * twice / length
    rows = np.stack([waves.real, -waves.imag], axis=1)[:, : int(str(x.shape[-1]))]
    return _multiplied(call, x, rows.reshape(-1, length), (length, 1))


def _dft_attribute(call: Call) -> Outcome:
    return _dft(call, call.integer("axis", 1))


def _dft_input(call: Call) -> Outcome:
    axis = call.optional(2)
    return _dft(call, -2 if axis is None else call.known_int(axis, "its axis"))


def _dft(call: Call, stated: int) -> Tensor:
    x = call.input(0)
    axis = call.axis(stated, x.rank)
    if axis == x.rank - 1 or x.shape[-1] not in (1, 2):
        raise Malformed(f"its input is {x.type}; the last dimension, of 1 or 2, has the parts of numbers")
    inverse, onesided = call.flag("inverse"), call.flag("onesided")
    length = _length(call, x.shape[axis], restored=inverse and onesided)
    order = [a for a in range(x.rank - 1) if a != axis] + [axis, x.rank - 1]
    moved = call.emit(Transpose, x, perm=order)
    moved = _resized(call, moved, length // 2 + 1 if inverse and onesided else length)
    if inverse and onesided:
        made = _real_inverse(call, moved, length)
    else:
        made = _transformed(
            call, moved, length, length // 2 + 1 if onesided else length, 1 if inverse else -1
        )
    return call.emit(Transpose, made, perm=[order.index(a) for a in range(x.rank)])


def _length(call: Call, size: Dim, *, restored: bool) -> int:
    """The length of the transform: what is stated, or that of an axis of SIZE elements."""
    stated = call.optional(1)
    if stated is not None:
        length: Dim = call.known_int(stated, "its length")
    else:
        length = 2 * (size - 1) if restored else size
    if not isinstance(length, int):
        raise Refused("a transform of symbolic length is not supported")
    if length < 1:
        raise Malformed(f"a transform of {length} elements is not defined")
    return length


def _resized(call: Call, x: Tensor, length: int) -> Tensor:
    """X [..., n, parts] with LENGTH elements along its axis before the last: cut, or with zeros."""
    size = x.shape[-2]
    if size == length:
        return x
    if not isinstance(size, int):
        raise Refused("a transform of another length than that of a symbolic axis is not supported")
    if size > length:
        return call.emit(Slice, x, starts=(0,) * x.rank, sizes=(*x.shape[:-2], length, x.shape[-1]))
    pads = (*[0] * (2 * x.rank - 2), length - size, 0)
    return call.emit(Pad, x, call.constant(0, x.dtype), pads=pads)


def _stft(call: Call) -> Outcome:
    """A convolution whose weights are the waves under the window."""
    x, window = call.input(0), call.optional(2)
    if x.rank != 3 or x.shape[2] not in (1, 2):
        raise Malformed(f"its signal is {x.type}; [batch, length, 1 or 2] is expected")
    step = call.known_int(call.input(1), "its step")
    length = _frame_length(call, x, window)
    parts, bins = int(str(x.shape[2])), length // 2 + 1 if call.flag("onesided", True) else length
    waves = _as_real(_waves(np.arange(length), np.arange(bins), length, -1), parts)
    weights = _matrix(call, waves.reshape(length, parts, 2 * bins).transpose(2, 1, 0), x)
    if window is not None:
        call.require_shape(window.shape, (length,), f"its window is {window.type}, its frames {length} long")
        weights = call.emit(Mul, weights, window)
    signal = call.emit(Transpose, x, perm=(0, 2, 1))
    frames = call.emit(Transpose, call.emit(Conv, signal, weights, strides=(step,)), perm=(0, 2, 1))
    return call.emit(Reshape, frames, shape=(*frames.shape[:2], bins, 2))


def _frame_length(call: Call, x: Tensor, window: Tensor | None) -> int:
    stated = call.optional(3)
    if stated is not None:
        length: Dim = call.known_int(stated, "its frame length")
    else:
        length = x.shape[1] if window is None else window.shape[0]
    if not isinstance(length, int):
        raise Refused("frames of symbolic length are not supported")
    if length < 1:
        raise Malformed(f"frames of {length} elements are not defined")
    return length


# ------------------------------------------------------------ mel filters


def _mel_weights(call: Call) -> Outcome:
    labels = ("its number of bins", "its transform's length", "its sample rate")
    bins, length, rate = (call.known_int(call.input(i), label) for i, label in enumerate(labels))
    edges = [float(call.builder.known_array(call.input(i), "its edge").reshape(())) for i in (3, 4)]
    dtype = element_type(call.integer("output_datatype", 1))
    if bins < 1 or length < 1 or rate < 1 or not 0 <= edges[0] <= edges[1] <= rate / 2:
        raise Malformed(
            f"{bins} bins from {edges[0]:g} to {edges[1]:g} hertz at {rate} hertz are not defined"
        )
    mel = 2595 * np.log1p(np.array(edges) / 700) / np.log(10)
    steps = np.arange(bins + 2) * (mel[1] - mel[0]) / (bins + 2) + mel[0]
    centers = ((length + 1) * 700 * np.expm1(steps / 2595 * np.log(10)) // rate).astype(int)
    call.builder.charge((length // 2 + 1) * bins * dtype.bytes)
    return call.constant(_triangles(centers, length // 2 + 1), dtype)


def _triangles(centers: Array, rows: int) -> Array:
    """A column for each three neighbours of CENTERS: it rises from the first to the second, and falls to the
    third."""
    at = np.arange(rows)[:, None]
    low, middle, high = centers[:-2], centers[1:-1], centers[2:]
    with np.errstate(all="ignore"):
        rising = np.where((low == middle) & (at == middle), 1.0, (at - low) / (middle - low))
        falling = (high - at) / (high - middle)
    found = np.where((at >= low) & (at <= middle), rising, 0.0)
    return np.where((at >= middle) & (at < high), falling, found)


TABLE: Table = {
    "DFT": [(17, _dft_attribute), (20, _dft_input)],
    "MelWeightMatrix": [(17, _mel_weights)],
    "STFT": [(17, _stft)],
}
