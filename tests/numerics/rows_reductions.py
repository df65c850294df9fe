"""Rows on reductions: NaN, zeros, overflow, and of nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from .row import INF, NAN, Row, f16, f32, i32, i64, row, rows_of, scalar

BIG = 3e38
_AXIS = i64(1)


def _along(kind: str, op: str, about: str, x: Any, gives: Any, axis: str = "input", **options: Any) -> Row:
    """OP along axis 1 of a matrix; the axis is an input or an attribute."""
    if axis == "input":
        return row(kind, op, about, x, _AXIS, gives=gives, constant=(1,), keepdims=0, **options)
    return row(kind, op, about, x, gives=gives, axis=1, **options)


def _arg(op: str, about: str, gives: Any, **options: Any) -> Row:
    x = rows_of([1, NAN, 3, NAN], [NAN] * 4, [0, -0.0, 0, -0.0], [-0.0, 0, 0, 0], [-INF] * 4)
    return _along("Reductions", op, about, x, i64(*gives), axis="attribute", keepdims=0, **options)


_EXTREMES = rows_of(
    [1, NAN, 3], [NAN, 1, 3], [-0.0] * 3, [0, -0.0, -0.0], [-0.0, 0, 0], [-INF] * 3, [INF] * 3
)
_ROWS = rows_of([-INF, -INF], [INF, 1], [NAN, 1], [-INF, 0], [1000, -1000])

REDUCTIONS = [
    _along(
        "Reductions", "ReduceMax", "NaN, zeros, infinities", _EXTREMES, f32(NAN, NAN, -0.0, 0, 0, -INF, INF)
    ),
    _along(
        "Reductions",
        "ReduceMin",
        "NaN, zeros, infinities",
        _EXTREMES,
        f32(NAN, NAN, -0.0, -0.0, -0.0, -INF, INF),
    ),
    _arg("ArgMax", "NaN, zeros, ties", (1, 0, 0, 0, 0)),
    _arg("ArgMin", "NaN, zeros, ties", (1, 0, 0, 0, 0)),
    _arg("ArgMax", "the last of NaN, zeros, ties", (3, 3, 3, 3, 3), select_last_index=1),
    _arg("ArgMin", "the last of NaN, zeros, ties", (3, 3, 3, 3, 3), select_last_index=1),
    _along(
        "Reductions",
        "ReduceSum",
        "zeros, NaN, infinities, overflow",
        rows_of([-0.0, -0.0], [-0.0, 0], [NAN, 1], [INF, -INF], [BIG, BIG], [BIG, -BIG]),
        f32(0, 0, NAN, NAN, INF, 0),
    ),
    _along(
        "Reductions",
        "ReduceMean",
        "zeros, NaN, a sum that overflows",
        rows_of([-0.0, -0.0], [NAN, 1], [BIG, BIG], [-BIG, -BIG], [BIG, -BIG]),
        f32(0, NAN, INF, -INF, 0),
    ),
    _along(
        "Reductions",
        "ReduceMean",
        "f16 whose sum overflows f16",
        np.array([[60000, 60000]], np.float16),
        f16(60000),
    ),
    _along(
        "Reductions",
        "ReduceSum",
        "f16 overflow",
        np.array([[60000, 60000], [6e4, -6e4]], np.float16),
        f16(INF, 0),
    ),
    _along(
        "Reductions",
        "ReduceMean",
        "int32, toward zero, a sum that wraps",
        np.array([[-3, 0], [3, 2], [2**31 - 1, 2**31 - 1]], np.int32),
        i32(-1, 2, -1),
    ),
    _along("Reductions", "ReduceSum", "int32 overflow", np.array([[2**31 - 1, 1]], np.int32), i32(-(2**31))),
    _along("Reductions", "ReduceSum", "int64 overflow", np.array([[2**63 - 1, 1]], np.int64), i64(-(2**63))),
    _along("Reductions", "ReduceProd", "int32 overflow", np.array([[2**20, 2**20]], np.int32), i32(0)),
    _along(
        "Reductions",
        "ReduceProd",
        "zeros, overflow",
        rows_of([-0.0, 1], [-1, 0], [BIG, BIG], [0, INF]),
        f32(-0.0, -0.0, INF, NAN),
    ),
    _along("Reductions", "ReduceL1", "zeros, overflow", rows_of([-0.0, -0.0], [BIG, -BIG]), f32(0, INF)),
    _along(
        "Reductions", "ReduceL2", "squares that overflow", rows_of([3e19, 4e19], [1e-30, 1e-30]), f32(INF, 0)
    ),
    _along("Reductions", "ReduceSumSquare", "overflow", rows_of([BIG, 0], [NAN, 0]), f32(INF, NAN)),
    _along(
        "Reductions",
        "ReduceLogSum",
        "of zero and less",
        rows_of([0, 0], [-1, 0], [BIG, BIG]),
        f32(-INF, NAN, INF),
    ),
    _along(
        "Reductions",
        "ReduceLogSumExp",
        "infinities, NaN",
        rows_of([-INF, -INF], [INF, -INF], [INF, INF], [NAN, 1], [1000, -1000]),
        f32(-INF, INF, INF, NAN, 1000),
    ),
    _along(
        "Reductions",
        "Softmax",
        "infinities, NaN, far apart",
        _ROWS,
        rows_of([NAN] * 2, [NAN] * 2, [NAN] * 2, [0, 1], [1, 0]),
        axis="attribute",
    ),
    _along(
        "Reductions",
        "LogSoftmax",
        "infinities, NaN, far apart",
        _ROWS,
        rows_of([NAN] * 2, [NAN] * 2, [NAN] * 2, [-INF, 0], [0, -2000]),
        axis="attribute",
    ),
    row(
        "Reductions",
        "CumSum",
        "zeros, NaN",
        rows_of([-0.0, -0.0, 1, -1, -0.0, NAN, 2]),
        scalar(1, np.int64),
        gives=rows_of([-0.0, -0.0, 1, 0, 0, NAN, NAN]),
        constant=(1,),
    ),
    row(
        "Reductions",
        "CumSum",
        "zeros, exclusive",
        rows_of([-0.0, -0.0, 1, -1]),
        scalar(1, np.int64),
        gives=rows_of([0, 0, 0, 1]),
        constant=(1,),
        exclusive=1,
    ),
    row(
        "Reductions",
        "CumSum",
        "zeros, reverse",
        rows_of([1, -0.0, -0.0]),
        scalar(1, np.int64),
        gives=rows_of([1, -0.0, -0.0]),
        constant=(1,),
        reverse=1,
    ),
    row(
        "Reductions",
        "CumSum",
        "overflow, as the elements come",
        rows_of([BIG, BIG, -BIG]),
        scalar(1, np.int64),
        gives=rows_of([BIG, INF, INF]),
        constant=(1,),
    ),
    row(
        "Reductions",
        "CumSum",
        "overflow, reverse",
        rows_of([-BIG, BIG, BIG]),
        scalar(1, np.int64),
        gives=rows_of([INF, INF, BIG]),
        constant=(1,),
        reverse=1,
    ),
    row(
        "Reductions", "Mean", "a sum that overflows, -0", f32(BIG, -0.0), f32(BIG, -0.0), gives=f32(INF, -0.0)
    ),
]

_NOTHING = np.ones((2, 3), np.float32)


def _empty(op: str, gives: Any, x: Any = _NOTHING) -> Row:
    about = f"{np.asarray(x).dtype.name} of nothing"
    return _along("Of nothing", op, about, x, gives, emptied=1)


NOTHING = [
    _empty("ReduceSum", f32(0, 0)),
    _empty("ReduceMean", f32(0, 0)),
    _empty("ReduceProd", f32(1, 1)),
    _empty("ReduceMax", f32(-INF, -INF)),
    _empty("ReduceMin", f32(INF, INF)),
    _empty("ReduceL2", f32(0, 0)),
    _empty("ReduceLogSumExp", f32(-INF, -INF)),
    _empty("ReduceSum", i32(0, 0), _NOTHING.astype(np.int32)),
    _empty("ReduceMean", i32(0, 0), _NOTHING.astype(np.int32)),
    _empty("ReduceProd", i32(1, 1), _NOTHING.astype(np.int32)),
    _empty("ReduceMax", i32(-(2**31), -(2**31)), _NOTHING.astype(np.int32)),
    _empty("ReduceMin", i32(2**31 - 1, 2**31 - 1), _NOTHING.astype(np.int32)),
    _empty("ReduceMax", np.zeros(2, np.uint8), _NOTHING.astype(np.uint8)),
    _empty("ReduceMin", np.full(2, 255, np.uint8), _NOTHING.astype(np.uint8)),
    _empty("ReduceMax", np.array([False, False]), _NOTHING.astype(bool)),
    _empty("ReduceMin", np.array([True, True]), _NOTHING.astype(bool)),
    row(
        "Of nothing", "Softmax", "of nothing", _NOTHING, gives=np.zeros((2, 0), np.float32), axis=1, emptied=1
    ),
    row(
        "Of nothing",
        "MatMul",
        "a sum of no products",
        _NOTHING,
        np.ones((0, 2), np.float32),
        gives=np.zeros((2, 2), np.float32),
        emptied=1,
        constant=(1,),
    ),
]
