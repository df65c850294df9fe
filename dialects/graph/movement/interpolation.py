"""Interpolation along one axis: the filter, and the weights of the elements around a sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from ...core.affine import Dim, ceildiv
from ...core.affine_traversal import evaluate
from ...core.dtypes import DType
from ...core.expr import Expr, Scalars
from ...core.interpreter import Array
from .sampling import AxisSampling, Ratio, clamped, whole_part


@dataclass(frozen=True)
class Filter:
    """An interpolation filter: mode 'linear' or 'cubic' (Keys, with its coefficient).

    A SCALE below 1 widens it (antialiasing); it is a ratio if known at run time only.
    """

    mode: str
    scale: float | Ratio
    coefficient: float
    exclude_outside: bool

    @property
    def radius(self) -> int:
        """The distance from which on weights are 0, if the filter is not widened."""
        return 1 if self.mode == "linear" else 2

    @property
    def offsets(self) -> range:
        """The elements with non-zero weight, relative to the one at or before the position."""
        assert not isinstance(self.scale, tuple)  # a ratio has only `first` and `count`
        reach = self.radius / self.scale
        return range(floor(-reach) + 1, ceil(reach) + 1)

    @property
    def first(self) -> Dim:
        """The first of `offsets`."""
        return 1 - self._reach if isinstance(self.scale, tuple) else self.offsets[0]

    @property
    def count(self) -> Dim:
        """The number of `offsets`; more, of weight 0, if the scale is known at run time only."""
        return 2 * self._reach if isinstance(self.scale, tuple) else len(self.offsets)

    @property
    def _reach(self) -> Dim:
        """An upper bound of radius / min(scale, 1), since sizes cannot express that minimum."""
        assert isinstance(self.scale, tuple)
        over, under = self.scale
        return ceildiv(self.radius * under, over) + self.radius

    @property
    def normalizes(self) -> bool:
        """Whether the weights have to be normalised to add up to 1."""
        return isinstance(self.scale, tuple) or self.scale < 1 or self.exclude_outside

    def taps(self, sampling: AxisSampling) -> tuple[Array, Array]:
        """The elements (taps) of every sample of a static axis, and their weights, f64; both [samples,
        taps]."""
        assert not isinstance(self.scale, tuple)  # the axis is static
        extent = evaluate(sampling.extent, {})
        positions = [[evaluate(part, {}) for part in sampling.at(row)] for row in sampling.outputs]
        over, under = np.array(positions, object).reshape(-1, 2).T
        bases = over // under
        rests = ((over - bases * under) / under).astype(np.float64)
        places = bases.astype(np.int64)[:, None] + np.array(self.offsets)
        distances = np.abs(np.array(self.offsets) - rests[:, None]) * self.scale
        weights = np.vectorize(self._weight, otypes=[np.float64])(distances)
        if self.exclude_outside:
            weights = np.where((places >= 0) & (places < extent), weights, 0.0)
        if self.normalizes:
            sums = weights.sum(1, keepdims=True)
            # A crop far outside x leaves no taps; such samples are not used.
            weights = weights / np.where(sums == 0, 1.0, sums)
        return np.clip(places, 0, extent - 1), weights

    def _weight(self, distance: float) -> float:
        a = self.coefficient
        if self.mode == "linear":
            return max(0.0, 1 - distance)
        if distance <= 1:
            return ((a + 2) * distance - (a + 3)) * distance**2 + 1
        return ((distance - 5) * distance + 8) * distance * a - 4 * a if distance < 2 else 0.0


def weighted(x: Array, axis: int, places: Array, weights: Array) -> Array:
    """Weighted sums along AXIS of the elements of X at PLACES; PLACES and WEIGHTS are [samples, taps].

    Elements that are not taps of a sample do not affect it, even if they are NaN.
    """
    shape = [-1 if other == axis else 1 for other in range(x.ndim)]
    sums: Array = np.zeros((*x.shape[:axis], len(places), *x.shape[axis + 1 :]))
    with np.errstate(all="ignore"):
        for at, weight in zip(places.T, weights.T, strict=True):
            sums += np.take(x, at, axis) * weight.reshape(shape)
    return sums


class Cell:
    """The scalar expressions of one sample: base element, fraction, weights."""

    def __init__(
        self, scalars: Scalars, sampling: AxisSampling, filter: Filter, index: Dim, dtype: DType
    ) -> None:
        over, under = sampling.at(index)
        self.base = whole_part(over, under)
        self.extent = sampling.extent
        self.filter = filter
        self._scalars = scalars
        self._dtype = dtype
        rest = scalars.index_value(over - self.base * under, dtype)
        self._rest = scalars.apply("div", rest, scalars.index_value(under, dtype))

    def place(self, offset: Dim) -> Expr:
        """The index of the element at OFFSET from the base, clamped to the axis; i64."""
        return clamped(self._scalars, self.base + offset, self.extent)

    def weight(self, offset: Dim) -> Expr:
        """The weight of the element at OFFSET, not normalised."""
        scalars = self._scalars
        if self.filter.mode == "linear" and not self.filter.normalizes and isinstance(offset, int):
            return self._rest if offset else scalars.apply("sub", self._const(1.0), self._rest)
        distance = scalars.apply("sub", scalars.index_value(offset, self._dtype), self._rest)
        distance = scalars.apply("abs", distance)
        scale = self._scale()
        if scale is not None:
            distance = scalars.apply("mul", distance, scale)
        weight = self._linear(distance) if self.filter.mode == "linear" else self._cubic(distance)
        if not self.filter.exclude_outside:
            return weight
        inside = scalars.inside(self.base + offset, 0, self.extent)
        return scalars.select(inside, weight, self._const(0.0))

    def weight_sum(self) -> Expr:
        """The sum of all weights."""
        first, count = self.filter.first, self.filter.count
        return self._scalars.reduce("sum", (count,), lambda taps: self.weight(taps[0] + first))

    def _scale(self) -> Expr | None:
        """The factor of distances if the filter is widened: the scale, if it is below 1."""
        scale, scalars = self.filter.scale, self._scalars
        if not isinstance(scale, tuple):
            return self._const(scale) if scale < 1 else None
        over, under = (scalars.index_value(part, self._dtype) for part in scale)
        return scalars.apply("min", scalars.apply("div", over, under), self._const(1.0))

    def _const(self, value: float) -> Expr:
        return self._scalars.const(value, self._dtype)

    def _linear(self, distance: Expr) -> Expr:
        falling = self._scalars.apply("sub", self._const(1.0), distance)
        return self._scalars.apply("max", falling, self._const(0.0))

    def _cubic(self, distance: Expr) -> Expr:
        a = self.filter.coefficient
        near = self._polynomial(distance, a + 2, -(a + 3), 0.0, 1.0)
        far = self._polynomial(distance, a, -5 * a, 8 * a, -4 * a)
        beyond = self._const(0.0)
        outer = self._scalars.select(self._scalars.apply("lt", distance, self._const(2.0)), far, beyond)
        return self._scalars.select(self._scalars.apply("le", distance, self._const(1.0)), near, outer)

    def _polynomial(self, x: Expr, *coefficients: float) -> Expr:
        """Horner's scheme, the highest power first."""
        value = self._const(coefficients[0])
        for coefficient in coefficients[1:]:
            product = self._scalars.apply("mul", value, x)
            value = self._scalars.apply("add", product, self._const(coefficient))
        return value
