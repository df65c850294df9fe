"""Rows on NaN, zeros and infinities in elementwise ops."""

from __future__ import annotations

import numpy as np

from .row import INF, NAN, f32, row, scalar

_SIX = (-0.0, 0, NAN, INF, -INF)
_LEFT, _RIGHT = f32(0, -0.0, 0, -0.0, NAN, 1, INF), f32(-0.0, 0, 0, -0.0, 1, NAN, -INF)
_PAIRS = f32(NAN, NAN, 0, -0.0, INF, 1), f32(NAN, 1, -0.0, 0, INF, NAN)
_BOUNDED = f32(-0.0, 0, NAN, -INF, 5, INF)
_WHOLES = f32(-0.0, -0.25, 0.5, 1.5, 2.5, -0.5, -1.5, NAN, INF, 8388609)

NAN_AND_ZERO = [
    row("NaN and zero", "Max", "zeros, NaN", _LEFT, _RIGHT, gives=f32(0, 0, 0, -0.0, NAN, NAN, INF)),
    row("NaN and zero", "Min", "zeros, NaN", _LEFT, _RIGHT, gives=f32(-0.0, -0.0, 0, -0.0, NAN, NAN, -INF)),
    row(
        "NaN and zero",
        "Clip",
        "to 0..3",
        _BOUNDED,
        scalar(0),
        scalar(3),
        gives=f32(0, 0, NAN, 0, 3, 3),
        constant=(1, 2),
    ),
    row(
        "NaN and zero",
        "Clip",
        "bounds that cross",
        _BOUNDED,
        scalar(3),
        scalar(1),
        gives=f32(1, 1, NAN, 1, 1, 1),
        constant=(1, 2),
    ),
    row(
        "NaN and zero",
        "Clip",
        "a bound is NaN",
        f32(-1, 5),
        scalar(NAN),
        scalar(3),
        gives=f32(NAN, NAN),
        constant=(1, 2),
    ),
    *(
        row("NaN and zero", op, "NaN, zeros, infinities", *_PAIRS, gives=np.array(gives))
        for op, gives in {
            "Equal": [False, False, True, True, True, False],
            "Less": [False] * 6,
            "LessOrEqual": [False, False, True, True, True, False],
            "Greater": [False] * 6,
            "GreaterOrEqual": [False, False, True, True, True, False],
        }.items()
    ),
    row("NaN and zero", "IsNaN", "all kinds", f32(*_SIX), gives=np.array([False, False, True, False, False])),
    row("NaN and zero", "IsInf", "all kinds", f32(*_SIX), gives=np.array([False, False, False, True, True])),
    row(
        "NaN and zero",
        "Where",
        "what is not chosen is NaN",
        np.array([True, False, False]),
        f32(NAN, NAN, 1),
        f32(1, -0.0, NAN),
        gives=f32(NAN, -0.0, NAN),
    ),
    row("NaN and zero", "Abs", "all kinds", f32(*_SIX), gives=f32(0, 0, NAN, INF, INF)),
    row("NaN and zero", "Neg", "all kinds", f32(*_SIX), gives=f32(0, -0.0, NAN, -INF, INF)),
    row("NaN and zero", "Sign", "all kinds", f32(*_SIX), gives=f32(0, 0, NAN, 1, -1)),
    row("NaN and zero", "Sqrt", "and below zero", f32(*_SIX, -1), gives=f32(-0.0, 0, NAN, INF, NAN, NAN)),
    row("NaN and zero", "Reciprocal", "of zeros", f32(*_SIX), gives=f32(-INF, INF, NAN, 0, -0.0)),
    row(
        "NaN and zero",
        "Add",
        "zeros, infinities",
        f32(-0.0, -0.0, 0, INF, INF),
        f32(-0.0, 0, -0.0, -INF, INF),
        gives=f32(-0.0, 0, 0, NAN, INF),
    ),
    row("NaN and zero", "Add", "a constant 0", f32(-0.0, 0), scalar(0), gives=f32(0, 0), constant=(1,)),
    *(
        row(
            "NaN and zero",
            op,
            f"a constant {zero:g}",
            f32(-0.0, 0, NAN),
            scalar(zero),
            gives=f32(*gives),
            constant=(1,),
        )
        for op, zero, gives in (
            ("Max", 0.0, (0, 0, NAN)),
            ("Max", -0.0, (-0.0, 0, NAN)),
            ("Min", 0.0, (-0.0, 0, NAN)),
            ("Sub", 0.0, (-0.0, 0, NAN)),
            ("Sub", -0.0, (0, 0, NAN)),
        )
    ),
    *(
        row(
            "NaN and zero",
            "Pow",
            f"a constant {power:g}",
            f32(-0.0, NAN, -INF, 4),
            scalar(power),
            gives=f32(*gives),
            constant=(1,),
        )
        for power, gives in (
            (2.0, (0, NAN, INF, 16)),
            (0.5, (0, NAN, INF, 2)),
            (-1.0, (-INF, NAN, -0.0, 0.25)),
            (0.0, (1, 1, 1, 1)),
            (3.0, (-0.0, NAN, -INF, 64)),
        )
    ),
    row("NaN and zero", "Sum", "three times -0", f32(-0.0), f32(-0.0), f32(-0.0), gives=f32(-0.0)),
    row(
        "NaN and zero",
        "Sub",
        "zeros, infinities",
        f32(0, -0.0, -0.0, INF),
        f32(0, 0, -0.0, INF),
        gives=f32(0, -0.0, 0, NAN),
    ),
    row(
        "NaN and zero",
        "Mul",
        "zeros, infinities",
        f32(-0.0, 0, INF, -1),
        f32(3, -3, 0, 0),
        gives=f32(-0.0, -0.0, NAN, -0.0),
    ),
    row(
        "NaN and zero",
        "Mul",
        "by a constant 0",
        f32(-1, INF, NAN, -0.0),
        scalar(0),
        gives=f32(-0.0, NAN, NAN, -0.0),
        constant=(1,),
    ),
    row(
        "NaN and zero",
        "Div",
        "by zero",
        f32(1, -1, 0, NAN, 1, INF, 0),
        f32(0, 0, 0, 0, -0.0, INF, -3),
        gives=f32(INF, -INF, NAN, NAN, -INF, NAN, -0.0),
    ),
    row(
        "NaN and zero",
        "Mod",
        "fmod = 1",
        f32(-7, 7, 5, 5, INF, -0.0, -6),
        f32(3, -3, 0, INF, 3, 3, 3),
        gives=f32(-1, 1, NAN, 5, NAN, -0.0, -0.0),
        fmod=1,
    ),
    row(
        "NaN and zero",
        "Pow",
        "zeros, NaN, infinities",
        f32(0, 0, -8, NAN, 1, -1, -2, -INF, -0.0, 2),
        f32(0, -1, 0.25, 0, NAN, INF, 0.5, 0.5, -1, 200),
        gives=f32(1, INF, NAN, 1, 1, 1, NAN, INF, -INF, INF),
    ),
]

ROUNDING = [
    row(
        "Rounding",
        "Round",
        "halves, zeros",
        _WHOLES,
        gives=f32(-0.0, -0.0, 0, 2, 2, -0.0, -2, NAN, INF, 8388609),
    ),
    row(
        "Rounding", "Floor", "halves, zeros", _WHOLES, gives=f32(-0.0, -1, 0, 1, 2, -1, -2, NAN, INF, 8388609)
    ),
    row(
        "Rounding",
        "Ceil",
        "halves, zeros",
        _WHOLES,
        gives=f32(-0.0, -0.0, 1, 2, 3, -0.0, -1, NAN, INF, 8388609),
    ),
]

_ACTIVATIONS = {
    "Relu": (0, 0, NAN, INF, 0),
    "LeakyRelu": (-0.0, 0, NAN, INF, -INF),
    "Elu": (-0.0, 0, NAN, INF, -1),
    "Celu": (0, 0, NAN, INF, -1),
    "HardSigmoid": (0.5, 0.5, NAN, 1, 0),
    "HardSwish": (-0.0, 0, NAN, INF, NAN),
    "Softsign": (-0.0, 0, NAN, NAN, NAN),
    "Mish": (-0.0, 0, NAN, INF, NAN),
    "ThresholdedRelu": (0, 0, 0, INF, 0),
    "Shrink": (0, 0, 0, INF, -INF),
    "Gelu": (-0.0, 0, NAN, INF, NAN),
    "Sigmoid": (0.5, 0.5, NAN, 1, 0),
    "Tanh": (-0.0, 0, NAN, 1, -1),
    "Erf": (-0.0, 0, NAN, 1, -1),
    "Exp": (1, 1, NAN, INF, 0),
    "Log": (-INF, -INF, NAN, INF, NAN),
    "Sin": (-0.0, 0, NAN, NAN, NAN),
    "Cos": (1, 1, NAN, NAN, NAN),
    "Tan": (-0.0, 0, NAN, NAN, NAN),
    "Asin": (-0.0, 0, NAN, NAN, NAN),
    "Sinh": (-0.0, 0, NAN, INF, -INF),
    "Cosh": (1, 1, NAN, INF, INF),
    "Asinh": (-0.0, 0, NAN, INF, -INF),
    "Acosh": (NAN, NAN, NAN, INF, NAN),
    "Atanh": (-0.0, 0, NAN, NAN, NAN),
}

FUNCTIONS = [
    *(
        row("Functions", op, "zeros, NaN, infinities", f32(*_SIX), gives=f32(*gives), opset=20)
        for op, gives in _ACTIVATIONS.items()
    ),
    row("Functions", "Acos", "NaN, infinities", f32(1, NAN, INF, -INF), gives=f32(0, NAN, NAN, NAN)),
    row("Functions", "Atan", "zeros, NaN", f32(-0.0, 0, NAN), gives=f32(-0.0, 0, NAN)),
    row("Functions", "Softplus", "NaN, infinities", f32(NAN, INF, -INF), gives=f32(NAN, INF, 0)),
    row("Functions", "Selu", "zeros, NaN, infinity", f32(-0.0, 0, NAN, INF), gives=f32(-0.0, 0, NAN, INF)),
    row(
        "Functions",
        "Gelu",
        "tanh: zeros, NaN, infinities",
        f32(*_SIX),
        gives=f32(-0.0, 0, NAN, INF, NAN),
        opset=20,
        approximate="tanh",
    ),
    row(
        "Functions",
        "Swish",
        "zeros, NaN, infinities",
        f32(*_SIX),
        gives=f32(-0.0, 0, NAN, INF, NAN),
        opset=24,
    ),
    row(
        "Functions",
        "PRelu",
        "zeros, NaN, infinities",
        f32(-0.0, NAN, -INF, -1),
        f32(0, 1, 0, NAN),
        gives=f32(-0.0, NAN, NAN, NAN),
    ),
]
