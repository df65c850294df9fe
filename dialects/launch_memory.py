"""Memory at the launch level.

`launch.buffer` places a tensor in the arena or in the weights, or binds an output; `launch.view` is another
tensor in the memory of a buffer.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import IRError
from .core.affine import Dim, total
from .core.attributes import DIM, INT, SYMBOL, EnumKind
from .core.diagnostics import op_error, operand_at
from .core.interpreter import Evaluation
from .core.ir import Operation
from .core.module import Module
from .core.op import attribute, define_op, operand, result
from .core.parts import ResultAt
from .core.sizes.most import most
from .core.types import TensorType

SPACES = EnumKind(("arena", "counters", "output", "weights"))


@define_op(symbol="weight")
class Buffer(Operation):
    """A range of memory: `offset` and `bytes` within its space; a weight also names its resource.

    `counters` are words that are zero whenever no kernel runs: kernels that count reset them.
    """

    name = "launch.buffer"
    weight = attribute(SYMBOL, None)
    space = attribute(SPACES)
    offset = attribute(INT, 0)
    bytes = attribute(DIM)
    y = result()

    def evaluate(self, evaluation: Evaluation) -> Any:
        if self.space == "weights":
            return evaluation.resource(self.weight)
        shape = evaluation.shape(self.y.type)
        dtype = self.y.type.dtype.numpy
        strides = [evaluation.dim(s) * dtype.itemsize for s in self.y.type.strides]
        offset = evaluation.dim(self.y.type.layout.offset) * dtype.itemsize
        size = evaluation.dim(self.bytes)
        if self.space in ("output", "counters"):
            memory, start = np.full(max(size, 1), 0xFF if self.space == "output" else 0, np.uint8), 0
        else:
            memory, start = self._arena(evaluation), self.offset
        return np.ndarray(shape, dtype, memory.data, start + offset, strides)

    def _arena(self, evaluation: Evaluation) -> np.ndarray[Any, Any]:
        if "arena" not in evaluation.state:
            assert self.parent is not None
            buffers = [op for op in self.parent if isinstance(op, Buffer) and op.space == "arena"]
            size = max(op.offset + evaluation.dim(op.bytes) for op in buffers)
            evaluation.state["arena"] = np.full(max(size, 1), 0xFF, np.uint8)
        arena: np.ndarray[Any, Any] = evaluation.state["arena"]
        return arena


@define_op()
class View(Operation):
    """A dense tensor viewed with another shape or layout: a reshape, or a slice of a buffer.

    `offset`: elements from the start of x in memory to the result's first element, without the offset of the
    result's own layout. A view of a slice takes the buffer as its operand, never another slice.
    """

    name = "launch.view"
    x = operand()
    offset = attribute(DIM, 0)
    y = result()

    def verify(self) -> None:
        source, result = self.x.type, self.y.type
        if source.dtype != result.dtype:
            raise op_error(self, f"cannot view {source} as {result}", at=ResultAt(0))
        if not source.layout.is_dense:
            hint = "make the view from the buffer, with strides of its own"
            raise op_error(self, f"needs a dense operand, not {source}", hint, at=operand_at(self, self.x))
        last = self.offset + span(result)
        if (
            0 not in result.shape
            and all(isinstance(dim, int) for dim in (last, source.elements))
            and last > source.elements
        ):
            raise op_error(
                self, f"{result} reaches element {last} of a tensor of {source.elements}", at=ResultAt(0)
            )

    def evaluate(self, evaluation: Evaluation, x: Any) -> Any:
        dense = x.transpose(self.x.type.order).reshape(-1)
        start = evaluation.dim(self.offset + self.y.type.layout.offset)
        shape = evaluation.shape(self.y.type)
        strides = [evaluation.dim(stride) for stride in self.y.type.strides]
        ends = [(count - 1) * stride for count, stride in zip(shape, strides, strict=True)]
        if 0 in shape:
            return np.empty(shape, x.dtype)
        if start + sum(min(end, 0) for end in ends) < 0 or start + sum(max(end, 0) for end in ends) >= x.size:
            raise op_error(self, f"{self.y.type} exceeds the tensor that it views")
        steps = [stride * x.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(dense[start:], shape, steps)


def span(type: TensorType) -> Dim:
    """Elements from a tensor's first to one past its last in memory, including its layout's offset.

    For sizes of at least 1; an empty tensor occupies nothing.
    """
    ends = [(size - 1) * stride for size, stride in zip(type.shape, type.strides, strict=True)]
    return type.layout.offset + total(ends) + 1


def largest(size: Dim, module: Module) -> int:
    """The largest value of SIZE (bytes) in MODULE, for which memory is reserved. Raises IRError if
    unbounded."""
    high = most(size, module)
    if high is None:
        raise IRError(f"launch level: the size {size} is unbounded", "give every symbol a range")
    return max(high, 0)
