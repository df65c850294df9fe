"""A contraction as an implicit GEMM, independent of any kernel.

    D[batch][m, n] = sum over k of A[batch][m, k] * B[batch][n, k]

For a convolution, m runs over images and output positions, n over the output channels of one group, and k
over window taps (outer) and the channels of a group (inner); the batch is the group. For a matrix product, m
and the batch are its own dimensions, with adjacent ones merged where strides allow. Every size may be
symbolic, except the taps of a convolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd

from ....dialects.core.affine import Affine, Dim, floordiv, product
from ....dialects.core.affine_traversal import evaluate
from ....dialects.core.bounds import Range, bounds
from ....dialects.core.dtypes import F32, I32, DType
from ....dialects.core.ir import Operation
from ....dialects.core.types import TensorType

COPY_BYTES = 16  # the widest vectorized access
INT_LIMIT = 2**31 - 1
SPATIAL = ("z", "y", "x")  # labels of a convolution's spatial dimensions, the innermost last
Size = tuple[str, int, int, int]  # a symbol with its minimum, optimum and maximum


@dataclass(frozen=True)
class Window:
    """A convolution's window along one dimension: how output positions map to input positions.

    Tap t of output position o reads input position o*stride - pad + t*dilation, or zero outside [0, limit).
    `checked`: positions may be out of bounds, so loads need an in-bounds predicate.
    """

    taps: int
    stride: int
    dilation: int
    pad: int
    limit: Dim
    checked: bool


@dataclass(frozen=True)
class RowAxis:
    """One dimension of the row index m, with A's stride `step` in elements per (input) position.

    label: the dimension of a convolution that it runs over: image, z, y or x, several of them joined by `_`;
    empty for a matrix product.
    """

    extent: Dim
    step: Dim
    window: Window | None = None
    label: str = ""


@dataclass(frozen=True)
class BatchAxis:
    """One dimension of the batch index, with the strides of both operands in elements."""

    extent: Dim
    a_step: Dim
    b_step: Dim


@dataclass(frozen=True)
class Problem:
    """A contraction as kernels see it. Axes are outermost first; steps (strides) and offsets count elements.

    a, b, accumulate: the types of the operands as they are multiplied, and of the accumulators.
    channels: the elements of k per window tap. a_k_step, b_k_step, b_n_step: strides along k and n.
    row_axes, batch_axes, column_axis: the logical axes of the result that m, batch and n run over, by which
    an epilogue turns (batch, m, n) into an index of the result; for a convolution n is within the group.
    b_is_weight: no kernel writes B. sizes: (minimum, optimum, maximum) of every symbol. wide: offsets may
    overflow an int. a_memory: A's type in memory; a_computed: a prologue computes A from it. a_picked: where
    A's rows are gathered, each starts at a sum of multiples of these.
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
        """The windows over the row axes; none for a matrix product."""
        return tuple(axis.window for axis in self.rows if axis.window is not None)

    @cached_property
    def taps(self) -> int:
        """The number of window taps; 1 for a matrix product."""
        count = 1
        for window in self.windows:
            count *= window.taps
        return count

    @cached_property
    def m(self) -> Dim:
        """Rows of the result, per batch entry."""
        return product(axis.extent for axis in self.rows)

    @cached_property
    def k(self) -> Dim:
        """The extent of the reduction."""
        return self.channels * self.taps

    @cached_property
    def batches(self) -> Dim:
        """The number of batch entries."""
        return product(axis.extent for axis in self.batch)

    @cached_property
    def optimum(self) -> dict[str, int]:
        """The size of every symbol that kernels are tuned for."""
        return {name: optimum for name, _, optimum, _ in self.sizes}

    def at_optimum(self, dim: Dim) -> int:
        """DIM at the sizes that kernels are tuned for; at least 1, since an empty kernel needs no tuning."""
        return max(evaluate(dim, self.optimum), 1)

    @property
    def a_k_major(self) -> bool:
        """Whether A is staged K-major: True unless m is innermost in memory, as in a transposed A."""
        return not (
            self.a_k_step != 1 and len(self.rows) == 1 and not self.windows and self.rows[0].step == 1
        )

    @property
    def b_k_major(self) -> bool:
        """Whether B is staged K-major: True unless n is innermost in memory, as in a row-major [K, N]."""
        return not (self.b_k_step != 1 and self.b_n_step == 1)

    @cached_property
    def a_vector(self) -> int:
        """Elements of A that one aligned vectorized load may move: a power of two, at most 16 bytes."""
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
        """Elements of B that one aligned vectorized load may move: a power of two, at most 16 bytes."""
        steps = [self.b_offset, *(axis.b_step for axis in self.batch)]
        if not self.b_k_major:
            return self._vector(self.b, [*steps, self.n, self.b_k_step])
        if self.b_k_step != 1:
            return 1
        return self._vector(self.b, [*steps, self.b_n_step, self.channels])

    @staticmethod
    def _vector(dtype: DType, steps: Sequence[Dim]) -> int:
        return power_of_two_in(divisor(*steps), COPY_BYTES // dtype.bytes)


def as_priced(problem: Problem) -> Problem:
    """PROBLEM with A's strides as short as its vectorized loads allow: no price depends on more of them.

    So the price of a tensor is that of its copy in a part of a longer buffer. An A that is not contiguous
    along k stays as it is.
    """
    if problem.a_k_step != 1:
        return problem
    step = problem.a_vector
    batch = tuple(replace(axis, a_step=step) for axis in problem.batch)
    rows = tuple(replace(axis, step=step) for axis in problem.rows)
    made = replace(problem, batch=batch, rows=rows, a_offset=0)
    return made if made.a_vector == step else problem


def divisor(*dims: Dim) -> int:
    """The largest integer that divides all of DIMS for all values of the symbols; 0 when all are 0."""
    result = 0
    for dim in dims:
        values = [value for _, value in dim.terms] if isinstance(dim, Affine) else [dim]
        result = gcd(result, *values)
    return result


def power_of_two_in(number: int, most: int) -> int:
    """The largest power of two that is at most MOST and divides NUMBER; all of them divide 0."""
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
    """The problem of OP, a graph.conv or graph.matmul; None for other ops and for layouts without a kernel.

    sizes: (minimum, optimum, maximum) of every symbol; b_is_weight: no kernel writes the second operand;
    streamed: the type of the buffer that is loaded, where a prologue computes the first operand from it. The
    type of the accumulators is the op's `accumulate`, else `accumulator_of` the first operand.
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
    """The type of accumulators for products of DTYPE: ASKED if it has at least 32 bits, else the default.

    The default is DTYPE itself from 32 bits on, else f32 or i32.
    """
    if asked is not None and asked.bits >= 32:
        return asked
    if dtype.bits >= 32:
        return dtype
    return F32 if dtype.is_float else I32


def span_of(type: TensorType, ranges: Mapping[str, Range]) -> int | None:
    """An upper bound of the element offsets in a buffer of TYPE; None when it may overflow an int."""
    last = type.layout.offset
    for extent, stride in zip(type.shape, type.strides, strict=True):
        last = last + extent * stride
    high = bounds(last, ranges)[1]
    return high if high is not None and high <= INT_LIMIT else None


@dataclass(frozen=True)
class _Common:
    """The facts that are found in one way for convolutions and matrix products; see `Problem`."""

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
    rows = [RowAxis(x.shape[0], x.strides[0], label="image"), *_spatial_rows(op, x, kept)]
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
    """True when the weights of an output channel are dense, channels innermost and window outermost."""
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
    for i, (count, label) in enumerate(zip(taps, SPATIAL[-rank:], strict=True)):
        begin, end = pads[i], pads[i + rank]
        limit, step = x.shape[i + 2], x.strides[i + 2]
        extent = floordiv(limit + begin + end - dilations[i] * (count - 1) - 1, strides[i]) + 1
        if count == 1 and begin == 0 and end <= 0:
            rows.append(RowAxis(extent, step * strides[i], None, label))
        else:
            window = Window(count, strides[i], dilations[i], begin, limit, begin > 0 or end > 0)
            rows.append(RowAxis(extent, step, window, label))
    return rows


def merged_rows(rows: Sequence[RowAxis]) -> tuple[RowAxis, ...]:
    """ROWS with adjacent axes merged where one stride covers both; axes of extent 1 are dropped."""
    result: list[RowAxis] = []
    for axis in rows:
        if axis.extent == 1 and axis.window is None:
            continue
        outer = result[-1] if result else None
        if outer and outer.window is None and axis.window is None and outer.step == axis.extent * axis.step:
            label = "_".join(filter(None, (outer.label, axis.label)))
            result[-1] = RowAxis(outer.extent * axis.extent, axis.step, None, label)
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
    # Leading dimensions along which B is broadcast become rows, unless A is transposed.
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
    """The stride of an operand of TYPE along AXIS of a result of RANK dimensions; 0 where it is broadcast."""
    own = axis - (rank - type.rank)
    return 0 if own < 0 or type.shape[own] == 1 else type.strides[own]


def merged_batch(batch: Sequence[BatchAxis]) -> tuple[BatchAxis, ...]:
    """BATCH with adjacent axes merged where one stride covers both in both operands; extent 1 is dropped."""
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
