"""Pooling of regions of interest: data-dependent rectangles in an image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, FLOAT, INT, INTS, EnumKind
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp, same_dtype, same_shape
from .elementwise_base import FLOAT as FLOATS
from .elementwise_base import check_kind
from .formula import Term, load
from .indexing import wrapped_array, wrapped_index
from .numeric import converted, widened

LIMIT = 1 << 12  # samples along an axis of a part: more than any image has elements there


class RoiPool(GraphOp):
    """Base class of pools of regions: x [N, C, H, W], rois [R, columns], y [R, C, sizes...]."""

    x = operand()
    rois = operand()
    sizes = attribute(INTS)
    scale = attribute(FLOAT, 1.0)
    y = result()

    def check_regions(self, columns: int) -> list[TensorType]:
        """The type of the result; raises located IRErrors for operands of other shapes."""
        check_kind(self, self.x, FLOATS)
        x, rois = self.x.type, self.rois.type
        same_dtype(self, [x, rois])
        if x.rank != 4:
            message = f"the input is {x}, a batch of images is expected"
            raise op_error(self, message, at=operand_at(self, self.x))
        if rois.rank != 2 or rois.shape[1] != columns:
            message = f"the regions are {rois}, {columns} numbers each are expected"
            raise op_error(self, message, at=operand_at(self, self.rois))
        if len(self.sizes) != 2 or min(self.sizes) < 1:
            message = f"the sizes {list(self.sizes)} are not two positive numbers"
            raise op_error(self, message, at=AttributeAt("sizes"))
        return [x.with_shape((rois.shape[0], x.shape[1], *self.sizes))]


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


@define_op()
class RoiMaxPool(RoiPool):
    """The maximum in each part of each region, whose corners are rounded to elements: rois [R, 5] are the
    image, then x1, y1, x2, y2 with both corners included (ONNX MaxRoiPool; Girshick 2015). A part without
    elements is 0.
    """

    name = "graph.roi_max_pool"

    def infer(self) -> Sequence[TensorType]:
        return self.check_regions(5)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        region, channel, *parts = index
        image = load(scalars, self.rois, (region, 0)).cast(I64).expr
        bounds = [self._bounds(scalars, region, parts[axis], axis) for axis in range(2)]
        dtype = self.x.type.dtype

        def pooled(lead: Dim, begins: Index, counts: Index) -> Expr:
            def body(steps: Index) -> Expr:
                place = (begin + step for begin, step in zip(begins, steps, strict=True))
                return scalars.load(self.x, (lead, channel, *place))

            some = scalars.apply("gt", scalars.index_value(counts[0] * counts[1]), scalars.const(0, I64))
            return scalars.select(some, scalars.reduce("max", counts, body), scalars.const(0.0, dtype))

        def bind(left: list[Expr], found: list[Dim]) -> Expr:
            if left:
                return scalars.let_index(left[0], lambda at: bind(left[1:], [*found, at]))
            lead, top, rows, side, columns = found
            return pooled(lead, (top, side), (rows, columns))

        wrapped = wrapped_index(scalars, image, self.x.type.shape[0])
        return bind([wrapped, *bounds[0], *bounds[1]], [])

    def _bounds(self, scalars: Scalars, region: Dim, part: Dim, axis: int) -> tuple[Expr, Expr]:
        """The first element, and the number of elements, of PART of a region along AXIS; both i64."""
        columns = (region, 2 - axis), (region, 4 - axis)
        begin, end = (_rounded(load(scalars, self.rois, column) * self.scale) for column in columns)
        each = (end - begin + 1.0).call("max", 1.0) / float(self.sizes[axis])
        size, zero = scalars.index_value(self.x.type.shape[axis + 2]), scalars.const(0, I64)
        number = Term(scalars, scalars.index_value(part, each.dtype))
        low, high = ((each * (number + float(o))) for o in (0, 1))
        ends = [(low.call("floor") + begin).cast(I64).expr, (high.call("ceil") + begin).cast(I64).expr]
        first, last = (scalars.apply("max", scalars.apply("min", at, size), zero) for at in ends)
        return first, scalars.apply("max", scalars.apply("sub", last, first), zero)

    def evaluate(self, evaluation: Evaluation, x: Any, rois: Any) -> Any:
        y: Array = np.zeros((len(rois), x.shape[1], *self.sizes), x.dtype)
        wide = widened(rois)
        images = wrapped_array(wide[:, 0], len(x))
        scaled = wide[:, 1:] * wide.dtype.type(self.scale)
        corners = np.sign(scaled) * np.floor(np.abs(scaled) + wide.dtype.type(0.5))
        for number, (image, (left, top, right, bottom)) in enumerate(zip(images, corners, strict=True)):
            spans = ((top, bottom), (left, right))
            for part in np.ndindex(*self.sizes):
                cut = [slice(None)]
                for axis, (begin, end) in enumerate(spans):
                    each = max(end - begin + 1, wide.dtype.type(1)) / wide.dtype.type(self.sizes[axis])
                    low, high = np.floor(part[axis] * each) + begin, np.ceil((part[axis] + 1) * each) + begin
                    cut.append(slice(*(int(np.clip(at, 0, x.shape[axis + 2])) for at in (low, high))))
                inside = x[image][tuple(cut)]
                if inside.size:
                    y[(number, slice(None), *part)] = inside.max(axis=(1, 2))
        return y


def _rounded(x: Term) -> Term:
    """X rounded to the nearest integer, halves away from 0 (std::round)."""
    return x.call("sign") * (x.call("abs") + 0.5).call("floor")


OPS = (RoiAlign, RoiMaxPool)
