"""Hypothesis strategies for shapes, element types and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import DrawFn, SearchStrategy

from ..dialects.core.dtypes import (
    BF16,
    BOOL,
    F16,
    F32,
    F64,
    I8,
    I32,
    I64,
    U8,
    U16,
    DType,
)

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

FLOATS = (F64, F32, F16, BF16)
INTEGERS = (I64, I32, I8, U8, U16)
NUMBERS = (*FLOATS, *INTEGERS)
SPECIAL = (float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -1.0, 0.5, -2.5)


def dtypes(*choices: DType) -> SearchStrategy[DType]:
    return st.sampled_from(choices)


def shapes(least: int = 0, most: int = 3, side: int = 4, smallest: int = 1) -> SearchStrategy[Shape]:
    """Shapes of LEAST to MOST dimensions, each SMALLEST to SIDE."""
    return hnp.array_shapes(min_dims=least, max_dims=most, min_side=smallest, max_side=side)


def numbers(dtype: DType, *, special: bool = True, limit: float = 8.0) -> SearchStrategy[Any]:
    """Elements of DTYPE: floats up to LIMIT, and with `special` NaN, infinities and integer extremes."""
    if dtype == BOOL:
        return st.booleans()
    if dtype.is_integer:
        least, most = map(int, dtype.limits)
        small = st.integers(max(-9, least), min(9, most))
        return st.one_of(small, st.integers(least, most)) if special else small
    # Thousandths, so that failures read well and subnormals do not drown everything else.
    step = st.integers(int(-limit * 1000), int(limit * 1000)).map(lambda n: n / 1000)
    return st.one_of(step, st.sampled_from(SPECIAL)) if special else step


@st.composite
def tensors(draw: DrawFn, dtype: DType, shape: Shape, *, special: bool = True, limit: float = 8.0) -> Array:
    """A tensor of DTYPE and SHAPE."""
    count = int(np.prod(shape))
    values = draw(st.lists(numbers(dtype, special=special, limit=limit), min_size=count, max_size=count))
    wide = np.float64 if dtype.is_float else dtype.numpy
    return np.array(values, wide).astype(dtype.numpy).reshape(shape)


@st.composite
def broadcast_shapes(draw: DrawFn, count: int, most: int = 3, side: int = 3) -> tuple[Shape, ...]:
    """COUNT shapes that numpy broadcasts together."""
    drawn = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=most, max_side=side))
    return drawn.input_shapes


@st.composite
def axes_of(draw: DrawFn, rank: int, *, least: int = 0) -> tuple[int, ...]:
    """Some axes of a tensor of RANK, in ascending order."""
    chosen = draw(st.lists(st.integers(0, rank - 1), min_size=least, max_size=rank, unique=True))
    return tuple(sorted(chosen))


@st.composite
def sizes(draw: DrawFn, names: str = "NHW", least: int = 1, most: int = 8) -> dict[str, tuple[int, int, int]]:
    """Ranges (min, opt, max) for dimensions with names, as `glassrt.compile` takes them."""
    found = {}
    for name in names:
        low, middle, high = sorted(draw(st.integers(least, most)) for _ in range(3))
        found[name] = (low, middle, high)
    return found
