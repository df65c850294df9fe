"""The taps of a sample at a real position of an axis: elements and weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array
from ..core.ir import Value
from .formula import Term
from .numeric import compute_dtype

REACH = {"nearest": 1, "linear": 2, "cubic": 4}  # taps along an axis
KEYS = -0.75  # the coefficient of cubic convolution (R. G. Keys, 1981)
FAR = 3.0  # positions this far outside an axis, and farther ones, have no taps in it


def unnormalized(scalars: Scalars, normal: Term, size: Dim, *, align_corners: bool) -> Term:
    """The position on an axis of SIZE elements of a coordinate from -1 to 1."""
    if align_corners:
        return (normal + 1.0) * 0.5 * Term(scalars, scalars.index_value(size - 1, normal.dtype))
    return ((normal + 1.0) * Term(scalars, scalars.index_value(size, normal.dtype)) - 1.0) * 0.5


def unnormalized_array(normal: Array, size: int, *, align_corners: bool) -> Array:
    """`unnormalized` for a numpy array."""
    one, two = normal.dtype.type(1), normal.dtype.type(2)
    if align_corners:
        return np.asarray((normal + one) / two * normal.dtype.type(size - 1))
    return np.asarray(((normal + one) * normal.dtype.type(size) - one) / two)


class Taps:
    """The scalar expressions of the taps of one axis: their positions as i64, inside the axis; their weights;
    and whether they count, None if they always do."""

    def __init__(
        self, scalars: Scalars, at: Term, size: Dim, mode: str, padding: str, *, align_corners: bool
    ) -> None:
        self._scalars = scalars
        self._last = scalars.index_value(size - 1)
        self._size = scalars.index_value(size)
        self._corners = align_corners
        at = at if mode == "nearest" else self._within(at, mode, padding)
        base = at.call("round" if mode == "nearest" else "floor").cast(I64).expr
        first = -1 if mode == "cubic" else 0
        numbers = [self._plus(base, offset + first) for offset in range(REACH[mode])]
        self.inside = [self._is_inside(n) if padding == "zeros" else None for n in numbers]
        self.positions = [self._brought(n, padding) for n in numbers]
        rest = at - at.call("floor")
        self.weights = {"nearest": [], "linear": [1.0 - rest, rest], "cubic": _cubic(rest)}[mode]

    def _number(self, value: int) -> Expr:
        return self._scalars.const(value, I64)

    def _plus(self, x: Expr, offset: int) -> Expr:
        return self._scalars.apply("add", x, self._number(offset)) if offset else x

    def _is_inside(self, x: Expr) -> Expr:
        above = self._scalars.apply("ge", x, self._number(0))
        return self._scalars.apply("and", above, self._scalars.apply("le", x, self._last))

    def _brought(self, x: Expr, padding: str) -> Expr:
        """X inside the axis: mirrored at the borders, or the nearest element."""
        scalars = self._scalars
        if padding == "reflection":
            period = scalars.apply("mul", self._last if self._corners else self._size, self._number(2))
            period = scalars.apply("max", period, self._number(1))
            folded = scalars.apply("mod", x, period)
            end = period if self._corners else scalars.apply("sub", period, self._number(1))
            mirrored = scalars.apply("sub", end, folded)
            x = scalars.apply("min", folded, mirrored)
        return scalars.apply("max", scalars.apply("min", x, self._last), self._number(0))

    def _within(self, at: Term, mode: str, padding: str) -> Term:
        """The position AT brought to the axis, or near it, as a real number."""
        last = Term(self._scalars, self._scalars.cast(self._last, at.dtype))
        if padding == "reflection":
            return self._reflected(at, last)
        margin = _margin(mode, padding)
        return at.call("max", -margin).call("min", last + margin)

    def _reflected(self, at: Term, last: Term) -> Term:
        low = 0.0 if self._corners else -0.5
        high = last - low
        span = high - low
        beyond = (at - low).call("abs")
        turns = (beyond / span.call("max", 1.0)).call("floor")
        left = beyond - turns * span
        odd = (turns * 0.5).call("floor") * 2.0 < turns
        folded = odd.choose(high - left, left + low)
        outside = Term(self._scalars, self._scalars.apply("or", (at < low).expr, (at > high).expr))
        return outside.choose(folded, at)


def _margin(mode: str, padding: str) -> float:
    """The largest distance outside the axis that a position may keep.

    Cubic taps see a border as repeated elements, as in ONNX Runtime and PyTorch; ONNX's reference moves the
    position to the border first.
    """
    return 0.0 if padding == "border" and mode == "linear" else FAR


def _cubic(rest: Term) -> list[Term]:
    """The weights of the four taps around a position that is REST behind the second."""
    near, far = rest, 1.0 - rest
    return [_outer(near + 1.0), _inner(near), _inner(far), _outer(far + 1.0)]


def _inner(x: Term) -> Term:
    return (x * (KEYS + 2) - (KEYS + 3)) * x * x + 1.0


def _outer(x: Term) -> Term:
    return ((x * KEYS - 5 * KEYS) * x + 8 * KEYS) * x - 4 * KEYS


def sample(scalars: Scalars, source: Value, lead: Index, axes: Sequence[Taps]) -> Expr:
    """The element of SOURCE at LEAD and at a real position along each of AXES: the weighted sum of taps."""

    def bind(left: list[Expr], found: list[Dim]) -> Expr:
        """The sum with the positions of all taps as indices: FOUND, and those that are LEFT."""
        if left:
            return scalars.let_index(left[0], lambda at: bind(left[1:], [*found, at]))
        ends = iter(found)
        return _weighted(scalars, source, lead, axes, [[next(ends) for _ in axis.positions] for axis in axes])

    return bind([position for axis in axes for position in axis.positions], [])


def _weighted(
    scalars: Scalars, source: Value, lead: Index, axes: Sequence[Taps], at: Sequence[Sequence[Dim]]
) -> Expr:
    dtype, total = compute_dtype(source.type.dtype), None
    for taps in product(*(range(len(axis.positions)) for axis in axes)):
        pairs = list(zip(axes, taps, strict=True))
        value = scalars.load(source, (*lead, *(places[tap] for places, tap in zip(at, taps, strict=True))))
        inside = scalars.every([c for axis, tap in pairs if (c := axis.inside[tap]) is not None])
        if inside is not None:
            value = scalars.select(inside, value, scalars.const(0, value.dtype))
        if not axes[0].weights:
            return value
        term = Term(scalars, scalars.cast(value, dtype))
        for axis, tap in pairs:
            term = term * axis.weights[tap].cast(dtype)
        total = term if total is None else total + term
    assert total is not None  # every axis has taps
    return total.cast(source.type.dtype).expr


# ---------------------------------------------------------------- numpy


@dataclass(frozen=True)
class TapArray:
    """One tap of many positions: elements, weights, and whether they count."""

    at: Array
    weight: Array
    inside: Array


def tap_arrays(at: Array, size: int, mode: str, padding: str, *, align_corners: bool) -> list[TapArray]:
    """The taps of the positions AT on an axis of SIZE elements."""
    with np.errstate(all="ignore"):
        low, high = (0.0, size - 1.0) if align_corners else (-0.5, size - 0.5)
        if mode == "nearest":
            at = np.rint(at)
        elif padding == "reflection":
            outside = (at < low) | (at > high)
            at = np.where(outside, _mirrored(at, low, high), at).astype(at.dtype)
        else:
            margin = _margin(mode, padding)
            at = np.clip(at, -margin, size - 1 + margin)
        base = np.floor(at)
        rest = at - base
        weights = {"nearest": [np.ones_like(at)], "linear": [1 - rest, rest], "cubic": _cubic_weights(rest)}
        first = -1 if mode == "cubic" else 0
        return [
            _tap(base + (offset + first), weight, size, padding, low, high)
            for offset, weight in enumerate(weights[mode])
        ]


def _tap(number: Array, weight: Array, size: int, padding: str, low: float, high: float) -> TapArray:
    inside = (number >= 0) & (number <= size - 1) | (padding != "zeros")
    if padding == "reflection":
        number = np.where((number < low) | (number > high), _mirrored(number, low, high), number)
    safe = np.clip(np.nan_to_num(number), 0, size - 1).astype(np.int64)
    return TapArray(safe, weight, inside)


def _mirrored(x: Array, low: float, high: float) -> Array:
    """X outside LOW..HIGH, reflected at both until it is inside."""
    span = high - low
    if span == 0:
        return np.full_like(x, low)
    wave = np.mod(x - low, 2 * span)
    return np.asarray(low + np.where(wave > span, 2 * span - wave, wave))


def _cubic_weights(rest: Array) -> list[Array]:
    near, far = np.array([rest, 1 - rest]), np.array([rest + 1, 2 - rest])
    inner = ((KEYS + 2) * near - (KEYS + 3)) * near**2 + 1
    outer = KEYS * far**3 - 5 * KEYS * far**2 + 8 * KEYS * far - 4 * KEYS
    return [outer[0], inner[0], inner[1], outer[1]]


def sample_array(x: Array, lead: tuple[Array, ...], axes: Sequence[Sequence[TapArray]]) -> Array:
    """The weighted sums of the taps of AXES in X [lead..., spatial..., C]: [positions..., C]."""
    total: Any = 0
    with np.errstate(all="ignore"):
        for taps in product(*axes):
            values = x[(*lead, *(tap.at for tap in taps))]
            inside = np.all(np.broadcast_arrays(*(tap.inside for tap in taps)), axis=0)
            weight = np.prod(np.broadcast_arrays(*(tap.weight for tap in taps)), axis=0)
            kept = np.where(inside[..., None], values, x.dtype.type(0))
            total = total + (kept * weight[..., None].astype(x.dtype) if len(axes[0]) > 1 else kept)
    return np.asarray(total)
