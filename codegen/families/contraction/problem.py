"""What a contraction is, apart from any kernel: an implicit matrix product.

    D[batch][m, n] = sum over k of A[batch][m, k] * B[batch][n, k]

A convolution's rows m run over images and output positions, its columns n over the output
channels of one group, its k over window taps and then the channels of a group; the batch is the
group. A matrix product's rows and batch are its own, with neighbouring dimensions merged where
memory allows. Every dimension may be symbolic, except a convolution's taps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd

from ....dialects.core.affine import Affine, Dim, Range, bounds, evaluate, floordiv, product
from ....dialects.core.dtypes import F32, I32, DType
from ....dialects.core.ir import Operation
from ....dialects.core.types import TensorType

COPY_BYTES = 16
INT_LIMIT = 2**31 - 1
Size = tuple[str, int, int, int]  # a symbol with its minimum, optimum and maximum


@dataclass(frozen=True)
class Window:
    """How a convolution's output position maps to x along one dimension.

    Tap t of output o reads position o*stride - pad + t*dilation, zero outside [0, limit).
    `checked` says whether positions may lie outside.
    """

    taps: int
    stride: int
    dilation: int
    pad: int
    limit: Dim
    checked: bool


@dataclass(frozen=True)
class RowAxis:
    """One of the dimensions that a row index is made of; `step` is elements per position."""

    extent: Dim
    step: Dim
    window: Window | None = None


@dataclass(frozen=True)
class BatchAxis:
    """One of the dimensions that the batch index is made of, with the operands' steps in elements."""

    extent: Dim
    a_step: Dim
    b_step: Dim


@dataclass(frozen=True)
class Problem:
    """A contraction as kernels see it. Axes are outermost first; steps and offsets count elements.

    `row_axes` and `batch_axes` name the result's logical axes that m and batch run over, so that
    an epilogue can turn (batch, m, n) into a result index; n runs over `column_axis`, within the
    group for a convolution. Where a prologue makes A (`a_computed`), it lies in memory as
    `a_memory`; where an index picks its rows, they may begin at all multiples of `a_picked`.
    """

    op: str
    a: DType
    b: DType
    accumulate: DType
    batch: tuple[BatchAxis, ...]
    rows: tuple[RowAxis, ...]
    n: Dim
    channels: Dim
    a_k_step: Dim
    b_k_step: Dim
    b_n_step: Dim
    a_offset: Dim
    b_offset: Dim
    row_axes: tuple[int, ...]
    batch_axes: tuple[int, ...]
    column_axis: int
    b_is_weight: bool = False
    sizes: tuple[Size, ...] = ()
    wide: bool = False
    a_memory: DType | None = None
    a_computed: bool = False
    a_picked: tuple[Dim, ...] = ()

    @property
    def a_stored(self) -> DType:
        """The element type in which A lies in memory."""
        return self.a_memory or self.a

    @property
    def windows(self) -> tuple[Window, ...]:
        return tuple(axis.window for axis in self.rows if axis.window is not None)

    @cached_property
    def taps(self) -> int:
        count = 1
        for window in self.windows:
            count *= window.taps
        return count

    @cached_property
    def m(self) -> Dim:
        return product(axis.extent for axis in self.rows)

    @cached_property
    def k(self) -> Dim:
        return self.channels * self.taps

    @cached_property
    def batches(self) -> Dim:
        return product(axis.extent for axis in self.batch)

    @cached_property
    def optimum(self) -> dict[str, int]:
        return {name: optimum for name, _, optimum, _ in self.sizes}

    def at_optimum(self, dim: Dim) -> int:
        """DIM at the sizes the model is tuned for; at least 1, since nobody tunes for what does nothing."""
        return max(evaluate(dim, self.optimum), 1)

    @property
    def a_k_major(self) -> bool:
        """True unless A lies with its rows next to each other (a transposed A)."""
        return not (
            self.a_k_step != 1 and len(self.rows) == 1 and not self.windows and self.rows[0].step == 1
        )

    @property
    def b_k_major(self) -> bool:
        """True unless B lies with its columns next to each other (a row-major [K, N])."""
        return not (self.b_k_step != 1 and self.b_n_step == 1)

    @cached_property
    def a_vector(self) -> int:
        """Elements of A that one aligned copy may move."""
        steps = [self.a_offset, *self.a_picked, *(axis.a_step for axis in self.batch)]
        widest = max(self.a, self.a_stored, key=lambda dtype: dtype.bytes)
        if not self.a_k_major:
            return self._vector(widest, [*steps, self.rows[0].extent, self.a_k_step])
        if self.a_k_step != 1:
            return 1
        for axis in self.rows:
            window = axis.window or Window(1, 1, 1, 0, 0, False)
            steps += [axis.step * window.stride, axis.step * window.pad, axis.step * window.dilation]
        return self._vector(widest, [*steps, self.channels])

    @cached_property
    def b_vector(self) -> int:
        """Elements of B that one aligned copy may move."""
        steps = [self.b_offset, *(axis.b_step for axis in self.batch)]
        if not self.b_k_major:
            return self._vector(self.b, [*steps, self.n, self.b_k_step])
        if self.b_k_step != 1:
            return 1
        return self._vector(self.b, [*steps, self.b_n_step, self.channels])

    @staticmethod
    def _vector(dtype: DType, steps: Sequence[Dim]) -> int:
        return power_of_two_in(divisor(*steps), COPY_BYTES // dtype.bytes)


def divisor(*dims: Dim) -> int:
    """The largest integer known to divide all of DIMS whatever the symbols are; 0 when all are 0."""
    result = 0
    for dim in dims:
        values = [value for _, value in dim.terms] if isinstance(dim, Affine) else [dim]
        result = gcd(result, *values)
    return result


def power_of_two_in(number: int, most: int) -> int:
    """The largest power of two that divides NUMBER (any, when it is 0), at most MOST."""
    result = 1
    while result * 2 <= most and number % (result * 2) == 0:
        result *= 2
    return result


def problem_of(
    op: Operation,
    sizes: Mapping[str, tuple[int, int, int]] | None = None,
    *,
    b_is_weight: bool = False,
    streamed: TensorType | None = None,
) -> Problem | None:
    """The problem of a graph.conv or graph.matmul; None when it is none, or lies as no kernel takes it.

    `sizes` gives (minimum, optimum, maximum) of every symbol. The accumulator is the op's
    `accumulate`, else what its operands call for. `streamed` is the type of the buffer that a
    prologue turns into the first operand, where there is one.
    """
    if op.name not in ("graph.conv", "graph.matmul"):
        return None
    a, b = (value.type for value in op.inputs[:2])
    accumulate = accumulator_of(a.dtype, op.attributes.get("accumulate"))
    dtype, a = a.dtype, streamed or a
    table = tuple((name, *three) for name, three in sorted((sizes or {}).items()))
    ranges: dict[str, Range] = {name: (low, high) for name, low, _, high in table}
    wide = any(span_of(type, ranges) is None for type in (a, b, op.result.type))
    common = _Common(a, b, dtype, accumulate, b_is_weight, table, wide)
    if op.name == "graph.conv":
        return _convolution(op, common)
    return _matmul(op, common)


def accumulator_of(dtype: DType, asked: DType | None = None) -> DType:
    """The type sums of products of DTYPE are kept in: at least 32 bits wide."""
    if asked is not None and asked.bits >= 32:
        return asked
    if dtype.bits >= 32:
        return dtype
    return F32 if dtype.is_float else I32


def span_of(type: TensorType, ranges: Mapping[str, Range]) -> int | None:
    """The largest element offset, if it is known to fit 32 bits."""
    last = type.layout.offset
    for extent, stride in zip(type.shape, type.strides, strict=True):
        last = last + extent * stride
    high = bounds(last, ranges)[1]
    return high if high is not None and high <= INT_LIMIT else None


@dataclass(frozen=True)
class _Common:
    a: TensorType
    b: TensorType
    dtype: DType
    accumulate: DType
    b_is_weight: bool
    sizes: tuple[Size, ...]
    wide: bool


def _convolution(op: Operation, common: _Common) -> Problem | None:
    x, w = common.a, common.b
    groups = int(op.attributes["groups"])
    channels = w.shape[1]
    taps = w.shape[2:]
    kept = _static_taps(taps)
    if kept is None or not _weight_is_k_major(w) or not isinstance(channels, int):
        return None
    columns = floordiv(w.shape[0], groups)
    rows = [RowAxis(x.shape[0], x.strides[0]), *_spatial_rows(op, x, kept)]
    steps = (channels * x.strides[1], columns * w.strides[0])
    return Problem(
        op="conv",
        a=common.dtype,
        a_memory=x.dtype,
        b=w.dtype,
        accumulate=common.accumulate,
        batch=(BatchAxis(groups, *steps),) if groups > 1 else (),
        rows=merged_rows(rows),
        n=columns,
        channels=channels,
        a_k_step=x.strides[1] if channels > 1 else 1,
        b_k_step=1,
        b_n_step=w.strides[0],
        a_offset=x.layout.offset,
        b_offset=w.layout.offset,
        row_axes=(0, *range(2, x.rank)),
        batch_axes=(1,) if groups > 1 else (),
        column_axis=1,
        b_is_weight=common.b_is_weight,
        sizes=common.sizes,
        wide=common.wide,
    )


def _static_taps(taps: Sequence[Dim]) -> tuple[int, ...] | None:
    found = tuple(tap for tap in taps if isinstance(tap, int))
    return found if len(found) == len(taps) else None


def _weight_is_k_major(w: TensorType) -> bool:
    """True when one output channel's weights lie densely in the order window, then channels."""
    step: Dim = 1
    for axis in (1, *range(w.rank - 1, 1, -1)):
        if w.shape[axis] != 1 and w.strides[axis] != step:
            return False
        step = step * w.shape[axis]
    return True


def _spatial_rows(op: Operation, x: TensorType, taps: Sequence[int]) -> list[RowAxis]:
    rows = []
    rank = len(taps)
    strides = tuple(op.attributes["strides"]) or (1,) * rank
    dilations = tuple(op.attributes["dilations"]) or (1,) * rank
    pads = tuple(op.attributes["pads"]) or (0,) * (2 * rank)
    for i, count in enumerate(taps):
        begin, end = pads[i], pads[i + rank]
        limit, step = x.shape[i + 2], x.strides[i + 2]
        extent = floordiv(limit + begin + end - dilations[i] * (count - 1) - 1, strides[i]) + 1
        if count == 1 and begin == 0 and end <= 0:
            rows.append(RowAxis(extent, step * strides[i]))
        else:
            checked = begin > 0 or end > 0
            rows.append(RowAxis(extent, step, Window(count, strides[i], dilations[i], begin, limit, checked)))
    return rows


def merged_rows(rows: Sequence[RowAxis]) -> tuple[RowAxis, ...]:
    """ROWS with neighbours joined that memory holds as one run; axes of one position dropped."""
    result: list[RowAxis] = []
    for axis in rows:
        if axis.extent == 1 and axis.window is None:
            continue
        outer = result[-1] if result else None
        if outer and outer.window is None and axis.window is None and outer.step == axis.extent * axis.step:
            result[-1] = RowAxis(outer.extent * axis.extent, axis.step)
        else:
            result.append(axis)
    return tuple(result) or (RowAxis(1, 0),)


def _matmul(op: Operation, common: _Common) -> Problem | None:
    a, b, y = common.a, common.b, op.result.type
    if a.rank < 2 or b.rank < 2:
        return None
    a_row, a_k = (a.rank - 1, a.rank - 2) if op.attributes["transpose_a"] else (a.rank - 2, a.rank - 1)
    b_column, b_k = (b.rank - 2, b.rank - 1) if op.attributes["transpose_b"] else (b.rank - 1, b.rank - 2)
    leading = range(y.rank - 2)
    a_steps = [_broadcast_step(a, axis, y.rank) for axis in leading]
    b_steps = [_broadcast_step(b, axis, y.rank) for axis in leading]
    row = RowAxis(y.shape[-2], a.strides[a_row])
    # Leading dimensions that B does not have are further rows, unless A's own layout forbids it.
    folded = len(leading)
    transposed = a.strides[a_k] != 1 and a.strides[a_row] == 1
    while folded > 0 and b_steps[folded - 1] == 0 and not transposed:
        folded -= 1
    rows = [RowAxis(y.shape[axis], a_steps[axis]) for axis in leading[folded:]] + [row]
    batch = [BatchAxis(y.shape[axis], a_steps[axis], b_steps[axis]) for axis in leading[:folded]]
    return Problem(
        op="matmul",
        a=common.dtype,
        a_memory=a.dtype,
        b=b.dtype,
        accumulate=common.accumulate,
        batch=merged_batch(batch),
        rows=merged_rows(rows),
        n=y.shape[-1],
        channels=a.shape[a_k],
        a_k_step=a.strides[a_k] if a.shape[a_k] != 1 else 1,
        b_k_step=b.strides[b_k] if b.shape[b_k] != 1 else 1,
        b_n_step=b.strides[b_column] if b.shape[b_column] != 1 else 1,
        a_offset=a.layout.offset,
        b_offset=b.layout.offset,
        row_axes=tuple(range(folded, y.rank - 1)),
        batch_axes=tuple(range(folded)),
        column_axis=y.rank - 1,
        b_is_weight=common.b_is_weight,
        sizes=common.sizes,
        wide=common.wide,
    )


def _broadcast_step(type: TensorType, axis: int, rank: int) -> Dim:
    """Elements of TYPE per step of result axis AXIS; 0 where it is broadcast."""
    own = axis - (rank - type.rank)
    return 0 if own < 0 or type.shape[own] == 1 else type.strides[own]


def merged_batch(batch: Sequence[BatchAxis]) -> tuple[BatchAxis, ...]:
    """BATCH with neighbours joined that both operands hold as one run; axes of one position dropped."""
    result: list[BatchAxis] = []
    for axis in batch:
        if axis.extent == 1:
            continue
        outer = result[-1] if result else None
        runs = outer is not None and all(
            wide == axis.extent * narrow
            for wide, narrow in ((outer.a_step, axis.a_step), (outer.b_step, axis.b_step))
        )
        if outer is not None and runs:
            result[-1] = BatchAxis(outer.extent * axis.extent, axis.a_step, axis.b_step)
        else:
            result.append(axis)
    return tuple(result)
