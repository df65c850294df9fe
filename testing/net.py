"""A builder for modules of the graph level by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dialects.core.affine import Dim, symbol
from ..dialects.core.builtin import Return
from ..dialects.core.dtypes import F32, DType, from_numpy
from ..dialects.core.ir import Operation, Value
from ..dialects.core.location import Location
from ..dialects.core.module import Function, Module, SymbolRange
from ..dialects.core.types import TensorType
from ..dialects.graph.binary import Add
from ..dialects.graph.constants import constant
from ..dialects.graph.contraction import Matmul
from ..dialects.graph.convolution import Conv
from ..dialects.graph.normalization import BatchNorm

Array = np.ndarray[Any, Any]


@dataclass
class Net:
    """Builds a module op by op; every op gets an ONNX node name of its own (`relu3`)."""

    module: Module = field(default_factory=lambda: Module("net"))
    seed: int = 0

    def __post_init__(self) -> None:
        self.function = self.module.add(Function("main"))
        self.random = np.random.default_rng(self.seed)
        self.count = 0

    def symbol(self, name: str, low: int, middle: int, high: int) -> Dim:
        self.module.symbols[name] = SymbolRange(low, middle, high)
        return symbol(name)

    def input(self, name: str, *shape: Dim, dtype: DType = F32) -> Value:
        self.function.inputs.append(name)
        return self.function.block.add_argument(TensorType(shape, dtype), name)

    def value(self, name: str, array: Array) -> Value:
        """An input of the type of ARRAY."""
        return self.input(name, *array.shape, dtype=from_numpy(array.dtype))

    def add(self, op: type[Operation], /, *operands: Value | None, **attributes: Any) -> Value:
        """Append an op and give its result, or its first."""
        return self.add_all(op, *operands, **attributes)[0]

    def add_all(
        self, op: type[Operation], /, *operands: Value | None, **attributes: Any
    ) -> tuple[Value, ...]:
        """Append an op and give its results."""
        node = f"{op.name.removeprefix('graph.')}{self.count}"
        self.count += 1
        made = op(*operands, loc=Location((node,)), **attributes)
        self.function.block.append(made)
        return made.results

    def const(self, array: Any) -> Value:
        return self.function.block.append(constant(self.module, np.asarray(array))).result

    def weights(self, *shape: int, scale: float = 0.5, around: float = 0.0) -> Value:
        """A float32 constant of random numbers."""
        return self.const((self.random.standard_normal(shape) * scale + around).astype(np.float32))

    def conv(self, x: Value, channels: int, size: int = 3, groups: int = 1, **attributes: Any) -> Value:
        depth = x.type.shape[1]
        assert isinstance(depth, int)
        rank = x.type.rank - 2
        attributes.setdefault("pads", [size // 2] * (2 * rank))
        shape = (channels, depth // groups, *(size,) * rank)
        w = self.weights(*shape, scale=float(np.prod(shape[1:])) ** -0.5)
        return self.add(Conv, x, w, groups=groups, **attributes)

    def bias(self, x: Value) -> Value:
        channels = x.type.shape[1]
        assert isinstance(channels, int)
        return self.add(Add, x, self.weights(channels, *(1,) * (x.type.rank - 2)))

    def batch_norm(self, x: Value) -> Value:
        channels = x.type.shape[1]
        assert isinstance(channels, int)
        scale, mean = self.weights(channels, around=1.0), self.weights(channels)
        variance = self.const(np.abs(self.random.standard_normal(channels)).astype(np.float32) + 0.5)
        return self.add(BatchNorm, x, scale, self.weights(channels), mean, variance)

    def linear(self, x: Value, columns: int) -> Value:
        depth = x.type.shape[-1]
        assert isinstance(depth, int)
        product = self.add(Matmul, x, self.weights(depth, columns, scale=depth**-0.5))
        return self.add(Add, product, self.weights(columns))

    def done(self, *values: Value) -> Module:
        """The finished module; outputs are named y, y1, y2, ..."""
        self.function.outputs = [f"y{number or ''}" for number in range(len(values))]
        self.function.block.append(Return(*values))
        return self.module
