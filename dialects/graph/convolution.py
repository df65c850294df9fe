"""Convolution and transposed convolution."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..core.affine import Dim, floordiv, product
from ..core.attributes import DTYPE, FORMAT, INT, INTS
from ..core.constraints import Need
from ..core.diagnostics import op_error, operand_at
from ..core.dtypes import DType
from ..core.expr import Expr, Index, Scalars
from ..core.interpreter import Array, Evaluation
from ..core.op import attribute, define_op, operand
from ..core.parts import AttributeAt, OperandAt
from ..core.traits import Trait
from ..core.types import TensorType
from .base import same_size
from .contraction import check_multiplied, check_multiply, multiply_add, product_of
from .numeric import compute_dtype, converted, multiplied
from .sliding_window import Ints, SlidingWindow


class Convolution(SlidingWindow):
    """Base class of the convolutions: the weight operand and its static window."""

    w = operand()
    groups = attribute(INT, 1)
    accumulate = attribute(DTYPE, None)

    @property
    def window(self) -> Ints:
        sizes = self.w.type.shape[2:]
        if not all(isinstance(size, int) for size in sizes):
            raise op_error(
                self, f"the window of the weight {self.w.type} is not static", at=operand_at(self, self.w)
            )
        return tuple(int(str(size)) for size in sizes)

    @property
    def sum_dtype(self) -> DType:
        """The type of the accumulator."""
        return self.accumulate or compute_dtype(self.x.type.dtype)

    def check_ranks(self) -> None:
        """Raise a located IRError unless the weight has as many dimensions as the input."""
        ranks = self.x.type.rank, self.w.type.rank
        if ranks[0] != ranks[1] or not 3 <= ranks[0] <= 5:
            raise op_error(
                self, f"the input has {ranks[0]} dimensions, the weight {ranks[1]}; 3 to 5 are expected"
            )

    def check_groups(self, label: str, channels: Dim, wanted: Dim) -> None:
        """Raise a located IRError unless the weight's CHANNELS equal WANTED and its first dimension splits
        into groups."""
        check_multiplied(self, self.x.type, self.w.type, self.accumulate)
        first = self.w.type.shape[0]
        if self.groups < 1 or (isinstance(first, int) and first % self.groups):
            raise op_error(
                self,
                f"{first} {label} channels do not split into {self.groups} groups",
                at=AttributeAt("groups"),
            )
        message = f"the input has {wanted} channels, the weight is for {channels}"
        same_size(self, wanted, channels, message, operand_at(self, self.w))

    def outcome(self, shape: tuple[Dim, ...]) -> list[TensorType]:
        return [TensorType(shape, self.accumulate or self.x.type.dtype)]


@define_op(Trait.CONTRACTION)
class Conv(Convolution):
    """Convolution (ONNX Conv without bias): x [N, C, spatial], w [M, C/groups, window].

    `accumulate` is the result's type: f32 for 16-bit operands; i32 for i8 and u8 operands in any
    combination, and for i16 weights. With `multiply` the operands are rounded to that format first; kernels
    derived from `define` multiply them unrounded.
    """

    name = "graph.conv"
    multiply = attribute(FORMAT, None)

    def infer(self) -> Sequence[TensorType]:
        self.check_ranks()
        check_multiply(self, self.multiply)
        shape = self.w.type.shape
        self.check_groups("output", shape[1] * self.groups, self.x.type.shape[1])
        self.check_window()
        sizes = [self.checked_size(axis, self.floor_size(axis)) for axis in range(len(self.window))]
        return self.outcome((self.x.type.shape[0], shape[0], *sizes))

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, channel, *outputs = index
        depth = self.w.type.shape[1]
        group = floordiv(channel, floordiv(self.w.type.shape[0], self.groups)) if self.groups > 1 else 0

        def body(variables: Index) -> Expr:
            inner, *taps = variables
            at = self.positions(outputs, taps)
            zero = scalars.const(0, self.x.type.dtype)
            x = self.guarded_load(scalars, (image, group * depth + inner), at, zero)
            return multiply_add(scalars, x, scalars.load(self.w, (channel, inner, *taps)), self.sum_dtype)

        return scalars.cast(scalars.reduce("sum", (depth, *self.window), body), self.y.type.dtype)

    def evaluate(self, evaluation: Evaluation, x: Any, w: Any) -> Any:
        x, w = multiplied(x, self.multiply), multiplied(w, self.multiply)
        depth = int(np.prod(w.shape[1:]))
        weight = w.reshape(self.groups, w.shape[0] // self.groups, depth)
        sizes = evaluation.shape(self.y.type)[2:]
        y = np.empty((x.shape[0], w.shape[0], *sizes), self.sum_dtype.numpy)
        for number, image in enumerate(x):
            columns = np.stack(list(self.taps(image[None], sizes, 0)), axis=2)
            columns = columns.reshape(self.groups, depth, int(np.prod(sizes)))
            y[number] = product_of(weight, columns, self.sum_dtype).reshape(w.shape[0], *sizes)
        return converted(y, self.y.type.dtype)

    def flops(self) -> Dim:
        return self.y.type.elements * product(self.w.type.shape[1:]) * 2


@define_op(Trait.CONTRACTION)
class ConvTranspose(Convolution):
    """Transposed convolution (ONNX ConvTranspose without bias): x [N, C, spatial], w [C, M/groups, window].

    Each input element is scattered over a window of the output; `pads` crop the result, and
    `output_padding` extends it at the end.
    """

    name = "graph.conv_transpose"
    output_padding = attribute(INTS, ())

    def infer(self) -> Sequence[TensorType]:
        self.check_ranks()
        shape = self.w.type.shape
        self.check_groups("input", shape[0], self.x.type.shape[1])
        self.check_window()
        if len(self._extra) != len(self.window):
            raise op_error(
                self,
                f"output_padding {list(self._extra)} is not one number per dimension",
                at=AttributeAt("output_padding"),
            )
        sizes = [self.checked_size(axis, self._output_size(axis)) for axis in range(len(self.window))]
        return self.outcome((self.x.type.shape[0], shape[1] * self.groups, *sizes))

    def needs(self) -> Iterable[Need]:
        for axis in range(len(self.window)):
            why = f"its output has elements along axis {axis + 2}"
            yield Need(self._output_size(axis), 1, why, at=OperandAt(0))

    @property
    def _extra(self) -> Ints:
        return tuple(self.output_padding) or (0,) * len(self.spatial)

    def _output_size(self, axis: int) -> Dim:
        whole: Dim = (self.spatial[axis] - 1) * self.strides[axis] + self.spans[axis] + self._extra[axis]
        return whole - self.begins[axis] - self.ends[axis]

    def define(self, scalars: Scalars, index: Index) -> Expr:
        image, channel, *outputs = index
        share = self.w.type.shape[1]
        depth = floordiv(self.w.type.shape[0], self.groups)
        group = floordiv(channel, share) if self.groups > 1 else 0

        def body(variables: Index) -> Expr:
            inner, *taps = variables
            source, condition = self._source(scalars, outputs, taps)
            from_channel = group * depth + inner
            x = scalars.load(self.x, (image, from_channel, *source))
            w = scalars.load(self.w, (from_channel, channel - group * share, *taps))
            term = multiply_add(scalars, x, w, self.sum_dtype)
            return scalars.select(condition, term, scalars.const(0, self.sum_dtype))

        return scalars.cast(scalars.reduce("sum", (depth, *self.window), body), self.y.type.dtype)

    def _source(
        self, scalars: Scalars, outputs: Sequence[Dim], taps: Sequence[Dim]
    ) -> tuple[list[Dim], Expr]:
        """The element of x that contributes to OUTPUTS through TAPS, and the condition that there is one."""
        source: list[Dim] = []
        conditions: list[Expr] = []
        for axis, (o, tap) in enumerate(zip(outputs, taps, strict=True)):
            stride = self.strides[axis]
            distance = o + self.begins[axis] - tap * self.dilations[axis]
            at = floordiv(distance, stride)
            source.append(at)
            conditions.append(scalars.inside(at, 0, self.spatial[axis]))
            if stride > 1:
                conditions.append(scalars.inside(distance - at * stride, 0, 1))
        condition = scalars.every(conditions)
        assert condition is not None  # there is at least one spatial dimension
        return source, condition

    def evaluate(self, evaluation: Evaluation, x: Any, w: Any) -> Any:
        dtype = self.sum_dtype.numpy
        shape = evaluation.shape(self.y.type)
        columns = self._columns(x.astype(dtype), w.astype(dtype))
        reach = [(n - 1) * s + span for n, s, span in zip(x.shape[2:], self.strides, self.spans, strict=True)]
        whole = [max(r, b + n) - min(b, 0) for r, b, n in zip(reach, self.begins, shape[2:], strict=True)]
        full = np.zeros((*shape[:2], *whole), dtype)
        for number, offsets in enumerate(itertools.product(*(range(k) for k in self.window))):
            full[self._spread(x, offsets)] += columns[:, :, number]
        crop = tuple(slice(max(b, 0), max(b, 0) + n) for b, n in zip(self.begins, shape[2:], strict=True))
        return converted(full[(slice(None), slice(None), *crop)], self.y.type.dtype)

    def _columns(self, x: Array, w: Array) -> Array:
        """Products of x with every tap of w: [N, M, taps, spatial...]."""
        groups, share, taps = self.groups, w.shape[1], int(np.prod(w.shape[2:]))
        weight = w.reshape(groups, w.shape[0] // groups, share * taps).transpose(0, 2, 1)
        images = x.reshape(x.shape[0], groups, x.shape[1] // groups, int(np.prod(x.shape[2:])))
        products: Array = np.matmul(weight, images)
        return products.reshape(x.shape[0], groups * share, taps, *x.shape[2:])

    def _spread(self, x: Array, offsets: Ints) -> tuple[slice, ...]:
        """The slice of the uncropped result that the products of the tap at OFFSETS are added to."""
        picks = [slice(None), slice(None)]
        for axis, offset in enumerate(offsets):
            first = offset * self.dilations[axis] - min(self.begins[axis], 0)
            last = first + (x.shape[axis + 2] - 1) * self.strides[axis]
            picks.append(slice(first, last + 1, self.strides[axis]))
        return tuple(picks)

    def flops(self) -> Dim:
        return self.x.type.elements * product(self.w.type.shape[1:]) * 2


OPS = (Conv, ConvTranspose)
