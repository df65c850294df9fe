"""Scatters: copies of a tensor with updates written, or reduced, at data-dependent positions.

They are defined by the elements of the result, each of which searches for its updates. So no two threads
write one element, and the result does not depend on the order of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.affine import Dim, product
from ..core.attributes import BOOL, INT, EnumKind
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.op import attribute, define_op, operand, result
from ..core.types import TensorType
from .base import GraphOp, normalize_axis, same_dtype, same_shape
from .elementwise_base import NUMBER, check_kind
from .extremes import larger, smaller
from .movement.remap import reshaped_index
from .numeric import compute_dtype, converted, widened
from .position import Position

REDUCTIONS = EnumKind(("none", "add", "mul", "max", "min"))
_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "none": lambda old, new: new,
    "add": lambda old, new: old + new,
    "mul": lambda old, new: old * new,
    "max": larger,
    "min": smaller,
}


class Scatter(GraphOp):
    """Base class of scatters: x with UPDATES at INDICES.

    Negative indices count from the end; updates whose indices are out of range, which ONNX leaves undefined,
    are dropped. Of several updates of one element the last one counts if there is no reduction; else they are
    reduced with each other, floats below 32 bits in f32, and then with the element of x.

    spare: there are updates beyond a count that data decides, at indices that nothing has.
    """

    x = operand()
    indices = operand()
    updates = operand()
    reduction = attribute(REDUCTIONS, "none")
    spare = attribute(BOOL, False, discardable=True)
    y = result()
    identities: ClassVar[dict[str, Callable[[DType], float | int]]] = {
        "add": lambda dtype: -0.0 if dtype.is_float else 0,
        "mul": lambda dtype: 1,
        "max": lambda dtype: dtype.limits[0],
        "min": lambda dtype: dtype.limits[1],
    }

    def check_operands(self) -> None:
        """Raise located IRErrors for indices that are no integers, and for mixed element types."""
        if not self.indices.type.dtype.is_integer:
            message = f"its indices are {self.indices.type.dtype}, integers are expected"
            raise op_error(self, message, at=operand_at(self, self.indices))
        same_dtype(self, [self.x.type, self.updates.type])
        if self.reduction != "none":
            check_kind(self, self.x, NUMBER)

    def scattered(
        self,
        scalars: Scalars,
        old: Expr,
        extents: Sequence[Dim],
        matches: Callable[[Index], Expr],
        update: Callable[[Index], Expr],
    ) -> Expr:
        """OLD with the updates over loops of EXTENTS whose indices MATCH it."""
        if self.reduction == "none":
            return self._last(scalars, old, extents, matches, update)
        dtype = compute_dtype(old.dtype)
        neutral = scalars.const(self.identities[self.reduction](dtype), dtype)

        def body(at: Index) -> Expr:
            return scalars.select(matches(at), scalars.cast(update(at), dtype), neutral)

        kind = {"add": "sum", "mul": "prod"}.get(self.reduction, self.reduction)
        # Zeros without an update keep their sign.
        whole = scalars.reduce(kind, extents, body, signed_zero=kind == "sum" and dtype.is_float)
        joined = scalars.apply(self.reduction, scalars.cast(old, dtype), whole)
        return scalars.cast(joined, self.x.type.dtype)

    def _last(
        self,
        scalars: Scalars,
        old: Expr,
        extents: Sequence[Dim],
        matches: Callable[[Index], Expr],
        update: Callable[[Index], Expr],
    ) -> Expr:
        def body(at: Index) -> Expr:
            number: Dim = 0
            for position, extent in zip(at, extents, strict=True):
                number = number * extent + position
            return scalars.select(matches(at), scalars.index_value(number), scalars.const(-1, I64))

        last = scalars.reduce("max", extents, body)

        def chosen(number: Dim) -> Expr:
            return update(tuple(reshaped_index([number], [product(extents)], extents)))

        found = scalars.apply("ge", last, scalars.const(0, I64))
        return scalars.select(found, scalars.let_index(last, chosen), old)

    def flops(self) -> Dim:
        return 0 if self.reduction == "none" else self.updates.type.elements


def _is_at(scalars: Scalars, position: Expr, here: Dim, size: Dim) -> Expr:
    """Whether POSITION, which counts from the end of SIZE elements if it is negative, is HERE."""
    wide = scalars.cast(position, I64)
    from_end = scalars.apply("add", wide, scalars.index_value(size))
    wrapped = scalars.select(scalars.apply("lt", wide, scalars.const(0, I64)), from_end, wide)
    return scalars.apply("eq", wrapped, scalars.index_value(here))


@define_op()
class ScatterElements(Scatter):
    """Updates along an axis, one per index (ONNX ScatterElements, Scatter)."""

    name = "graph.scatter_elements"
    axis = attribute(INT, 0)

    def infer(self) -> Sequence[TensorType]:
        self.check_operands()
        x, indices = self.x.type, self.indices.type
        normalize_axis(self, self.axis, x.rank)
        if indices.rank != x.rank or x.rank == 0:
            message = f"the indices have {indices.rank} dimensions, the input {x.rank}"
            raise op_error(self, message, at=operand_at(self, self.indices))
        same_shape(
            self, self.updates.type.shape, indices.shape, "the updates and the indices differ in shape"
        )
        return [x]

    def needs(self) -> Iterable[Need]:
        for axis, (size, count) in enumerate(zip(self.x.type.shape, self.indices.type.shape, strict=True)):
            if axis != self.axis % self.x.type.rank:
                yield Need(size, count, f"the indices stay inside axis {axis}")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis = self.axis % len(index)
        sizes, counts = self.x.type.shape, self.indices.type.shape

        def at(step: Index) -> Index:
            return (*index[:axis], step[0], *index[axis + 1 :])

        def matches(step: Index) -> Expr:
            return _is_at(scalars, scalars.load(self.indices, at(step)), index[axis], sizes[axis])

        old = scalars.load(self.x, index)
        narrow = [a for a in range(len(index)) if a != axis and counts[a] != sizes[a]]
        inside = scalars.every([scalars.inside(index[a], 0, counts[a]) for a in narrow])
        new = self.scattered(
            scalars, old, [counts[axis]], matches, lambda step: scalars.load(self.updates, at(step))
        )
        return new if inside is None else scalars.select(inside, new, old)

    def taken_positions(self) -> Iterable[Position]:
        return [] if self.spare else [Position(1, self.x.type.shape[self.axis % self.x.type.rank])]

    def evaluate(self, evaluation: Evaluation, x: Any, indices: Any, updates: Any) -> Any:
        axis = self.axis % x.ndim
        y, new = widened(x).copy(), widened(updates)
        places = list(np.indices((*indices.shape[:axis], *indices.shape[axis + 1 :])))
        with np.errstate(all="ignore"):
            for step in range(indices.shape[axis]):
                positions = np.take(indices, step, axis).astype(np.int64)
                wrapped = np.where(positions < 0, positions + x.shape[axis], positions)
                good = (wrapped >= 0) & (wrapped < x.shape[axis])
                at = [place[good] for place in places]
                at.insert(axis, wrapped[good])
                y[tuple(at)] = _COMBINE[self.reduction](y[tuple(at)], np.take(new, step, axis)[good])
            return converted(y, self.x.type.dtype)


@define_op()
class ScatterNd(Scatter):
    """Slices of updates at multi-indices, which are the last dimension of the indices (ONNX ScatterND)."""

    name = "graph.scatter_nd"

    @property
    def depth(self) -> int:
        """The number of dimensions of x that a multi-index covers."""
        last = self.indices.type.shape[-1] if self.indices.type.rank else None
        if not isinstance(last, int):
            message = "the last dimension of the indices is not static"
            raise op_error(self, message, at=operand_at(self, self.indices))
        return last

    def infer(self) -> Sequence[TensorType]:
        self.check_operands()
        x, indices = self.x.type, self.indices.type
        if not 1 <= self.depth <= x.rank:
            message = f"multi-indices of {self.depth} do not fit {x}"
            raise op_error(self, message, at=operand_at(self, self.indices))
        wanted = (*indices.shape[:-1], *x.shape[self.depth :])
        message = f"the updates {self.updates.type} do not fit the indices"
        same_shape(self, self.updates.type.shape, wanted, message)
        return [x]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        lead = self.indices.type.shape[:-1]

        def matches(step: Index) -> Expr:
            found = [
                _is_at(scalars, scalars.load(self.indices, (*step[: len(lead)], place)), here, size)
                for place, (here, size) in enumerate(
                    zip(index, self.x.type.shape[: self.depth], strict=False)
                )
            ]
            whole = scalars.every(found)
            assert whole is not None  # a multi-index has positions
            return whole

        def update(step: Index) -> Expr:
            return scalars.load(self.updates, (*step[: len(lead)], *index[self.depth :]))

        return self.scattered(scalars, scalars.load(self.x, index), lead or (1,), matches, update)

    def taken_positions(self) -> Iterable[Position]:
        columns = () if self.spare else range(self.depth)
        return [Position(1, self.x.type.shape[column], column) for column in columns]

    def evaluate(self, evaluation: Evaluation, x: Any, indices: Any, updates: Any) -> Any:
        y, new = widened(x).copy(), widened(updates).reshape(-1, *x.shape[self.depth :])
        sizes = np.array(x.shape[: self.depth])
        positions = indices.reshape(-1, self.depth).astype(np.int64)
        wrapped = np.where(positions < 0, positions + sizes, positions)
        with np.errstate(all="ignore"):
            for at, update in zip(wrapped, new, strict=True):
                if ((at >= 0) & (at < sizes)).all():
                    y[tuple(at)] = _COMBINE[self.reduction](y[tuple(at)], update)
            return converted(y, self.x.type.dtype)


OPS = (ScatterElements, ScatterNd)
