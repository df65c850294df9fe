"""Rows on norms, pools and contractions: NaN, zeros, overflow, no variance."""

from __future__ import annotations

from typing import Any

import numpy as np

from .row import INF, NAN, Row, f32, i64, row, rows_of

BIG = 3e38
_ONE, _ZERO = f32(1, 1), f32(0, 0)
_NORMED = rows_of([5, 5], [BIG, BIG], [1e20, -1e20], [NAN, 1], [INF, 1])

NORMS = [
    row(
        "Norms",
        "LayerNormalization",
        "epsilon 0: no variance, overflow, NaN",
        _NORMED,
        _ONE,
        _ZERO,
        gives=rows_of([NAN] * 2, [NAN] * 2, [0, 0], [NAN] * 2, [NAN] * 2),
        epsilon=0.0,
    ),
    row(
        "Norms",
        "LayerNormalization",
        "no variance, a sum that overflows, squares that do",
        rows_of([5, 5], [BIG, BIG], [1e20, -1e20]),
        _ONE,
        _ZERO,
        gives=rows_of([0, 0], [NAN] * 2, [0, 0]),
        epsilon=1e-5,
    ),
    row(
        "Norms",
        "RMSNormalization",
        "epsilon 0: zeros, overflow",
        rows_of([0, 0], [1e20, 1e20], [INF, 1]),
        _ONE,
        gives=rows_of([NAN] * 2, [0, 0], [NAN, 0]),
        epsilon=0.0,
        opset=23,
    ),
    row(
        "Norms",
        "InstanceNormalization",
        "epsilon 0: no variance, overflow, NaN",
        np.array([[[5, 5], [BIG, BIG]], [[1e20, -1e20], [NAN, 1]]], np.float32),
        _ONE,
        _ZERO,
        gives=np.array([[[NAN] * 2, [NAN] * 2], [[0, 0], [NAN] * 2]], np.float32),
        epsilon=0.0,
    ),
    row(
        "Norms",
        "BatchNormalization",
        "epsilon 0: no variance",
        rows_of([0, 1]),
        _ONE,
        _ZERO,
        _ZERO,
        _ZERO,
        gives=rows_of([NAN, INF]),
        epsilon=0.0,
    ),
    row(
        "Norms",
        "GroupNormalization",
        "epsilon 0: no variance, a sum that overflows",
        f32(5, 5, BIG, BIG).reshape(1, 2, 2),
        _ONE,
        _ZERO,
        gives=f32(NAN, NAN, NAN, NAN).reshape(1, 2, 2),
        num_groups=2,
        epsilon=0.0,
    ),
    row(
        "Norms",
        "LpNormalization",
        "zeros, overflow",
        rows_of([0, 0], [BIG, BIG]),
        gives=rows_of([0, 0], [0, 0]),
        axis=1,
        p=2,
    ),
    row(
        "Norms",
        "LRN",
        "squares that overflow, NaN",
        np.array([1e20, 0, NAN], np.float32).reshape(1, 3, 1, 1),
        gives=np.array([0, 0, NAN], np.float32).reshape(1, 3, 1, 1),
        size=1,
    ),
]


def _pooled(op: str, about: str, gives: Any, x: Any, **options: Any) -> Row:
    return row("Pools", op, about, np.asarray(x)[None, None], gives=np.asarray(gives)[None, None], **options)


_WINDOWS = f32(BIG, BIG, -0.0, -0.0, 0, -0.0, NAN, 1, 1, NAN, -INF, -INF, -INF, 1)

POOLS = [
    _pooled(
        "MaxPool",
        "NaN, zeros, infinities",
        f32(BIG, -0.0, 0, NAN, NAN, -INF, 1),
        _WINDOWS,
        kernel_shape=[2],
        strides=[2],
    ),
    _pooled(
        "MaxPool",
        "padding, -inf",
        f32(-INF, NAN, NAN, -INF),
        f32(-INF, NAN, -INF),
        kernel_shape=[2],
        pads=[1, 1],
    ),
    _pooled(
        "MaxPool",
        "padding, int8",
        np.array([-128, -128, 127, 127], np.int8),
        np.array([-128, -128, 127], np.int8),
        kernel_shape=[2],
        pads=[1, 1],
    ),
    _pooled(
        "AveragePool",
        "NaN, zeros, a sum that overflows",
        f32(INF, 0, 0, NAN, NAN, -INF, -INF),
        _WINDOWS,
        kernel_shape=[2],
        strides=[2],
    ),
    _pooled(
        "LpPool",
        "NaN, zeros, squares that overflow",
        f32(INF, 0, 0, NAN, NAN, INF, INF),
        _WINDOWS,
        kernel_shape=[2],
        strides=[2],
        p=2,
    ),
    row(
        "Pools",
        "GlobalMaxPool",
        "NaN, zeros, infinities",
        np.array([[[NAN, 1], [1, NAN], [-0.0, 0], [0, -0.0], [-INF, -INF]]], np.float32),
        gives=f32(NAN, NAN, 0, 0, -INF).reshape(1, 5, 1),
    ),
    row(
        "Pools",
        "GlobalAveragePool",
        "NaN, zeros, a sum that overflows",
        np.array([[[BIG, BIG], [-0.0, -0.0], [NAN, 1]]], np.float32),
        gives=f32(INF, 0, NAN).reshape(1, 3, 1),
    ),
    _pooled(
        "MaxPool",
        "positions: NaN, ties",
        i64(0, 3, 4, 6, 8),
        f32(NAN, 1, 1, NAN, 2, 2, -0.0, 0, -INF, -INF),
        kernel_shape=[2],
        strides=[2],
        result=1,
    ),
    row(
        "Contractions",
        "ConvTranspose",
        "a sum of -0",
        f32(-0.0).reshape(1, 1, 1),
        f32(1).reshape(1, 1, 1),
        gives=f32(0).reshape(1, 1, 1),
    ),
    row("Contractions", "MatMul", "a sum of -0", rows_of([-0.0]), rows_of([1]), gives=rows_of([0])),
    row("Contractions", "MatMul", "overflow", rows_of([BIG, BIG]), rows_of([10], [10]), gives=rows_of([INF])),
    row(
        "Contractions",
        "MatMul",
        "0 times infinity",
        rows_of([0, 1]),
        rows_of([INF], [1]),
        gives=rows_of([NAN]),
    ),
    row(
        "Contractions",
        "Gemm",
        "-0 and a bias of -0",
        rows_of([-0.0]),
        rows_of([1]),
        f32(-0.0),
        gives=rows_of([0]),
    ),
    row(
        "Contractions",
        "Conv",
        "infinity times 0, padding",
        f32(INF, 1, 1).reshape(1, 1, 3),
        f32(1, 0, 1).reshape(1, 1, 3),
        gives=f32(NAN, INF, 1).reshape(1, 1, 3),
        pads=[1, 1],
    ),
]
