"""Pooling: reductions over a small window around each output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, ceildiv, floordiv
from ..core.attributes import BOOL, INT, INTS
from ..core.constraints import Need
from ..core.diagnostics import op_error
from ..core.dtypes import I64, DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op
from ..core.parts import OperandAt
from ..core.traits import Trait
from ..core.types import TensorType
from .extremes import larger
from .numeric import compute_dtype, converted
from .sliding_window import Ints, SlidingWindow


class Pool(SlidingWindow):
    """Base class of pools over x [N, C, spatial]. With `ceil_mode` the last window may extend past the end
    padding, if it starts inside the input or its begin padding.
    """

    kernel = attribute(INTS)
    ceil_mode = attribute(BOOL, False)

    @property
    def window(self) -> Ints:
        return tuple(self.kernel)

    def infer(self) -> Sequence[TensorType]:
        self.check_window()
        sizes = [self.checked_size(axis, self._size(axis)) for axis in range(len(self.window))]
        return [TensorType((*self.x.type.shape[:2], *sizes), self.x.type.dtype)]

    def needs(self) -> Iterable[Need]:
        if not self.ceil_mode:
            yield from super().needs()
            return
        for axis in range(len(self.window)):
            why = f"a window of {self.spans[axis]} starts in axis {axis + 2}"
            yield Need(self._reached(axis), 1, why, at=OperandAt(0))

    def _size(self, axis: int) -> Dim:
        return ceildiv(self._reached(axis), self.strides[axis]) if self.ceil_mode else self.floor_size(axis)

    def _reached(self, axis: int) -> Dim:
        """The number of elements of AXIS that a window may start at, for a division that rounds up.

        Of min(ceil((n - span) / stride) + 1, ceil((size + begin) / stride)) windows, both terms are ceilings
        of (size + begin + constant) / stride, so the smaller constant decides.
        """
        constant: int = min(self.ends[axis] - self.spans[axis] + self.strides[axis], 0)
        return self.spatial[axis] + self.begins[axis] + constant

    def guarded_axis(self, axis: int) -> bool:
        return self.ceil_mode or super().guarded_axis(axis)

    def flops(self) -> Dim:
        return self.y.type.elements * int(np.prod(self.window))


@define_op(Trait.WINDOW)
class MaxPool(Pool):
    """The maximum of each window (ONNX MaxPool); NaN propagates."""

    name = "graph.max_pool"

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, channel, *outputs = index
        outside = scalars.const(self.x.type.dtype.limits[0], self.x.type.dtype)

        def body(taps: Index) -> Expr:
            return self.load_step(scalars, (image, channel), outputs, taps, outside)

        return scalars.reduce("max", self.steps, body)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        dtype = compute_dtype(self.x.type.dtype)
        taps = self.met_taps(x.astype(dtype.numpy), evaluation.shape(self.y.type)[2:], dtype.limits[0])
        y = next(taps)
        for tap in taps:
            y = larger(y, tap)
        return converted(y, self.x.type.dtype)


@define_op(Trait.WINDOW)
class MaxPoolIndices(Pool):
    """The position of each window's maximum (the second result of ONNX MaxPool): the first one, as a flat
    position in x, row-major, or column-major over the spatial dimensions on request.
    """

    name = "graph.max_pool_indices"
    column_major = attribute(BOOL, False)

    def infer(self) -> Sequence[TensorType]:
        return [super().infer()[0].with_dtype(I64)]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, channel, *outputs = index
        outside = scalars.const(self.x.type.dtype.limits[0], self.x.type.dtype)

        def body(taps: Index) -> Expr:
            return self.load_step(scalars, (image, channel), outputs, taps, outside)

        def flat(tap: Dim) -> Expr:
            at = self.places(outputs, _unravel(tap, self.steps))
            return scalars.index_value(self._flat((image, channel), at))

        return scalars.let_index(scalars.reduce("argmax", self.steps, body), flat)

    def _flat(self, lead: tuple[Dim, Dim], at: Sequence[Dim]) -> Dim:
        order = list(zip(at, self.spatial, strict=True))
        position = lead[0] * self.x.type.shape[1] + lead[1]
        for _, size in order:
            position = position * size
        inner: Dim = 0
        for place, size in reversed(order) if self.column_major else order:
            inner = inner * size + place
        return position + inner

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        sizes = evaluation.shape(self.y.type)[2:]
        dtype = compute_dtype(self.x.type.dtype)
        numbers = np.arange(x.size, dtype=np.int64).reshape(x.shape)
        if self.column_major:
            plane = np.arange(int(np.prod(x.shape[2:])), dtype=np.int64).reshape(x.shape[2:], order="F")
            numbers = plane + _plane_starts(x)
        values = np.stack(list(self.met_taps(x.astype(dtype.numpy), sizes, dtype.limits[0])))
        places = np.stack(list(self.met_taps(numbers, sizes, -1)))
        best = values.argmax(axis=0)
        return np.take_along_axis(places, best[None], axis=0)[0]


def _plane_starts(x: Array) -> Array:
    """The flat position of the first element of every [spatial] plane, broadcast to x."""
    plane = int(np.prod(x.shape[2:]))
    starts: Array = np.arange(x.shape[0] * x.shape[1], dtype=np.int64) * plane
    return starts.reshape(*x.shape[:2], *(1,) * (x.ndim - 2))


def _unravel(position: Dim, sizes: Sequence[Dim]) -> list[Dim]:
    """The multi-index of a flat POSITION, row-major."""
    result: list[Dim] = []
    for size in reversed(sizes[1:]):
        quotient = floordiv(position, size)
        result.append(position - quotient * size)
        position = quotient
    return [position, *reversed(result)]


class SumPool(Pool):
    """Base class of pools that add up a window of floats, in the compute type; padding adds nothing."""

    def whole(self, scalars: Scalars, index: Index, term: Callable[[Expr], Expr]) -> Expr:
        """The sum of TERM of every element of the window at INDEX."""
        image, channel, *outputs = index
        dtype = compute_dtype(self.x.type.dtype)
        zero = scalars.const(0, self.x.type.dtype)

        def body(taps: Index) -> Expr:
            loaded = self.load_step(scalars, (image, channel), outputs, taps, zero)
            return term(scalars.cast(loaded, dtype))

        return scalars.reduce("sum", self.steps, body)

    def wholes(self, evaluation: Evaluation, terms: Array) -> Array:
        """The sums of all windows over TERMS, which have the shape of x."""
        y: Array = np.zeros((*terms.shape[:2], *evaluation.shape(self.y.type)[2:]), terms.dtype)
        with np.errstate(all="ignore"):
            for tap in self.met_taps(terms, y.shape[2:], 0):
                y += tap
        return y


@define_op(Trait.WINDOW)
class AvgPool(SumPool):
    """The mean of each window (ONNX AveragePool). Padding counts as zeros with `count_include_pad`, else not
    at all; what is past the padding never counts. An empty mean is 0.
    """

    name = "graph.avg_pool"
    count_include_pad = attribute(BOOL, False)

    def infer(self) -> Sequence[TensorType]:
        if not self.x.type.dtype.is_float:
            raise op_error(self, f"a mean of {self.x.type.dtype} is not defined")
        return super().infer()

    def define(self, scalars: Scalars, index: Index) -> Expr:
        whole = self.whole(scalars, index, lambda element: element)
        mean = scalars.apply("div", whole, self._count(scalars, index[2:], whole.dtype))
        return scalars.cast(mean, self.x.type.dtype)

    def _count(self, scalars: Scalars, outputs: Sequence[Dim], dtype: DType) -> Expr:
        """The number of counted taps in the window at OUTPUTS."""
        fixed = 1
        varying: Expr | None = None
        for axis, o in enumerate(outputs):
            if not self._count_varies(axis):
                fixed *= self.window[axis]
                continue
            count = self._axis_count(scalars, axis, o)
            varying = count if varying is None else scalars.apply("mul", varying, count)
        if varying is None:
            return scalars.const(float(fixed), dtype)
        whole = varying if fixed == 1 else scalars.apply("mul", varying, scalars.const(fixed, I64))
        return scalars.cast(whole, dtype)

    def _count_varies(self, axis: int) -> bool:
        return self.ceil_mode if self.count_include_pad else self.guarded_axis(axis)

    def _axis_count(self, scalars: Scalars, axis: int, output: Dim) -> Expr:
        """The number of counted taps along AXIS, as i64: from the first to the last inside."""
        dilation, taps = self.dilations[axis], self.window[axis]
        start = output * self.strides[axis] - self.begins[axis]
        limit = self.spatial[axis] + (self.ends[axis] if self.count_include_pad else 0)
        end = scalars.index_value(ceildiv(limit - start, dilation))
        last = scalars.apply("min", scalars.const(taps, I64), end)
        if self.count_include_pad:
            return last
        begin = scalars.index_value(ceildiv(-1 * start, dilation))
        count = scalars.apply("sub", last, scalars.apply("max", scalars.const(0, I64), begin))
        return scalars.apply("max", count, scalars.const(1, I64)) if self._may_miss(axis) else count

    def _may_miss(self, axis: int) -> bool:
        """Whether some window may cover only padding along AXIS."""
        widest = max(self.begins[axis], self.ends[axis])
        return self.dilations[axis] > 1 or widest >= self.window[axis]

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        y = self.wholes(evaluation, x.astype(compute_dtype(self.x.type.dtype).numpy))
        sizes = y.shape[2:]
        for axis, size in enumerate(sizes):
            counts = self._counts(axis, size, x.shape[axis + 2]).astype(y.dtype)
            y /= counts.reshape(-1, *(1,) * (len(sizes) - 1 - axis))
        return converted(y, self.x.type.dtype)

    def _counts(self, axis: int, outputs: int, extent: int) -> Array:
        """The number of counted taps along AXIS in each window, at least 1."""
        starts = np.arange(outputs) * self.strides[axis] - self.begins[axis]
        end = extent + (self.ends[axis] if self.count_include_pad else 0)
        # Ceiling divisions: the first tap past the end, and the first inside.
        behind = np.minimum(-((starts - end) // self.dilations[axis]), self.window[axis])
        first = 0 if self.count_include_pad else np.maximum(-(starts // self.dilations[axis]), 0)
        counts: Array = np.maximum(behind - first, 1)
        return counts


@define_op(Trait.WINDOW)
class LpPool(SumPool):
    """(sum |x|^p)^(1/p) of each window (ONNX LpPool)."""

    name = "graph.lp_pool"
    p = attribute(INT, 2)

    def infer(self) -> Sequence[TensorType]:
        if self.p < 1 or not self.x.type.dtype.is_float:
            raise op_error(self, f"the norm of order {self.p} of {self.x.type.dtype} is not defined")
        return super().infer()

    def define(self, scalars: Scalars, index: Index) -> Expr:
        def term(element: Expr) -> Expr:
            size = scalars.apply("abs", element)
            return scalars.apply("mul", size, size) if self.p == 2 else _power(scalars, size, self.p)

        whole = self.whole(scalars, index, term)
        norm = scalars.apply("sqrt", whole) if self.p == 2 else _power(scalars, whole, 1 / self.p)
        return scalars.cast(norm, self.x.type.dtype)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        with np.errstate(all="ignore"):
            terms = np.abs(x.astype(compute_dtype(self.x.type.dtype).numpy)) ** self.p
            return converted(np.power(self.wholes(evaluation, terms), 1 / self.p), self.x.type.dtype)


def _power(scalars: Scalars, x: Expr, exponent: float) -> Expr:
    return x if exponent == 1 else scalars.apply("pow", x, scalars.const(float(exponent), x.dtype))


OPS = (MaxPool, MaxPoolIndices, AvgPool, LpPool)
