"""Launch modules of any size, made op by op."""

from __future__ import annotations

from glassrt.compiler.memory.placement import place_buffers
from glassrt.dialects.core.builtin import Return, Yield
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Operation, Region, Value
from glassrt.dialects.core.module import Function, Module
from glassrt.dialects.core.types import Layout, TensorType
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.launch import Kernel
from glassrt.dialects.launch_memory import Buffer, View


class LaunchText:
    """Builds launch modules of kernels that each read one tensor."""

    def __init__(self) -> None:
        self.module = Module("large")
        self.function = self.module.add(Function("main", ["x"], ["y"]))
        self.type = TensorType((8, 4), F32)
        self.x = self.function.block.add_argument(self.type)

    def append(self, op: Operation) -> Operation:
        return self.function.block.append(op)

    def buffer(self, type: TensorType, space: str = "arena", spare: int = 0) -> Value:
        """A buffer for TYPE with some SPARE bytes."""
        return self.append(Buffer(space=space, bytes=type.bytes + spare, types=[type])).result

    def relu(self, source: Value, target: Value) -> Value:
        region = Block([source.type])
        result = region.append(Relu(region.arguments[0])).result
        result.type = TensorType(source.type.shape, F32)
        region.append(Yield(result))
        attributes = {"kernel": "relu", "family": "loop", "grid": [1, 1, 1], "block": [32, 1, 1]}
        self.append(Kernel(source, target, regions=[Region(region)], **attributes))
        return target

    def part(self, whole: Value, index: int) -> Value:
        columns = whole.type.shape[1]
        type = self.type.with_layout(Layout((), (columns, 1), 4 * index))
        return self.append(View(whole, types=[type])).result

    def done(self, value: Value) -> Module:
        self.relu(value, output := self.buffer(value.type, "output"))
        self.append(Return(output))
        place_buffers(self.module)
        return self.module
