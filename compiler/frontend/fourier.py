"""Fourier transforms as matrix products: with constant matrices, or computed ones for symbolic lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...dialects.core.affine import Dim, floordiv, product
from ...dialects.core.dtypes import F32, I64, DType
from ...dialects.graph.binary import Add, Div, Equal, LessEqual, Min, Mod, Mul, Or, Sub
from ...dialects.graph.contraction import Matmul
from ...dialects.graph.elementwise import Cast, Where
from ...dialects.graph.indexing import Gather, Range
from ...dialects.graph.movement.concat import Concat
from ...dialects.graph.movement.reshape import Reshape, Transpose
from ...dialects.graph.movement.slicing import Slice
from ...dialects.graph.trigonometric import Sin
from ...dialects.graph.unary import Neg
from .call import Call
from .tensor import Array, Tensor

WORK_BYTES = 32  # bytes per element of `waves` while a matrix is computed
DIRECT = 1024  # the longest transform by a single product; longer ones take two if their length has factors


def waves(rows: Array, columns: Array, length: int, sign: int) -> Array:
    """exp(SIGN * 2 pi i * row * column / LENGTH), with the exact zeros of sine and cosine."""
    angles = 2 * np.pi * (np.outer(rows, columns) % length) / length
    parts = np.stack([np.cos(angles), sign * np.sin(angles)])
    parts[np.abs(parts) < 1e-15] = 0
    return np.asarray(parts[0] + 1j * parts[1])


def require_room(call: Call, elements: int) -> None:
    """Raise Malformed if matrices of ELEMENTS elements exceed the folding budget."""
    call.builder.folder.budget.require_room(elements * WORK_BYTES)


def as_real(waves: Array, parts: int) -> Array:
    """The real matrix [..., rows * PARTS, columns * 2] that multiplies by the complex matrix WAVES [...,
    rows, columns]; a multiplied number is given as its real part, or as two parts."""
    of_real = np.stack([waves.real, waves.imag], axis=-1)
    of_imaginary = np.stack([-waves.imag, waves.real], axis=-1)
    whole = np.stack([of_real, of_imaginary][:parts], axis=-3)
    *lead, rows, _, columns, _ = whole.shape
    return whole.reshape(*lead, rows * parts, columns * 2)


def as_constant(call: Call, values: Array, like: Tensor) -> Tensor:
    call.builder.folder.budget.charge(values.size * like.dtype.bytes)
    return call.constant(values, like.dtype)


def _multiplied(call: Call, x: Tensor, matrix: Array, outputs: Sequence[int]) -> Tensor:
    """X [..., rows, parts] by MATRIX [rows * parts, columns]: [..., OUTPUTS...]."""
    lead, rows = x.shape[:-2], product(x.shape[-2:])
    flat = call.emit(Reshape, x, shape=(product(lead), rows))
    made = call.emit(Matmul, flat, as_constant(call, matrix, x))
    return call.emit(Reshape, made, shape=(*lead, *outputs))


# ------------------------------------------------------------ transforms


def transformed(call: Call, x: Tensor, length: Dim, columns: Dim, sign: int) -> Tensor:
    """The first COLUMNS elements of the transform of x [..., LENGTH, parts], as [..., COLUMNS, 2].

    It uses exp(SIGN * 2 pi i * ...), and divides by the length for a positive sign.
    """
    if isinstance(length, int) and isinstance(columns, int):
        return _by_constants(call, x, length, columns, sign)
    return _at_run(call, x, length, columns, sign)


def _by_constants(call: Call, x: Tensor, length: int, columns: int, sign: int) -> Tensor:
    parts, scale = int(str(x.shape[-1])), 1 / length if sign > 0 else 1
    factor = max((n for n in range(1, int(length**0.5) + 1) if length % n == 0), default=1)
    if length <= DIRECT or factor == 1:
        require_room(call, length * columns)
        turns = waves(np.arange(length), np.arange(columns), length, sign) * scale
        return _multiplied(call, x, as_real(turns, parts), (columns, 2))
    whole = _in_two(call, x, factor, length // factor, sign, scale)
    sizes = (*whole.shape[:-2], columns, 2)
    return call.emit(Slice, whole, starts=(0,) * whole.rank, sizes=sizes)


def _in_two(call: Call, x: Tensor, first: int, second: int, sign: int, scale: float) -> Tensor:
    """The transform of FIRST * SECOND elements (Cooley and Tukey).

    With the elements in rows of SECOND: a transform along the columns, then one along the rows, whose matrix
    includes the twiddle factors.
    """
    length, lead = first * second, x.shape[:-2]
    parts = int(str(x.shape[-1]))
    split = call.emit(Reshape, x, shape=(product(lead), first, second, parts))
    columns = call.emit(Transpose, split, perm=(0, 2, 1, 3))
    require_room(call, length * second)
    turns = waves(np.arange(first), np.arange(first), first, sign)
    turned = _multiplied(call, columns, as_real(turns, parts), (first, 2))
    rows = call.emit(Transpose, turned, perm=(2, 0, 1, 3))
    flat = call.emit(Reshape, rows, shape=(first, product(lead), second * 2))
    twiddles = waves(np.arange(first), np.arange(second), length, sign)
    inner = waves(np.arange(second), np.arange(second), second, sign)
    matrix = as_real(twiddles[:, :, None] * inner * scale, 2)
    made = call.emit(Matmul, flat, as_constant(call, matrix, x))
    apart = call.emit(Reshape, made, shape=(first, product(lead), second, 2))
    ordered = call.emit(Transpose, apart, perm=(1, 2, 0, 3))
    return call.emit(Reshape, ordered, shape=(*lead, length, 2))


def real_inverse(call: Call, x: Tensor, length: Dim) -> Tensor:
    """The LENGTH real numbers, one part each, whose transform begins with x [..., length // 2 + 1, parts]."""
    if not isinstance(length, int):
        return _real_at_run(call, x, length)
    require_room(call, (length // 2 + 1) * length)
    bins = np.arange(length // 2 + 1)
    twice = np.where((bins == 0) | (2 * bins == length), 1, 2)[:, None]
    turns = waves(bins, np.arange(length), length, 1) * twice / length
    rows = np.stack([turns.real, -turns.imag], axis=1)[:, : int(str(x.shape[-1]))]
    return _multiplied(call, x, rows.reshape(-1, length), (length, 1))


# ------------------------------------------------------------ lengths that are known at a run


def _at_run(call: Call, x: Tensor, length: Dim, columns: Dim, sign: int) -> Tensor:
    """`transformed` with a matrix computed at run time."""
    lead, parts = x.shape[:-2], int(str(x.shape[-1]))
    turns = _waves_at_run(call, length, columns, length)
    real, other = (call.emit(Reshape, part, shape=(length, 1, columns, 1)) for part in turns)
    imaginary = other if sign > 0 else call.emit(Neg, other)
    whole = call.emit(Concat, real, imaginary, axis=3)
    if parts == 2:
        of_imaginary = call.emit(Concat, call.emit(Neg, imaginary), real, axis=3)
        whole = call.emit(Concat, whole, of_imaginary, axis=1)
    matrix = call.emit(Reshape, whole, shape=(length * parts, columns * 2))
    made = call.emit(Reshape, _product(call, x, matrix), shape=(*lead, columns, 2))
    return call.emit(Div, made, number_of(call, length, x.dtype)) if sign > 0 else made


def _real_at_run(call: Call, x: Tensor, length: Dim) -> Tensor:
    """`real_inverse` with a matrix computed at run time."""
    lead, parts, bins = x.shape[:-2], int(str(x.shape[-1])), floordiv(length, 2) + 1
    number = call.emit(Reshape, count_up(call, bins), shape=(bins, 1))
    doubled = call.emit(Add, number, number)
    ends = [call.emit(Equal, doubled, end) for end in (call.constant(0, I64), number_of(call, length, I64))]
    one, two = (call.constant(value, F32) for value in (1.0, 2.0))
    twice = call.emit(Where, call.emit(Or, *ends), one, two)
    turns = (call.emit(Mul, part, twice) for part in _waves_at_run(call, bins, length, length))
    real, other = (call.emit(Reshape, part, shape=(bins, 1, length)) for part in turns)
    whole = real if parts == 1 else call.emit(Concat, real, call.emit(Neg, other), axis=1)
    matrix = call.emit(Reshape, whole, shape=(bins * parts, length))
    made = call.emit(Reshape, _product(call, x, matrix), shape=(*lead, length, 1))
    return call.emit(Div, made, number_of(call, length, x.dtype))


def _product(call: Call, x: Tensor, matrix: Tensor) -> Tensor:
    """X [..., rows, parts], as rows of numbers, times MATRIX, in f32."""
    flat = call.emit(Reshape, x, shape=(product(x.shape[:-2]), product(x.shape[-2:])))
    return call.emit(Matmul, flat, matrix if x.dtype == F32 else call.emit(Cast, matrix, to=x.dtype))


def _waves_at_run(call: Call, rows: Dim, columns: Dim, length: Dim) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi * row * column / length, in f32: [ROWS, COLUMNS].

    Angles are reduced to an eighth of a turn in exact integer arithmetic, so that zeros are exact.
    """
    whole = number_of(call, length, I64)
    grid = call.emit(Mul, call.emit(Reshape, count_up(call, rows), shape=(rows, 1)), count_up(call, columns))
    turns = call.emit(Mod, grid, whole)
    near = call.emit(Min, turns, call.emit(Sub, whole, turns))
    double = call.emit(Add, near, near)
    half = call.emit(Min, double, call.emit(Sub, whole, double))
    quarter = call.emit(Sub, whole, call.emit(Add, double, double))
    ahead = call.emit(LessEqual, call.emit(Add, turns, turns), whole)
    sine = _sine(call, half, number_of(call, length, F32))
    cosine = _sine(call, quarter, number_of(call, 2 * length, F32))
    return cosine, call.emit(Where, ahead, sine, call.emit(Neg, sine))


def _sine(call: Call, over: Tensor, under: Tensor) -> Tensor:
    """sin(pi * OVER / UNDER)."""
    angle = call.emit(Mul, call.emit(Cast, over, to=F32), call.constant(np.pi, F32))
    return call.emit(Sin, call.emit(Div, angle, under))


def count_up(call: Call, count: Dim) -> Tensor:
    """0, 1, ... COUNT - 1."""
    return call.emit(Range, call.constant(0, I64), call.constant(1, I64), size=count)


def number_of(call: Call, dim: Dim, dtype: DType) -> Tensor:
    """The size DIM as a scalar of DTYPE."""
    scalar = call.emit(Reshape, call.builder.dims([dim]), shape=())
    return scalar if dtype == I64 else call.emit(Cast, scalar, to=dtype)


def frames(call: Call, x: Tensor, step: Dim, length: Dim) -> Tensor:
    """All windows of LENGTH elements of x [batch, n, parts], STEP apart: [batch, count, LENGTH, parts]."""
    count = floordiv(x.shape[1] - length, step) + 1
    begins = call.emit(Mul, count_up(call, count), number_of(call, step, I64))
    places = call.emit(Add, call.emit(Reshape, begins, shape=(count, 1)), count_up(call, length))
    return call.emit(Gather, x, places, axis=1)
