"""Pooling of regions of interest: data-dependent rectangles in an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, FLOAT, INTS
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp, same_dtype
from .elementwise_base import FLOAT as FLOATS
from .elementwise_base import check_kind
from .formula import Term, load
from .indexing import wrapped_array, wrapped_index
from .numeric import widened
from .position import Position


class RoiPool(GraphOp):
    """Base class of pools of regions: x [N, C, H, W], rois [R, columns], y [R, C, sizes...]."""

    x = operand()
    rois = operand()
    sizes = attribute(INTS)
    scale = attribute(FLOAT, 1.0)
    spare = attribute(BOOL, False, discardable=True)  # there are regions beyond a count that data decides
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
class RoiMaxPool(RoiPool):
    """The maximum in each part of each region, whose corners are rounded to elements: rois [R, 5] are the
    image, then x1, y1, x2, y2 with both corners included (ONNX MaxRoiPool; Girshick 2015). A part without
    elements is 0.
    """

    name = "graph.roi_max_pool"

    def infer(self) -> Sequence[TensorType]:
        return self.check_regions(5)

    def taken_positions(self) -> Iterable[Position]:
        return [] if self.spare else [Position(1, self.x.type.shape[0], 0)]

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


OPS = (RoiMaxPool,)
