"""Columns: the elements under each window of an image as a vector, and images from columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, ceildiv, floordiv, product
from ..core.attributes import DIMS, INT, INTS
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import I64
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand, optional_operand, result
from ..core.parts import AttributeAt
from ..core.types import TensorType
from .base import GraphOp, same_dtype, same_shape
from .elementwise_base import FLOAT, NUMBER, check_kind
from .formula import Term, load
from .numeric import compute_dtype, converted, widened
from .sliding_window import Ints, SlidingWindow
from .taps import Taps, sample, sample_array, tap_arrays


@define_op()
class Col2Im(GraphOp):
    """Images [N, C, image...] from columns x [N, C * taps, blocks] (ONNX Col2Im).

    Each element is the sum of the columns' elements at its position. `pads` has all begins, then all ends.
    """

    name = "graph.col2im"
    x = operand()
    image = attribute(DIMS)
    kernel = attribute(DIMS)
    strides = attribute(INTS)
    dilations = attribute(INTS)
    pads = attribute(INTS)
    y = result()

    @property
    def _tap_count(self) -> Dim:
        return product(self.kernel)

    @property
    def blocks(self) -> tuple[Dim, ...]:
        """The number of windows along each axis of the image."""
        rank = len(self.image)
        found = []
        for axis, size in enumerate(self.image):
            span = self.dilations[axis] * (self.kernel[axis] - 1) + 1
            room = size + self.pads[axis] + self.pads[axis + rank] - span
            found.append(floordiv(room, self.strides[axis]) + 1)
        return tuple(found)

    def infer(self) -> Sequence[TensorType]:
        check_kind(self, self.x, NUMBER)
        rank, shape = len(self.image), self.x.type.shape
        for label in ("kernel", "strides", "dilations"):
            values = getattr(self, label)
            least = min((value for value in values if isinstance(value, int)), default=1)
            if len(values) != rank or not rank or least < 1:
                message = f"{label} {list(map(str, values))} does not give {rank} positive numbers"
                raise op_error(self, message, at=AttributeAt(label))
        if len(self.pads) != 2 * rank:
            message = f"pads {list(self.pads)} does not give {2 * rank} numbers"
            raise op_error(self, message, at=AttributeAt("pads"))
        if len(shape) != 3:
            message = f"the columns are {self.x.type}, 3 dimensions are expected"
            raise op_error(self, message, at=operand_at(self, self.x))
        return [TensorType((shape[0], floordiv(shape[1], self._tap_count), *self.image), self.x.type.dtype)]

    def needs(self) -> Iterable[Need]:
        _, rows, columns = self.x.type.shape
        yield Need(
            rows,
            floordiv(rows, self._tap_count) * self._tap_count,
            f"there are {self._tap_count} taps a channel",
            "==",
        )
        yield Need(columns, product(self.blocks), "there is a column for each block", "==")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, channel, *places = index
        blocks, dtype = self.blocks, compute_dtype(self.x.type.dtype)

        def body(taps: Index) -> Expr:
            row: Dim = channel
            column: Dim = 0
            conditions = []
            for axis, (place, tap) in enumerate(zip(places, taps, strict=True)):
                offset = place + self.pads[axis] - tap * self.dilations[axis]
                # With the span added, the numerator is never negative; the division rounds down.
                shift = self.dilations[axis] * (self.kernel[axis] - 1)
                steps = ceildiv(shift, self.strides[axis])
                block = floordiv(offset + steps * self.strides[axis], self.strides[axis]) - steps
                conditions.append(self._met(scalars, offset, block, axis, blocks[axis]))
                row = row * self.kernel[axis] + tap
                column = column * blocks[axis] + block
            inside = scalars.every(conditions)
            assert inside is not None  # an image has axes
            element = scalars.select(
                inside, scalars.load(self.x, (image, row, column)), scalars.const(0, self.x.type.dtype)
            )
            return scalars.cast(element, dtype)

        whole = scalars.reduce("sum", self.kernel, body)
        return scalars.cast(whole, self.x.type.dtype)

    def _met(self, scalars: Scalars, offset: Dim, block: Dim, axis: int, count: Dim) -> Expr:
        """Whether BLOCK is in range and its window begins at OFFSET."""
        number, zero = scalars.index_value(block), scalars.const(0, I64)
        above = scalars.apply("ge", number, zero)
        below = scalars.apply("lt", number, scalars.index_value(count))
        exact = scalars.apply("eq", scalars.index_value(block * self.strides[axis] - offset), zero)
        return scalars.apply("and", scalars.apply("and", above, below), exact)

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        sizes = [evaluation.dim(size) for size in self.image]
        counts = [evaluation.dim(count) for count in self.blocks]
        rank = len(sizes)
        kernel = [evaluation.dim(size) for size in self.kernel]
        wide = widened(x).reshape(len(x), -1, *kernel, *counts)
        reach = [s + b + e for s, b, e in zip(sizes, self.pads[:rank], self.pads[rank:], strict=True)]
        y: Any = np.zeros((*wide.shape[:2], *reach), wide.dtype)
        with np.errstate(all="ignore"):
            for taps in itertools.product(*map(range, kernel)):
                spans = [
                    slice(tap * d, tap * d + (count - 1) * s + 1, s)
                    for tap, d, s, count in zip(taps, self.dilations, self.strides, counts, strict=True)
                ]
                under: Any = (..., *taps, *[slice(None)] * rank)
                y[(..., *spans)] += wide[under]
        cut = [slice(b, b + size) for b, size in zip(self.pads[:rank], sizes, strict=True)]
        return converted(y[(..., *cut)], self.y.type.dtype)

    def flops(self) -> Dim:
        return self.y.type.elements * self._tap_count


@define_op()
class DeformColumns(SlidingWindow):
    """The elements of x [N, C, H, W] under each window, each at its own real offset: [N, C, taps,
    outputs...].

    They are interpolated linearly between four elements, and 0 outside: the first step of a deformable
    convolution (ONNX DeformConv; Dai et al. 2017). Offsets are [N, groups * taps * 2, outputs...], rows
    before columns; the mask, a factor, is [N, groups * taps, outputs...]; each group serves C / groups
    channels.
    """

    name = "graph.deform_columns"
    offset = operand()
    mask = optional_operand()
    kernel = attribute(INTS)
    groups = attribute(INT, 1)

    @property
    def window(self) -> Ints:
        return tuple(self.kernel)

    @property
    def _tap_count(self) -> int:
        return int(np.prod(self.kernel))

    def infer(self) -> Sequence[TensorType]:
        self.check_window()
        check_kind(self, self.x, FLOAT)
        x = self.x.type
        if x.rank != 4:
            message = f"the input is {x}, a batch of images is expected"
            raise op_error(self, message, at=operand_at(self, self.x))
        sizes = tuple(self.checked_size(axis, self.floor_size(axis)) for axis in range(2))
        same_dtype(self, [value.type for value in self.inputs])
        for value, each in ((self.offset, 2), (self.mask, 1)):
            wanted = (x.shape[0], self.groups * self._tap_count * each, *sizes)
            if value is not None:
                message = f"it needs {list(map(str, wanted))}, not {value.type}"
                same_shape(self, value.type.shape, wanted, message, at=operand_at(self, value))
        return [x.with_shape((*x.shape[:2], self._tap_count, *sizes))]

    def needs(self) -> Iterable[Need]:
        yield from super().needs()
        channels = self.x.type.shape[1]
        each = floordiv(channels, self.groups)
        yield Need(channels, each * self.groups, f"the channels are {self.groups} groups", "==")

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, channel, tap, *outputs = index
        row = floordiv(channel, floordiv(self.x.type.shape[1], self.groups)) * self._tap_count + tap
        axes = []
        for axis, place in enumerate(self.positions(outputs, self._unraveled(tap))):
            offset = load(scalars, self.offset, (image, row * 2 + axis, *outputs))
            at = offset + Term(scalars, scalars.index_value(place, offset.dtype))
            axes.append(Taps(scalars, at, self.spatial[axis], "linear", "zeros", align_corners=True))
        found = Term(scalars, sample(scalars, self.x, (image, channel), axes))
        if self.mask is None:
            return found.expr
        masked = found.cast(compute_dtype(found.dtype)) * load(scalars, self.mask, (image, row, *outputs))
        return masked.cast(found.dtype).expr

    def _unraveled(self, tap: Dim) -> tuple[Dim, Dim]:
        row = floordiv(tap, self.kernel[1])
        return row, tap - row * self.kernel[1]

    def evaluate(self, evaluation: Evaluation, x: Any, offset: Any, mask: Any = None) -> Any:
        sizes, lead = offset.shape[2:], (len(x), self.groups, self._tap_count)
        offsets = widened(offset).reshape(*lead, 2, *sizes)
        masks = (
            np.ones((*lead, *sizes), offsets.dtype) if mask is None else widened(mask).reshape(*lead, *sizes)
        )
        parts = np.split(np.moveaxis(widened(x), 1, -1), self.groups, axis=-1)
        found = [self._of_group(part, offsets[:, g], masks[:, g]) for g, part in enumerate(parts)]
        return converted(np.concatenate(found, axis=1), self.y.type.dtype)

    def _of_group(self, x: Array, offsets: Array, masks: Array) -> Array:
        """The columns of the channels of one group, [N, C, taps, outputs...], from x [N, H, W, C]."""
        grids = np.indices((*self.kernel, *offsets.shape[3:]))
        axes = []
        for axis in range(2):
            steps = grids[axis] * self.dilations[axis] + grids[axis + 2] * self.strides[axis]
            begins = (steps - self.begins[axis]).reshape(self._tap_count, *offsets.shape[3:])
            at = (offsets[:, :, axis] + begins).astype(offsets.dtype)
            axes.append(tap_arrays(at, x.shape[axis + 1], "linear", "zeros", align_corners=True))
        batch = np.arange(len(x)).reshape(-1, 1, 1, 1)
        found = sample_array(x, (batch,), axes) * masks[..., None]
        return np.moveaxis(found, -1, 1)

    def flops(self) -> Dim:
        return self.y.type.elements * 12


OPS = (Col2Im, DeformColumns)
