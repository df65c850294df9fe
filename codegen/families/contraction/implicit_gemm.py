"""Convolutions and matrix products as implicit GEMMs: from ops and the layouts of operands to problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....dialects.core.affine import Dim, floordiv
from ....dialects.core.bounds import Range, bounds
from ....dialects.core.dtypes import F32, I32, DType
from ....dialects.core.ir import Operation
from ....dialects.core.types import TensorType
from .axes import BatchAxis, RowAxis, Window, merged_batch, merged_rows
from .problem import INT_LIMIT, Problem, Size

SPATIAL = ("z", "y", "x")  # labels of a convolution's spatial dimensions, the innermost last


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
