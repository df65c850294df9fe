"""Divides the epilogue of an 8-bit contraction by a number, by dividing the constants of the epilogue.

A division of every element costs more than the rest of an epilogue. A division of constants is done once, at
compile time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....dialects.core.dtypes import EIGHT_BIT_FLOATS, F32, I32
from ....dialects.core.ir import Operation, Value
from ....dialects.core.module import Module
from ....dialects.graph.activations import Relu
from ....dialects.graph.binary import Add, Mul
from ....dialects.graph.constants import Constant, constant
from ....dialects.graph.contraction import Matmul
from ....dialects.graph.convolution import Conv
from ....dialects.graph.elementwise import Cast
from ....dialects.graph.movement.reshape import Reshape
from ....dialects.graph.quantization import Dequantize
from ...patterns.matching import constant_array, only_use, produced_by
from ...patterns.rewrite import Rewriter
from .dequantized import positive

Array = np.ndarray[Any, Any]


def whole_sums(value: Value) -> Value | None:
    """The i32 sums that VALUE converts to floats, if neither has another reader."""
    cast = produced_by(value, Cast)
    if cast is None or cast.result.type.dtype != F32 or cast.x.type.dtype != I32:
        return None
    return cast.x if only_use(value) and only_use(cast.x) else None


def stored_sums(value: Value) -> bool:
    """True when VALUE is a sum of products of 8-bit numbers, in f32, with the asking op as its only
    consumer."""
    if whole_sums(value) is not None:
        return True
    op = value.producer
    return isinstance(op, (Conv, Matmul)) and op.inputs[0].type.dtype in EIGHT_BIT_FLOATS and only_use(value)


class Division:
    """Division by a positive DIVISOR of a tree of sums, relus and reshapes; `replaced`: the ops that it
    stands for."""

    def __init__(self, divisor: Array, module: Module) -> None:
        self._divisor = divisor
        self._module = module
        self.replaced: list[Operation] = []

    def reaches_sums(self, value: Value) -> bool:
        """True when VALUE is made of scaled sums, constants and stored tensors only."""
        kinds = self._leaves(value)
        return None not in kinds and any(isinstance(kind, Mul) for kind in kinds)

    def _leaves(self, value: Value) -> list[Operation | None]:
        """The ops whose constants are divided, with None for each part of VALUE that cannot be divided."""
        op = value.producer
        match op:
            case Relu() | Reshape() if only_use(value):
                return self._leaves(op.x)
            case Add() if only_use(value):
                return [*self._leaves(op.x), *self._leaves(op.y)]
            case Mul() if only_use(value) and stored_sums(op.x):
                return [op if self._quotient(op.y, positive_only=True) is not None else None]
            case Dequantize() if not op.block:
                return [op if self._quotient(op.scale, positive_only=True) is not None else None]
            case Constant():
                return [op if self._quotient(value, positive_only=False) is not None else None]
        return [None]

    def _quotient(self, value: Value, *, positive_only: bool) -> Array | None:
        """The constant VALUE over the divisor, in f32; None if it is then not finite or not positive."""
        array = constant_array(value, self._module)
        if array is None or array.dtype != np.float32:
            return None
        with np.errstate(all="ignore"):
            quotient: Array = (array / self._divisor).astype(np.float32)
        kept = positive(quotient) if positive_only else bool(np.isfinite(quotient).all())
        return quotient if kept else None

    def apply(self, value: Value, rewriter: Rewriter) -> Value:
        """VALUE, for which `reaches_sums` holds, divided."""
        op = value.producer
        assert op is not None
        if not isinstance(op, Constant):
            self.replaced.append(op)
        match op:
            case Relu():
                return rewriter.insert(Relu(self.apply(op.x, rewriter))).result
            case Reshape():
                return rewriter.insert(Reshape(self.apply(op.x, rewriter), shape=op.shape)).result
            case Add():
                x, y = (self.apply(part, rewriter) for part in (op.x, op.y))
                return rewriter.insert(Add(x, y)).result
            case Mul():
                return rewriter.insert(Mul(op.x, self._constant(op.y, rewriter))).result
            case Dequantize():
                operands = (op.x, self._constant(op.scale, rewriter), op.zero_point)
                return rewriter.insert(Dequantize(*operands, axis=op.axis, to=op.to)).result
        return self._constant(value, rewriter)

    def _constant(self, value: Value, rewriter: Rewriter) -> Value:
        quotient = self._quotient(value, positive_only=False)
        assert quotient is not None
        return rewriter.insert(constant(self._module, quotient)).result
