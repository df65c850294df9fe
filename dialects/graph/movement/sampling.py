"""Resampling along one axis: the positions of the samples."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from ...core.affine import Dim, floordiv
from ...core.affine_traversal import evaluate
from ...core.dtypes import I64
from ...core.expr import Expr, Scalars
from ...core.interpreter import Array

COORDINATES = (
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
    "tf_half_pixel_for_nn",
    "tf_crop_and_resize",
)
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def simple_fraction(number: float) -> Fraction:
    """The simplest fraction that rounds to a number of f32 precision: 3/5 for 0.60000002."""
    simple = Fraction(number).limit_denominator(1 << 12)
    if np.float32(float(simple)) == np.float32(number):
        return simple
    return Fraction(float(np.float32(number)))


Ratio = tuple[Dim, Dim]  # numerator and positive denominator


def as_ratio(number: float | Ratio) -> Ratio:
    if isinstance(number, tuple):
        return number
    simple = simple_fraction(number)
    return simple.numerator, simple.denominator


@dataclass(frozen=True)
class AxisSampling:
    """The sampling of an axis of EXTENT elements at LENGTH positions, which are fractions of Dims.

    SCALE is the model's, or a ratio known at run time; by default length / extent. ROI is the sampled region,
    its begin and end. REST is the remainder of EXTENT * SCALE beyond LENGTH, times the denominator.
    """

    coordinates: str
    extent: Dim
    length: Dim
    scale: float | Ratio | None
    roi: tuple[float | Ratio, float | Ratio]
    rest: Dim | None = None

    @cached_property
    def ratio(self) -> Ratio:
        """The scale as numerator and denominator."""
        return (self.length, self.extent) if self.scale is None else as_ratio(self.scale)

    @property
    def scale_number(self) -> float:
        """The scale of a static axis (or of one with a given scale) as a number."""
        over, under = self.ratio
        return float(Fraction(evaluate(over, {}), evaluate(under, {})))

    @property
    def is_identity(self) -> bool:
        """Whether every sample is the element of the same index."""
        whole = self.roi in ((0.0, 1.0), ((0, 1), (1, 1)))
        return whole and self.length == self.extent and self.scale in (None, 1.0, (1, 1))

    @property
    def outputs(self) -> range:
        """The indices of the samples of a static axis."""
        return range(evaluate(self.length, {}))

    def at(self, index: Dim) -> tuple[Dim, Dim]:
        """The position of sample INDEX on the axis: numerator and positive denominator."""
        over, under = self.ratio
        if self.coordinates == "asymmetric":
            return index * under, over
        if self.coordinates == "align_corners":
            return self._between_corners(index, (0, 1), (1, 1))
        if self.coordinates == "tf_crop_and_resize":
            return self._between_corners(index, *map(as_ratio, self.roi))
        center = (2 * index + 1) * under
        if self.coordinates == "tf_half_pixel_for_nn":
            return center, 2 * over
        if self.coordinates == "half_pixel_symmetric":
            rest = self.extent * over - self.length * under if self.rest is None else self.rest
            return center - over + rest, 2 * over
        if self.coordinates == "pytorch_half_pixel":
            return (center - over) * (1 - floordiv(1, self.length)), 2 * over
        return center - over, 2 * over

    def _between_corners(self, index: Dim, begin: Ratio, end: Ratio) -> Ratio:
        """LENGTH positions from BEGIN to END (fractions of the axis), both included; a single one is in the
        middle."""
        unit = begin[1] * end[1]
        first, last = begin[0] * end[1], end[0] * begin[1]
        # With the model's scale the length is extent * scale, which may be fractional, as in ONNX's reference
        # (ONNX Runtime rounds it down). LENGTH is the numerator over PART.
        length, part = (self.length, 1) if self.scale is None else self._stated_length
        single = floordiv(part, length)
        steps = length - part
        if first == 0 and last == unit:
            return index * (self.extent - 1) * part, steps + single
        along = steps * (2 * first) + index * (2 * (last - first) * part) + single * (first + last)
        return along * (self.extent - 1), (steps + single) * (2 * unit)

    @property
    def _stated_length(self) -> Ratio:
        if isinstance(self.scale, tuple):
            return self.extent * self.scale[0], self.scale[1]
        assert self.scale is not None  # a scale given by sizes states no length
        fraction = Fraction(float(np.float32(self.scale)))
        return self.extent * fraction.numerator, fraction.denominator

    def inside(self, scalars: Scalars, index: Dim) -> Expr:
        """Whether sample INDEX is within the axis, as an expression."""
        over, under = self.at(index)
        return scalars.inside(over, 0, under * (self.extent - 1) + 1)

    def inside_array(self) -> Array:
        """`inside` for every sample of a static axis."""
        extent = evaluate(self.extent, {})
        positions = [Fraction(evaluate(a, {}), evaluate(b, {})) for a, b in map(self.at, self.outputs)]
        return np.array([0 <= position <= extent - 1 for position in positions], dtype=bool)


def whole_part(over: Dim, under: Dim) -> Dim:
    """floor(OVER / UNDER) of a position, with a non-negative dividend: positions are above -1 (or outside x,
    where nothing is read)."""
    return floordiv(over + under, under) - 1


def nearest_position(rounding: str, over: Dim, under: Dim) -> Dim:
    """OVER / UNDER rounded to an integer, by the rule ROUNDING."""
    if rounding == "floor":
        return whole_part(over, under)
    if rounding == "ceil":
        return floordiv(over + under - 1, under)
    tie = 0 if rounding == "round_prefer_ceil" else -1
    return floordiv(2 * over + under + tie, 2 * under)


def clamped(scalars: Scalars, at: Dim, size: Dim) -> Expr:
    """AT clamped to 0..SIZE-1, as i64."""
    low = scalars.apply("max", scalars.index_value(at), scalars.const(0, I64))
    return scalars.apply("min", low, scalars.index_value(size - 1))
