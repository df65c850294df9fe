"""Resize: resampling along every axis (ONNX Resize, Upsample)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ...core.affine import Dim, exact_div, product
from ...core.attributes import BOOL, DIMS, FLOAT, FLOATS, EnumKind
from ...core.bounds import is_nonnegative
from ...core.constraints import Need
from ...core.diagnostics import op_error
from ...core.dtypes import F32, DType
from ...core.expr import Expr, Index, Scalars
from ...core.interpreter import Array, Evaluation
from ...core.op import attribute, define_op, operand, result
from ...core.parts import AttributeAt, OperandAt
from ...core.traits import Trait
from ...core.types import TensorType
from ..base import GraphOp
from ..numeric import compute_dtype, converted
from .interpolation import Cell, Filter, weighted
from .sampling import COORDINATES, NEAREST, AxisSampling, Ratio, clamped, nearest_position

MODES = EnumKind(("nearest", "linear", "cubic"))
UNROLLED_TAPS = 16  # bicubic over two axes


@define_op(Trait.WINDOW)
class Resize(GraphOp):
    """Resampling along every axis (ONNX Resize).

    `sizes` is the shape of the result. `scales` (one per axis) are the model's; if empty, they are the
    quotients of the sizes. `roi` lists the begins, then the ends of the region that tf_crop_and_resize
    samples, relative to x; samples outside x are `extrapolation`. `ratios` and `roi_ratios` stand for
    `scales` and `roi` where these depend on sizes, with a numerator and a denominator for every number; half-
    symmetric pixels then need the `rests`, what a size leaves of its exact value, times the denominator.
    Positions are exact fractions, so that rounding never decides which element is nearest.
    """

    name = "graph.resize"
    x = operand()
    sizes = attribute(DIMS)
    scales = attribute(FLOATS, ())
    mode = attribute(MODES, "nearest")
    coordinates = attribute(EnumKind(COORDINATES), "half_pixel")
    nearest = attribute(EnumKind(NEAREST), "round_prefer_floor")
    cubic_coefficient = attribute(FLOAT, -0.75)
    exclude_outside = attribute(BOOL, False)
    antialias = attribute(BOOL, False)
    roi = attribute(FLOATS, ())
    extrapolation = attribute(FLOAT, 0.0)
    ratios = attribute(DIMS, ())
    roi_ratios = attribute(DIMS, ())
    rests = attribute(DIMS, ())
    y = result()

    def infer(self) -> Sequence[TensorType]:
        rank = self.x.type.rank
        if len(self.sizes) != rank:
            raise op_error(self, f"{len(self.sizes)} sizes for {rank} dimensions", at=AttributeAt("sizes"))
        if self.scales and (len(self.scales) != rank or not all(0 < s < float("inf") for s in self.scales)):
            raise op_error(
                self,
                f"scales {list(self.scales)} does not give {rank} positive numbers",
                at=AttributeAt("scales"),
            )
        counts = (("ratios", self.ratios, 2), ("roi_ratios", self.roi_ratios, 4), ("rests", self.rests, 1))
        for name, numbers, count in counts:
            if numbers and len(numbers) != count * rank:
                raise op_error(
                    self, f"{name} does not give {count} numbers for an axis", at=AttributeAt(name)
                )
        if self.coordinates == "half_pixel_symmetric" and self.ratios and not self.rests:
            raise op_error(self, "half_pixel_symmetric with ratios needs rests", at=AttributeAt("ratios"))
        stated = len(self.roi) == 2 * rank and np.isfinite(self.roi).all()
        if self._crops and not (stated or self.roi_ratios):
            raise op_error(
                self, f"roi {list(self.roi)} does not give {2 * rank} numbers", at=AttributeAt("roi")
            )
        for axis, (size, extent) in enumerate(zip(self.sizes, self.x.type.shape, strict=True)):
            if isinstance(size, int) and (size < 0 or (extent == 0 and size != 0)):
                raise op_error(
                    self, f"axis {axis} cannot be resized from {extent} to {size}", at=AttributeAt("sizes")
                )
        return [TensorType(tuple(self.sizes), self.x.type.dtype)]

    def needs(self) -> Iterable[Need]:
        for number in (*self.ratios, *self.roi_ratios[1::2]):
            yield Need(number, 1, "scales and denominators are positive")
        for axis, (size, extent) in enumerate(zip(self.sizes, self.x.type.shape, strict=True)):
            # A multiple of the extent is 0 if the extent is.
            if size != 0 and not isinstance(extent, int) and exact_div(size, extent) is None:
                why = f"axis {axis}, which is resized, has elements"
                yield Need(extent * size, size, why, at=OperandAt(0))

    @property
    def _crops(self) -> bool:
        return bool(self.coordinates == "tf_crop_and_resize")

    def _sampling(
        self, axis: int, extent: Dim, length: Dim, known: Callable[[Dim], Dim] = lambda dim: dim
    ) -> AxisSampling:
        def number(place: int, stated: Sequence[float], ratios: Sequence[Dim]) -> float | Ratio:
            return (known(ratios[2 * place]), known(ratios[2 * place + 1])) if ratios else stated[place]

        scale = number(axis, self.scales, self.ratios) if self.scales or self.ratios else None
        region: tuple[float | Ratio, float | Ratio] = (0.0, 1.0)
        if self._crops:
            first, last = axis, axis + self.x.type.rank
            region = number(first, self.roi, self.roi_ratios), number(last, self.roi, self.roi_ratios)
        rest = known(self.rests[axis]) if self.rests else None
        return AxisSampling(self.coordinates, extent, length, scale, region, rest)

    def _filter(self, sampling: AxisSampling) -> Filter:
        scale: float | Ratio = 1.0
        if self.antialias and all(isinstance(part, int) for part in sampling.ratio):
            scale = min(sampling.scale_number, 1.0)
        elif self.antialias:
            scale = sampling.ratio
        return Filter(self.mode, scale, self.cubic_coefficient, exclude_outside=self.exclude_outside)

    def _samplings(
        self, extents: Sequence[Dim], lengths: Sequence[Dim], known: Callable[[Dim], Dim] = lambda dim: dim
    ) -> dict[int, AxisSampling]:
        """The sampling of each axis that is not the identity. KNOWN has the values of ratios, if there are
        any."""
        sizes = enumerate(zip(extents, lengths, strict=True))
        samplings = {axis: self._sampling(axis, extent, length, known) for axis, (extent, length) in sizes}
        return {axis: sampling for axis, sampling in samplings.items() if not sampling.is_identity}

    # ------------------------------------------------------------ scalar definition

    def define(self, scalars: Scalars, index: Index) -> Expr:
        if 0 in self.y.type.shape:  # no element is read, and 0 elements have no scale
            return scalars.const(0, self.x.type.dtype)
        samplings = self._samplings(self.x.type.shape, self.sizes)
        if self.mode == "nearest":
            sampled = self._nearest(scalars, list(index), list(samplings.items()))
        else:
            sampled = self._filtered(scalars, index, samplings)
        if not self._crops:
            return sampled
        inside = [s.inside(scalars, index[axis]) for axis, s in samplings.items()]
        condition = scalars.every(inside)
        outside = scalars.cast(scalars.const(self.extrapolation, F32), self.x.type.dtype)
        return sampled if condition is None else scalars.select(condition, sampled, outside)

    def _nearest(self, scalars: Scalars, own: list[Dim], pending: list[tuple[int, AxisSampling]]) -> Expr:
        """The element of x nearest to OWN along the axes PENDING."""
        if not pending:
            return scalars.load(self.x, own)
        (axis, sampling), *others = pending

        def proceed(at: Dim) -> Expr:
            return self._nearest(scalars, [*own[:axis], at, *own[axis + 1 :]], others)

        at = nearest_position(self.nearest, *sampling.at(own[axis]))
        first = nearest_position(self.nearest, *sampling.at(0))
        last = nearest_position(self.nearest, *sampling.at(sampling.length - 1))
        # Positions are monotonic in the index, so the end positions decide whether any is outside x.
        if not self._crops and is_nonnegative(first, {}) and is_nonnegative(sampling.extent - 1 - last, {}):
            return proceed(at)
        return scalars.let_index(clamped(scalars, at, sampling.extent), proceed)

    def _filtered(self, scalars: Scalars, index: Index, samplings: dict[int, AxisSampling]) -> Expr:
        dtype = compute_dtype(self.x.type.dtype) if self.x.type.dtype.is_float else F32
        cells = {axis: Cell(scalars, s, self._filter(s), index[axis], dtype) for axis, s in samplings.items()}
        taps = product(cell.filter.count for cell in cells.values())
        few = isinstance(taps, int) and taps <= UNROLLED_TAPS
        sum_taps = self._unrolled if few else self._looped
        whole = sum_taps(scalars, list(index), cells, dtype)
        for cell in cells.values():
            if cell.filter.normalizes:
                whole = scalars.apply("div", whole, cell.weight_sum())
        return scalars.cast(whole, self.x.type.dtype)

    def _unrolled(self, scalars: Scalars, index: list[Dim], cells: dict[int, Cell], dtype: DType) -> Expr:
        """The weighted sum, unrolled, with the axes nested; every position and weight is computed once."""
        taps = [(axis, offset) for axis, cell in cells.items() for offset in cell.filter.offsets]
        weights = {(axis, offset): cells[axis].weight(offset) for axis, offset in taps}

        def along(own: list[Dim], axes: list[int], places: dict[tuple[int, int], Dim]) -> Expr:
            if not axes:
                return scalars.cast(scalars.load(self.x, own), dtype)
            whole: Expr | None = None
            for tap in (tap for tap in taps if tap[0] == axes[0]):
                inner = along([*own[: tap[0]], places[tap], *own[tap[0] + 1 :]], axes[1:], places)
                term = self._weighted(scalars, inner, weights[tap], dtype)
                whole = term if whole is None else scalars.apply("add", whole, term)
            assert whole is not None  # a filter has taps
            return whole

        def bind(left: list[tuple[int, int]], places: dict[tuple[int, int], Dim]) -> Expr:
            if not left:
                return along(index, list(cells), places)
            place = cells[left[0][0]].place(left[0][1])
            return scalars.let_index(place, lambda at: bind(left[1:], {**places, left[0]: at}))

        return bind(taps, {})

    @property
    def _static(self) -> bool:
        """Whether all sizes are numbers."""
        return all(isinstance(size, int) for size in (*self.sizes, *self.x.type.shape))

    def _weighted(self, scalars: Scalars, value: Expr, weight: Expr, dtype: DType) -> Expr:
        """VALUE times WEIGHT.

        If the scale is known at run time only, elements of weight 0 may not be taps: they do not affect the
        sample, even if they are NaN.
        """
        term = scalars.apply("mul", value, weight)
        widened = self.antialias and not (self.scales or self._static)
        if not (self.ratios or widened):
            return term
        zero = scalars.const(0.0, dtype)
        return scalars.select(scalars.apply("eq", weight, zero), zero, term)

    def _looped(self, scalars: Scalars, index: list[Dim], cells: dict[int, Cell], dtype: DType) -> Expr:
        """The weighted sum as a loop over the taps of all axes."""

        def element(own: list[Dim], left: list[tuple[int, Dim]]) -> Expr:
            if not left:
                return scalars.cast(scalars.load(self.x, own), dtype)
            (axis, offset), *others = left
            place = cells[axis].place(offset)
            return scalars.let_index(place, lambda at: element([*own[:axis], at, *own[axis + 1 :]], others))

        def term(loops: Index) -> Expr:
            taps = [(axis, i + cells[axis].filter.first) for axis, i in zip(cells, loops, strict=True)]
            value = element(index, taps)
            for axis, offset in taps:
                value = self._weighted(scalars, value, cells[axis].weight(offset), dtype)
            return value

        return scalars.reduce("sum", [cell.filter.count for cell in cells.values()], term)

    # ------------------------------------------------------------ numpy

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        samplings = self._samplings(x.shape, evaluation.shape(self.y.type), evaluation.dim)
        if self.mode == "nearest":
            y = x
            for axis, sampling in samplings.items():
                places = [nearest_position(self.nearest, *sampling.at(i)) for i in sampling.outputs]
                y = np.take(y, np.clip(np.array(places, np.int64), 0, x.shape[axis] - 1), axis=axis)
        else:
            y = x.astype(np.float64)
            for axis, sampling in samplings.items():
                y = weighted(y, axis, *self._filter(sampling).taps(sampling))
        if self._crops:
            y = self._extrapolated(y, samplings)
        return converted(np.asarray(y), self.x.type.dtype)

    def _extrapolated(self, y: Array, samplings: dict[int, AxisSampling]) -> Array:
        for axis, sampling in samplings.items():
            shape = [1] * y.ndim
            shape[axis] = -1
            y = np.where(sampling.inside_array().reshape(shape), y, np.asarray(self.extrapolation, y.dtype))
        return y

    def flops(self) -> Dim:
        if self.mode == "nearest":
            return 0
        taps: Dim = 1
        for sampling in self._samplings(self.x.type.shape, self.sizes).values():
            taps = taps * self._filter(sampling).count
        return self.y.type.elements * taps * 2
