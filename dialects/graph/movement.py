"""Movement ops: reshape, transpose, slice, concat, expand, tile, pad, trilu.

Resize, the remaining op of the family, is in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, floordiv, total
from ..core.attributes import BOOL, DIMS, INT, INTS, EnumKind
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Evaluation
from ..core.op import attribute, define_op, operand, operands, optional_operand, result
from ..core.parts import AttributeAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import GraphOp, broadcast_shapes, normalize_axis, same_dtype, same_shape
from .remap import reshaped_index
from .resize import Resize as Resize
from .sampling import clamped
from .windowed import guarded, padded_array


@define_op(Trait.MOVEMENT)
class Reshape(GraphOp):
    """The same elements, in row-major order, in another shape (ONNX Reshape, Flatten, Squeeze,
    Unsqueeze). The shape is explicit: 0 and -1 have no special meaning.
    """

    name = "graph.reshape"
    x = operand()
    shape = attribute(DIMS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        shape = tuple(self.shape)
        if any(isinstance(size, int) and size < 0 for size in shape):
            raise op_error(self, f"the shape {_text(shape)} has a negative size", at=AttributeAt("shape"))
        y = TensorType(shape, self.x.type.dtype)
        surplus = self.x.type.elements - y.elements
        if isinstance(surplus, int) and surplus != 0:
            raise op_error(
                self,
                f"{_text(self.x.type.shape)} and {_text(shape)} differ in element count",
                at=AttributeAt("shape"),
            )
        return [y]

    def needs(self) -> Iterable[Need]:
        yield Need(self.x.type.elements, self.y.type.elements, "a reshape keeps all elements", "==")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        return scalars.load(self.x, reshaped_index(index, self.y.type.shape, self.x.type.shape))

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return x.reshape(evaluation.shape(self.y.type))


@define_op(Trait.MOVEMENT)
class Transpose(GraphOp):
    """Dimension i of the result is dimension perm[i] of x (ONNX Transpose)."""

    name = "graph.transpose"
    x = operand()
    perm = attribute(INTS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if sorted(self.perm) != list(range(self.x.type.rank)):
            raise op_error(
                self,
                f"perm {list(self.perm)} does not order {self.x.type.rank} dimensions",
                at=AttributeAt("perm"),
            )
        return [TensorType(tuple(self.x.type.shape[axis] for axis in self.perm), self.x.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own: list[Dim] = [0] * len(index)
        for place, axis in enumerate(self.perm):
            own[axis] = index[place]
        return scalars.load(self.x, own)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return np.transpose(x, self.perm)


@define_op(Trait.MOVEMENT)
class Slice(GraphOp):
    """Along every axis, SIZES elements from STARTS on, with step STEPS (ONNX Slice, Split).

    Starts are non-negative; steps may be negative. An empty list of steps means all 1.
    """

    name = "graph.slice"
    x = operand()
    starts = attribute(DIMS)
    sizes = attribute(DIMS)
    steps = attribute(INTS, ())
    y = result()

    @property
    def step_list(self) -> tuple[int, ...]:
        """The step of every axis."""
        return tuple(self.steps) or (1,) * self.x.type.rank

    def infer(self) -> Sequence[TensorType]:
        rank = self.x.type.rank
        if not len(self.starts) == len(self.sizes) == len(self.step_list) == rank or 0 in self.step_list:
            raise op_error(self, f"starts, sizes and non-zero steps must be given for all {rank} dimensions")
        for axis in range(rank):
            self._check_axis(axis)
        return [TensorType(tuple(self.sizes), self.x.type.dtype)]

    def _ends(self, axis: int) -> tuple[Dim, Dim]:
        """The lowest and the highest index read along AXIS."""
        first, step = self.starts[axis], self.step_list[axis]
        last = first + (self.sizes[axis] - 1) * step
        return (first, last) if step > 0 else (last, first)

    def _check_axis(self, axis: int) -> None:
        count, extent = self.sizes[axis], self.x.type.shape[axis]
        if count == 0:
            return
        low, high = self._ends(axis)
        if any(_surely_negative(dim) for dim in (low, extent - 1 - high, count)):
            raise op_error(
                self,
                f"axis {axis}: elements {low} to {high} are not all within {extent}",
                at=AttributeAt("starts"),
            )

    def needs(self) -> Iterable[Need]:
        for axis, (count, extent) in enumerate(zip(self.sizes, self.x.type.shape, strict=True)):
            if count != 0:
                low, high = self._ends(axis)
                yield Need(low, 0, f"a slice of axis {axis} begins in it")
                yield Need(extent, high + 1, f"a slice of axis {axis} ends in it")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        steps = zip(index, self.starts, self.step_list, strict=True)
        return scalars.load(self.x, [start + i * step for i, start, step in steps])

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        for axis, (start, size, step) in enumerate(zip(self.starts, self.sizes, self.step_list, strict=True)):
            picks = evaluation.dim(start) + np.arange(evaluation.dim(size)) * step
            x = np.take(x, picks, axis=axis)
        return x


MOST_PARTS = 256  # of a concatenation: more are joined in steps, so that no kernel reads them all


@define_op(Trait.MOVEMENT)
class Concat(GraphOp):
    """The concatenation of the operands along an axis (ONNX Concat)."""

    name = "graph.concat"
    parts = operands()
    axis = attribute(INT)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        types = [value.type for value in self.parts]
        if not types:
            raise op_error(self, "needs at least one operand")
        same_dtype(self, types)
        shape = list(types[0].shape)
        axis = normalize_axis(self, self.axis, len(shape))
        for type in types:
            first, other = ((*t.shape[:axis], *t.shape[axis + 1 :]) for t in (types[0], type))
            pair = f"{_text(types[0].shape)} and {_text(type.shape)}"
            same_shape(self, first, other, f"{pair} cannot be concatenated along axis {axis}")
        if not shape:
            raise op_error(self, "cannot concatenate scalars", "reshape them to one dimension")
        shape[axis] = total(type.shape[axis] for type in types)
        return [TensorType(tuple(shape), types[0].dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        axis = self.axis % len(index)
        kept = [value for value in self.parts if value.type.shape[axis] != 0] or list(self.parts[:1])
        begins: list[Dim] = [0]
        for value in kept:
            begins.append(begins[-1] + value.type.shape[axis])
        loads = [
            scalars.load(value, (*index[:axis], index[axis] - begin, *index[axis + 1 :]))
            for value, begin in zip(kept, begins[:-1], strict=True)
        ]

        def chosen(first: int, last: int) -> Expr:
            # A binary choice keeps the expression's depth, and the tests per element, logarithmic.
            if last - first == 1:
                return loads[first]
            middle = (first + last + 1) // 2
            inside = scalars.inside(index[axis], 0, begins[middle])
            return scalars.select(inside, chosen(first, middle), chosen(middle, last))

        return chosen(0, len(loads))

    def evaluate(self, evaluation: Evaluation, *parts: Any) -> Any:
        return np.concatenate(parts, axis=self.axis)


@define_op(Trait.MOVEMENT)
class Expand(GraphOp):
    """x broadcast with a shape (ONNX Expand): sizes of 1 on either side are stretched.

    A size that the shape writes differently is stretched if it is 1 at run time.
    """

    name = "graph.expand"
    x = operand()
    shape = attribute(DIMS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        x, wanted = self.x.type.shape, tuple(self.shape)
        shape = tuple(b if self._stretches(a, b) else a for a, b in self._aligned(x, wanted))
        return [TensorType(broadcast_shapes(self, [shape, wanted]), self.x.type.dtype)]

    @property
    def stretches(self) -> bool:
        """Whether some size of x may or may not be 1, depending on the values of symbols."""
        return any(self._stretches(a, b) for a, b in self._aligned(self.x.type.shape, self.shape))

    @staticmethod
    def _aligned(x: Sequence[Dim], wanted: Sequence[Dim]) -> list[tuple[Dim, Dim]]:
        """The sizes of x, each with the corresponding size of the shape."""
        met = [1] * max(len(x) - len(wanted), 0) + list(wanted[max(len(wanted) - len(x), 0) :])
        return list(zip(x, met, strict=True))

    @staticmethod
    def _stretches(size: Dim, to: Dim) -> bool:
        """Whether SIZE may be 1 or TO, depending on the values of symbols."""
        return size != to and 1 not in (size, to) and not (isinstance(size, int) and isinstance(to, int))

    def needs(self) -> Iterable[Need]:
        for size, to in self._aligned(self.x.type.shape, self.shape):
            if self._stretches(size, to):
                yield Need(size, to, "a size that is expanded is 1", "broadcasts")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own = list(index[len(index) - self.x.type.rank :])
        for axis, (size, to) in enumerate(self._aligned(self.x.type.shape, self.shape)):
            if self._stretches(size, to):
                own[axis] = own[axis] * (1 - floordiv(1, size))  # index 0 throughout where the size is 1
        return scalars.load_broadcast(self.x, own)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return np.broadcast_to(x, evaluation.shape(self.y.type))


@define_op(Trait.MOVEMENT)
class Tile(GraphOp):
    """x repeated along every axis (ONNX Tile)."""

    name = "graph.tile"
    x = operand()
    repeats = attribute(INTS)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if len(self.repeats) != self.x.type.rank or min(self.repeats, default=0) < 0:
            raise op_error(
                self,
                f"repeats {list(self.repeats)} does not give {self.x.type.rank} counts",
                at=AttributeAt("repeats"),
            )
        sizes = zip(self.x.type.shape, self.repeats, strict=True)
        return [TensorType(tuple(size * count for size, count in sizes), self.x.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own = [
            i if count == 1 else i - floordiv(i, size) * size if size != 0 else 0
            for i, size, count in zip(index, self.x.type.shape, self.repeats, strict=True)
        ]
        return scalars.load(self.x, own)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        return np.tile(x, self.repeats)


PAD_MODES = EnumKind(("constant", "reflect", "edge", "wrap"))


@define_op(Trait.MOVEMENT)
class Pad(GraphOp):
    """x extended at both ends of every axis (ONNX Pad); negative pads crop.

    `pads` lists all begins, then all ends. In constant mode the new elements are `value` (0 if absent).
    The other modes repeat elements of the cropped x: reflect mirrors it without the edge, edge repeats the
    edge, wrap continues from the other end.
    """

    name = "graph.pad"
    x = operand()
    value = optional_operand()
    pads = attribute(DIMS)
    mode = attribute(PAD_MODES, "constant")
    y = result()

    @property
    def adds(self) -> bool:
        """Whether all pads are numbers, and none is negative."""
        return all(isinstance(pad, int) and pad >= 0 for pad in self.pads)

    @property
    def begins(self) -> tuple[Dim, ...]:
        return tuple(self.pads[: self.x.type.rank])

    @property
    def ends(self) -> tuple[Dim, ...]:
        return tuple(self.pads[self.x.type.rank :])

    def infer(self) -> Sequence[TensorType]:
        if len(self.pads) != 2 * self.x.type.rank:
            raise op_error(
                self,
                f"pads {list(self.pads)} does not give {2 * self.x.type.rank} numbers",
                at=AttributeAt("pads"),
            )
        if self.value is not None:
            same_dtype(self, [self.x.type, self.value.type])
            if self.value.type.elements != 1:
                raise op_error(self, "the value is not a single element", at=operand_at(self, self.value))
        if self.mode != "constant" and not all(isinstance(pad, int) for pad in self.pads):
            raise op_error(
                self,
                f"pads of the mode '{self.mode}' are numbers, not {_text(self.pads)}",
                at=AttributeAt("pads"),
            )
        shape = tuple(n + b + e for n, b, e in zip(self.x.type.shape, self.begins, self.ends, strict=True))
        for axis, size in enumerate(shape):
            nothing = self.mode != "constant" and self._kept(axis) == 0 and size != 0
            if _surely_negative(size) or _surely_negative(self._kept(axis)) or nothing:
                extent = self.x.type.shape[axis]
                raise op_error(
                    self,
                    f"axis {axis}: pads {list(self.pads)} do not fit size {extent}",
                    at=AttributeAt("pads"),
                )
        return [TensorType(shape, self.x.type.dtype)]

    def needs(self) -> Iterable[Need]:
        for axis, extent in enumerate(self.x.type.shape):
            begin, end = self.begins[axis], self.ends[axis]
            if not (isinstance(begin, int) and isinstance(end, int)):
                for pad in (begin, end):
                    yield Need(extent + pad, 0, f"what pads crop is in axis {axis}")
                continue
            if begin < 0 or end < 0:
                yield Need(self._kept(axis), 0, f"what pads crop is in axis {axis}")
            most = max(begin, end, 0)
            if self.mode != "constant" and (begin or end):
                least = most + 1 if self.mode == "reflect" and not isinstance(extent, int) else 1
                yield Need(self._kept(axis), least, f"there is something to repeat in axis {axis}")

    def _kept(self, axis: int) -> Dim:
        """The size of AXIS after cropping by static pads."""
        cropped = [pad for pad in (self.begins[axis], self.ends[axis]) if isinstance(pad, int) and pad < 0]
        return self.x.type.shape[axis] + sum(cropped)

    def define(self, scalars: Scalars, index: Index) -> Expr:
        own = [i - begin for i, begin in zip(index, self.begins, strict=True)]
        if self.mode == "constant":
            padded = [a for a in range(len(own)) if _may_add(self.begins[a]) or _may_add(self.ends[a])]
            return guarded(scalars, self.x, own, self._filling(scalars), padded)
        return self._mapped(scalars, own, 0)

    def _filling(self, scalars: Scalars) -> Expr:
        if self.value is None:
            return scalars.const(0, self.x.type.dtype)
        return scalars.load(self.value, (0,) * self.value.type.rank)

    def _mapped(self, scalars: Scalars, own: list[Dim], axis: int) -> Expr:
        """x at OWN, with the positions from AXIS on mapped to the elements that they repeat."""
        if axis == len(own):
            return scalars.load(self.x, own)
        begin, end, size = int(str(self.begins[axis])), int(str(self.ends[axis])), self._kept(axis)

        def proceed(at: Dim) -> Expr:
            # Positions count from the first element that is not cropped.
            return self._mapped(scalars, [*own[:axis], at + max(-begin, 0), *own[axis + 1 :]], axis + 1)

        if begin <= 0 and end <= 0:
            return self._mapped(scalars, own, axis + 1)
        repeated = {"edge": clamped, "reflect": _mirrored, "wrap": _remainder}[self.mode]
        return scalars.let_index(repeated(scalars, own[axis] - max(-begin, 0), size), proceed)

    def evaluate(self, evaluation: Evaluation, x: Any, value: Any = None) -> Any:
        begins, ends = (map(evaluation.dim, pads) for pads in (self.begins, self.ends))
        pads = list(zip(begins, ends, strict=True))
        if self.mode == "constant":
            return padded_array(x, pads, 0 if value is None else value.reshape(-1)[0])
        cropped = padded_array(x, [(min(b, 0), min(e, 0)) for b, e in pads], 0)
        grown = [(max(b, 0), max(e, 0)) for b, e in pads]
        if self.mode == "reflect":
            return np.pad(cropped, grown, mode="reflect")
        return np.pad(cropped, grown, mode="edge" if self.mode == "edge" else "wrap")


def _mirrored(scalars: Scalars, at: Dim, size: Dim) -> Expr:
    """AT reflected at both ends into 0..SIZE-1: its distance from the last element, modulo the period
    2 * (SIZE - 1) of a full reflection.
    """
    last = size - 1
    # A single element reflects to itself: its period is set to 1.
    period = 2 * last + floordiv(1, size)
    away = scalars.apply("sub", scalars.index_value(last), _remainder(scalars, at, period))
    return scalars.apply("sub", scalars.index_value(last), scalars.apply("abs", away))


def _remainder(scalars: Scalars, at: Dim, period: Dim) -> Expr:
    """AT modulo PERIOD. Index arithmetic divides only non-negative numerators, which a static period
    ensures; otherwise the scalar function is used.
    """
    if isinstance(period, int):
        return scalars.index_value(at % period)
    return scalars.apply("mod", scalars.index_value(at), scalars.index_value(period))


@define_op(Trait.MOVEMENT)
class Trilu(GraphOp):
    """The upper or lower triangle of the last two dimensions, zeros elsewhere (ONNX Trilu).

    `k` moves the diagonal; positive towards the upper right.
    """

    name = "graph.trilu"
    x = operand()
    upper = attribute(BOOL, True)
    k = attribute(INT, 0)
    y = result()

    def infer(self) -> Sequence[TensorType]:
        if self.x.type.rank < 2:
            raise op_error(self, "its input needs at least two dimensions", at=operand_at(self, self.x))
        return [TensorType(self.x.type.shape, self.x.type.dtype)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        row, column = index[-2:]
        boundary = row + self.k
        low, high = (boundary, self.x.type.shape[-1]) if self.upper else (0, boundary + 1)
        kept = scalars.inside(column, low, high)
        return scalars.select(kept, scalars.load(self.x, index), scalars.const(0, self.x.type.dtype))

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        cut: Callable[..., Any] = np.triu if self.upper else np.tril
        return cut(x, self.k)


def _may_add(pad: Dim) -> bool:
    """Whether PAD may be positive."""
    return not isinstance(pad, int) or pad > 0


def _surely_negative(dim: Dim) -> bool:
    """Whether DIM is a negative number; sizes with symbols are decided through `needs`."""
    return isinstance(dim, int) and dim < 0


def _text(shape: Sequence[Dim]) -> str:
    return "[" + ", ".join(str(size) for size in shape) + "]"


OPS = (Reshape, Transpose, Slice, Concat, Expand, Tile, Pad, Resize, Trilu)
