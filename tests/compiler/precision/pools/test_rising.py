"""What never decreases: each op against random numbers in order, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.precision.pools.rising import Array, refusal
from glassrt.dialects.core.dtypes import BF16, F16, F32, I8, I32, DType
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Block, Operation, Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.types import TensorType
from glassrt.dialects.graph.activations import LeakyRelu, Relu
from glassrt.dialects.graph.binary import Add, Mul, Sub
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.elementwise import Cast, Clip
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.dialects.graph.unary import Sigmoid

SHAPE = (2, 4, 3, 3)
Made = Callable[[Value, Callable[[Any], Value]], Operation]


def op_of(made: Made, dtype: DType = F32) -> tuple[Operation, Value]:
    """The op that MADE makes of a value in DTYPE, and that value."""
    block = Block([TensorType(SHAPE, dtype)])

    def constant(value: Any) -> Value:
        return block.append(Constant(value=np.asarray(value, np.float32))).result

    op = made(block.arguments[0], constant)
    block.append(op)
    return op, block.arguments[0]


def known(value: Value) -> Array | None:
    return value.producer.array() if isinstance(value.producer, Constant) else None


PER_CHANNEL = np.array([0.5, 3.0, 2.0**-12, 1.25], np.float32).reshape(4, 1, 1)
RISING: dict[str, tuple[Made, DType]] = {
    "bias": (lambda x, c: Add(x, c(PER_CHANNEL - 1)), F32),
    "bias first": (lambda x, c: Add(c(PER_CHANNEL[None]), x), F32),
    "scale": (lambda x, c: Mul(x, c(PER_CHANNEL)), F32),
    "scalar": (lambda x, c: Mul(x, c(0.3)), F32),
    "half": (lambda x, c: Cast(x, to=F16), F32),
    "short": (lambda x, c: Cast(x, to=BF16), F32),
    "float": (lambda x, c: Cast(x, to=F32), I32),
    "relu": (lambda x, c: Relu(x), F32),
    "clip": (lambda x, c: Clip(x, c(0.0), c(6.0)), F32),
    "dequantize": (lambda x, c: Dequantize(x, c(0.25), to=F32), I32),
    "channels": (lambda x, c: Dequantize(x, c(PER_CHANNEL.ravel()), axis=1, to=F32), I32),
}


@pytest.mark.parametrize("name", RISING)
def test_maxima_may_be_taken_before_them(name: str) -> None:
    made, dtype = RISING[name]
    op, x = op_of(made, dtype)
    assert refusal(op, x, known, integers=not dtype.is_float) is None
    rng = np.random.default_rng(1)
    numbers: Any = rng.standard_normal((40, *SHAPE)) * 10.0 ** rng.integers(-6, 6, (40, *SHAPE))
    if dtype.is_float:
        numbers[3, 0, 0, 0, 0], numbers[4, 0, 1, 0, 0], numbers[5, 0, 2, 0, 0] = np.inf, -np.inf, np.nan
    else:
        numbers = np.clip(numbers, -(2**31), 2**31 - 1)
    numbers = numbers.astype(dtype.numpy)
    behind = np.stack([_computed(op, x, each) for each in numbers]).max(axis=0)
    assert np.array_equal(_computed(op, x, numbers.max(axis=0)), behind, equal_nan=True)


def _computed(op: Operation, x: Value, numbers: Array) -> Array:
    inputs = [numbers if value is x else known(value) for value in op.inputs]
    return np.asarray(op.evaluate(Evaluation(Module("none"), {}), *inputs))


@pytest.mark.parametrize(
    ("made", "dtype"),
    [
        (lambda x, c: Mul(x, c(-1.0)), F32),
        (lambda x, c: Mul(x, c([[[1.0]], [[2.0]], [[0.0]], [[1.0]]])), F32),
        (lambda x, c: Mul(x, c(np.inf)), F32),
        (lambda x, c: Mul(x, x), F32),
        (lambda x, c: Add(x, c(np.inf)), F32),
        (lambda x, c: Add(x, c(np.nan)), F32),
        (lambda x, c: Add(x, c(np.ones((3, 3)))), F32),
        (lambda x, c: Sub(c(1.0), x), F32),
        (lambda x, c: Sigmoid(x), F32),
        (lambda x, c: LeakyRelu(x), F32),
        (lambda x, c: Cast(x, to=I8), F32),
        (lambda x, c: Dequantize(x, c(-0.5), to=F32), I32),
        (lambda x, c: Quantize(x, c(0.5), to=I8), F32),
    ],
)
def test_these_are_refused(made: Made, dtype: DType) -> None:
    op, x = op_of(made, dtype)
    assert refusal(op, x, known, integers=not dtype.is_float) is not None


def test_nan_becomes_a_number_where_it_is_quantized() -> None:
    """So only what begins with integers may be quantized after the maximum."""
    op, x = op_of(lambda x, c: Quantize(x, c(0.5), to=I8))
    assert refusal(op, x, known, integers=False) is not None
    assert refusal(op, x, known, integers=True) is None


def test_operands_that_are_computed_are_refused() -> None:
    block = Block([TensorType(SHAPE, F32), TensorType((4, 1, 1), F32)])
    op = block.append(Add(*block.arguments))
    assert refusal(op, block.arguments[0], lambda value: None, integers=False) is not None
