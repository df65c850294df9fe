"""RoiAlign: samples between elements in data-dependent rectangles of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, INT, EnumKind
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand
from ..core.types import TensorType
from .base import same_shape
from .formula import Term, load
from .indexing import wrapped_array, wrapped_index
from .numeric import converted, widened
from .position import Position
from .rois import RoiPool

LIMIT = 1 << 12  # samples along an axis of a part: more than any image has elements there


@define_op()
class RoiAlign(RoiPool):
    """The mean or maximum of samples in each part of each region: rois [R, 4] are x1, y1, x2, y2, of the
    images [R] (ONNX RoiAlign; He et al. 2017).

    `samples` along each axis of a part, or as many as it has elements of x if 0. A sample is between four
    elements; one that leaves x by more than one element is 0. A maximum is that of single elements, each
    times its weight, as ONNX defines it.
    """

    name = "graph.roi_align"
    images = operand()
    kind = attribute(EnumKind(("mean", "max")), "mean")
    samples = attribute(INT, 0)
    half_pixel = attribute(BOOL, True)

    def infer(self) -> Sequence[TensorType]:
        if not self.images.type.dtype.is_integer:
            message = f"the image numbers are {self.images.type.dtype}, integers are expected"
            raise op_error(self, message, at=operand_at(self, self.images))
        found = self.check_regions(4)
        message = f"the image numbers {self.images.type} do not fit the regions"
        same_shape(self, self.images.type.shape, self.rois.type.shape[:1], message)
        return found

    def taken_positions(self) -> Iterable[Position]:
        return [] if self.spare else [Position(2, self.x.type.shape[0])]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        region, channel, *parts = index
        spans = [self._span(scalars, region, axis) for axis in range(2)]
        image = wrapped_index(scalars, scalars.load(self.images, (region,)), self.x.type.shape[0])

        def pooled(lead: Dim, counts: Index) -> Expr:
            def body(steps: Index) -> Expr:
                axes = [
                    self._sample(scalars, spans[axis], parts[axis], steps[axis], counts[axis], axis)
                    for axis in range(2)
                ]
                return self._combined(scalars, (lead, channel), axes)

            number = scalars.index_value(counts[0] * counts[1])
            some = scalars.apply("max", number, scalars.const(1, I64))
            whole = Term(scalars, scalars.reduce("sum" if self.kind == "mean" else "max", counts, body))
            if self.kind == "mean":
                whole = whole / Term(scalars, some).cast(whole.dtype)
            none = Term(scalars, scalars.apply("lt", number, some))
            return none.choose(0.0, whole).cast(self.x.type.dtype).expr

        return scalars.let_index(image, lambda lead: self._counted(scalars, spans, lambda n: pooled(lead, n)))

    def _counted(
        self, scalars: Scalars, spans: Sequence[tuple[Term, Term]], body: Callable[[Index], Expr]
    ) -> Expr:
        """BODY, called with the numbers of samples along both axes of a part, which may depend on the
        region."""
        if self.samples > 0:
            return body((self.samples, self.samples))
        numbers = []
        for (_, length), parts in zip(spans, self.sizes, strict=True):
            count = (length / float(parts)).call("ceil").call("min", float(LIMIT)).cast(I64).expr
            numbers.append(scalars.apply("max", count, scalars.const(0, I64)))
        rows, columns = numbers
        return scalars.let_index(rows, lambda n: scalars.let_index(columns, lambda m: body((n, m))))

    def _span(self, scalars: Scalars, region: Dim, axis: int) -> tuple[Term, Term]:
        """The begin and the length of REGION along AXIS, in elements of x."""
        begin, end = (load(scalars, self.rois, (region, 1 - axis + 2 * side)) * self.scale for side in (0, 1))
        if self.half_pixel:
            begin, end = begin - 0.5, end - 0.5
        length = end - begin
        return begin, length if self.half_pixel else length.call("max", 1.0)

    def _sample(
        self, scalars: Scalars, span: tuple[Term, Term], part: Dim, step: Dim, count: Dim, axis: int
    ) -> _Sample:
        """Sample STEP of COUNT in PART of a region's SPAN along AXIS."""
        begin, length = span

        def number(dim: Dim) -> Term:
            return Term(scalars, scalars.index_value(dim, length.dtype))

        each = length / float(self.sizes[axis])
        at = begin + number(part) * each + (number(step) + 0.5) * each / number(count)
        size = self.x.type.shape[axis + 2]
        off = scalars.apply("or", (at < -1.0).expr, (at > number(size)).expr)
        inside = at.call("max", 0.0)
        floor = inside.call("floor")
        last = scalars.index_value(size - 1)
        low = scalars.apply("min", floor.cast(I64).expr, last)
        high = scalars.apply("min", scalars.apply("add", low, scalars.const(1, I64)), last)
        rest = (floor < number(size - 1)).choose(inside - floor, 0.0)
        return _Sample(off, low, high, rest)

    def _combined(self, scalars: Scalars, lead: Index, axes: Sequence[_Sample]) -> Expr:
        """The value of a sample between two elements along each of AXES."""

        def ends(axis: _Sample, body: Callable[[list[Dim]], Expr]) -> Expr:
            return scalars.let_index(
                axis.low, lambda low: scalars.let_index(axis.high, lambda high: body([low, high]))
            )

        def joined(rows: list[Dim], columns: list[Dim]) -> Expr:
            total: Term | None = None
            for row, tall in zip(rows, axes[0].weights, strict=True):
                for column, wide in zip(columns, axes[1].weights, strict=True):
                    term = load(scalars, self.x, (*lead, row, column)) * (tall * wide)
                    if total is not None:
                        term = total + term if self.kind == "mean" else total.call("max", term)
                    total = term
            assert total is not None  # there are four elements
            off = Term(scalars, scalars.apply("or", axes[0].off, axes[1].off))
            return off.choose(0.0, total).expr

        return ends(axes[0], lambda rows: ends(axes[1], lambda columns: joined(rows, columns)))

    # ------------------------------------------------------------ numpy

    def evaluate(self, evaluation: Evaluation, x: Any, rois: Any, images: Any) -> Any:
        wide, regions = widened(x), widened(rois) * widened(rois).dtype.type(self.scale)
        y: Array = np.zeros((len(rois), x.shape[1], *self.sizes), wide.dtype)
        for number, (region, image) in enumerate(zip(regions, wrapped_array(images, len(x)), strict=True)):
            spans = [self._positions(region, axis, x.shape[axis + 2]) for axis in range(2)]
            for part in np.ndindex(*self.sizes):
                rows, columns = (spans[axis][part[axis]] for axis in range(2))
                if rows.size and columns.size:
                    y[(number, slice(None), *part)] = self._pooled(wide[image], rows, columns)
        return converted(y, self.y.type.dtype)

    def _positions(self, region: Array, axis: int, size: int) -> list[Array]:
        """The samples along AXIS of each part of REGION.

        The last two dimensions are the two neighbouring elements and their weights, 0 for a sample that is
        off.
        """
        begin, end = region[1 - axis], region[3 - axis]
        begin, end = (begin - 0.5, end - 0.5) if self.half_pixel else (begin, end)
        length = end - begin if self.half_pixel else max(end - begin, 1.0)
        each = length / self.sizes[axis]
        count = self.samples if self.samples > 0 else max(int(np.ceil(min(each, LIMIT))), 0)
        found = []
        for part in range(self.sizes[axis]):
            at = begin + part * each + (np.arange(count) + 0.5) * each / max(count, 1)
            inside = np.maximum(at, 0)
            low = np.minimum(np.floor(inside), size - 1)
            rest = np.where(np.floor(inside) < size - 1, inside - low, 0)
            kept = (at >= -1) & (at <= size)
            weights = np.stack([1 - rest, rest], axis=-1) * kept[:, None]
            found.append(
                np.stack([np.stack([low, np.minimum(low + 1, size - 1)], axis=-1), weights], axis=-1)
            )
        return found

    def _pooled(self, x: Array, rows: Array, columns: Array) -> Array:
        """The pool of x [C, H, W] over the samples of one part."""
        at: Any = np.ix_(rows[..., 0].astype(int).reshape(-1), columns[..., 0].astype(int).reshape(-1))
        weights = np.outer(rows[..., 1], columns[..., 1]).astype(x.dtype)
        shape = (len(x), len(rows), 2, len(columns), 2)
        weighted = (x[:, at[0], at[1]] * weights).reshape(shape)
        if self.kind == "max":
            return np.asarray(weighted.max(axis=(1, 2, 3, 4)))
        return np.asarray(weighted.sum(axis=(1, 2, 3, 4)) / (len(rows) * len(columns)))

    def flops(self) -> Dim:
        each: int = 8 * max(self.samples, 2) ** 2
        return self.y.type.elements * each


@dataclass(frozen=True)
class _Sample:
    """One sample along an axis: whether it is off; its two neighbouring elements, as i64; its distance from
    the first."""

    off: Expr
    low: Expr
    high: Expr
    rest: Term

    @property
    def weights(self) -> tuple[Term, Term]:
        """The weights of both elements."""
        return 1.0 - self.rest, self.rest


OPS = (RoiAlign,)
