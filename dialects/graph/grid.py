"""Sampling at data-dependent positions: grids of normalized coordinates, and samples of an image at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim
from ..core.attributes import BOOL, DIMS, EnumKind
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp, same_size
from .elementwise_base import ANY, FLOAT, check_kind
from .formula import Term, load
from .numeric import converted, widened
from .taps import REACH, Taps, sample, sample_array, tap_arrays, unnormalized, unnormalized_array

MODES = EnumKind(tuple(REACH))
PADDINGS = EnumKind(("zeros", "border", "reflection"))


@define_op()
class AffineGrid(GraphOp):
    """Normalized coordinates (x, y, or x, y, z) of the positions in an image of SIZES (its spatial
    dimensions), mapped by theta [N, d, d + 1]: y is [N, sizes..., d] (ONNX AffineGrid).

    Coordinates go from -1 to 1: between the centers of the outermost elements with `align_corners`, else
    between their outer edges. That of a single element is 0.
    """

    name = "graph.affine_grid"
    theta = operand()
    sizes = attribute(DIMS)
    align_corners = attribute(BOOL, False)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.theta, FLOAT)
        theta, rank = self.theta.type, len(self.sizes)
        if rank not in (2, 3):
            raise op_error(self, f"{rank} sizes are given, 2 or 3 are expected", at=AttributeAt("sizes"))
        if theta.shape[1:] != (rank, rank + 1):
            message = f"theta {theta} does not fit {rank} dimensions"
            raise op_error(self, message, at=operand_at(self, self.theta))
        return [TensorType((theta.shape[0], *self.sizes, rank), theta.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, *places, row = index
        whole = load(scalars, self.theta, (image, row, len(places)))
        for column, (place, size) in enumerate(zip(reversed(places), reversed(self.sizes), strict=True)):
            factor = load(scalars, self.theta, (image, row, column))
            whole = whole + factor * self._coordinate(scalars, place, size, whole.dtype)
        return whole.cast(self.theta.type.dtype).expr

    def _coordinate(self, scalars: Scalars, place: Dim, size: Dim, dtype: DType) -> Term:
        """The coordinate of PLACE among SIZE: a division of whole numbers."""
        steps = scalars.index_value(size)
        if self.align_corners:
            steps = scalars.apply("max", scalars.index_value(size - 1), scalars.const(1, I64))
        return Term(scalars, scalars.index_value(2 * place + 1 - size, dtype)) / Term(
            scalars, scalars.cast(steps, dtype)
        )

    def evaluate(self, evaluation: Evaluation, theta: Any) -> Any:
        sizes, wide = [evaluation.dim(size) for size in self.sizes], widened(theta)
        rank = len(sizes)
        y: Array = np.zeros((len(theta), *sizes, rank), wide.dtype) + wide[:, *[None] * rank, :, rank]
        for column, size in enumerate(reversed(sizes)):
            steps = max(size - 1, 1) if self.align_corners else size
            along = ((2 * np.arange(size) + 1 - size) / steps).astype(wide.dtype)
            shaped = along.reshape(-1, *[1] * (column + 1))
            y += wide[:, *[None] * rank, :, column] * shaped
        return converted(y, self.y.type.dtype)

    def flops(self) -> Dim:
        return self.y.type.elements * (2 * len(self.sizes))


@define_op()
class GridSample(GraphOp):
    """x [N, C, spatial...] at the normalized positions of a grid [N, outputs..., d]: y is [N, C, outputs...].

    ONNX GridSample. The grid's last dimension has x first, then y, then z. Outside x is 0, its nearest
    element, or its mirror image at the borders: the centers of the outermost elements with `align_corners`,
    else their outer edges. Halves round to the nearest even element.
    """

    name = "graph.grid_sample"
    x = operand()
    grid = operand()
    mode = attribute(MODES, "linear")
    padding = attribute(PADDINGS, "zeros")
    align_corners = attribute(BOOL, False)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, ANY if self.mode == "nearest" else FLOAT)
        check_kind(self, self.grid, FLOAT)
        x, grid = self.x.type, self.grid.type
        if not 3 <= x.rank <= 5 or grid.rank != x.rank or grid.shape[-1] != x.rank - 2:
            raise op_error(self, f"the grid {grid} does not fit {x}", at=operand_at(self, self.grid))
        same_size(self, grid.shape[0], x.shape[0], f"{x} and {grid} differ in batch size")
        return [TensorType((*x.shape[:2], *grid.shape[1:-1]), x.dtype)]

    # ------------------------------------------------------------ scalar definition

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, channel, *outputs = index
        axes = []
        for axis, size in enumerate(self.x.type.shape[2:]):
            place = (image, *outputs, self.x.type.rank - 3 - axis)
            normal = load(scalars, self.grid, place)
            at = unnormalized(scalars, normal, size, align_corners=self.align_corners)
            axes.append(Taps(scalars, at, size, self.mode, self.padding, align_corners=self.align_corners))
        return sample(scalars, self.x, (image, channel), axes)

    # ------------------------------------------------------------ numpy

    def evaluate(self, evaluation: Evaluation, x: Any, grid: Any) -> Any:
        wide, positions = np.moveaxis(widened(x), 1, -1), widened(grid)
        batch = np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 2))
        axes = []
        for axis, size in enumerate(x.shape[2:]):
            at = unnormalized_array(positions[..., x.ndim - 3 - axis], size, align_corners=self.align_corners)
            axes.append(tap_arrays(at, size, self.mode, self.padding, align_corners=self.align_corners))
        found = sample_array(wide, (batch,), axes)
        return converted(np.moveaxis(found, -1, 1), self.y.type.dtype)

    def flops(self) -> Dim:
        rank = self.x.type.rank - 2
        return self.y.type.elements * int(REACH[self.mode] ** rank * (rank + 1))


OPS = (AffineGrid, GridSample)
