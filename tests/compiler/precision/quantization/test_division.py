"""Epilogues that are divided by a number: every constant in them is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.patterns.matching import constant_array
from glassrt.compiler.precision.quantization.division import Division, stored_sums, whole_sums
from glassrt.compiler.precision.quantization.integer_arithmetic import IntegerArithmetic
from glassrt.dialects.core.dtypes import F8E4M3, F8E5M2, F32, I8, I32
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add, Mul
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.reshape import Reshape
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.dialects.graph.unary import Sigmoid
from glassrt.testing.net import Net

from ...quantized import evaluated, run
from .stored_sums import (
    REQUANTIZE,
    image,
    pointwise,
    records,
    replace_output,
    steps_apart,
    weights,
)


def test_a_scale_is_divided_out_of_every_part_of_a_sum() -> None:
    """Bias, residual and relu: what is quantized in the end is divided by 1."""
    net = Net()
    y = net.add(Add, pointwise(net, image(net), weights(net)), net.weights(4, 1, 1))
    residual = net.add(Dequantize, net.input("r", 1, 4, 5, 5, dtype=I8), net.const(np.float32(0.03)), to=F32)
    y = net.add(Relu, net.add(Add, y, residual))
    module = net.done(net.add(Quantize, y, net.const(np.float32(0.05)), None, to=I8))
    rng = np.random.default_rng(3)
    inputs = {
        "x": rng.integers(0, 256, (1, 4, 5, 5)).astype(np.uint8),
        "r": rng.integers(-128, 128, (1, 4, 5, 5)).astype(np.int8),
    }
    before = evaluated(module, inputs)
    context = run([IntegerArithmetic()], module)
    assert len(records(context, REQUANTIZE)) == 1
    (quantize,) = (op for op in module.main.block if isinstance(op, Quantize))
    assert constant_array(quantize.scale, module) == 1
    after = evaluated(module, inputs)
    assert len(np.unique(before)) > 20
    assert steps_apart(after, before).max() <= 1 and np.mean(after != before) < 0.02


def sums(net: Net) -> Value:
    """Exact sums of bytes as floats, times a scale: 0.5 times what they are."""
    x, w = net.input("x", 2, 4, dtype=I8), net.const(np.eye(4, dtype=np.int8))
    whole = net.add(Matmul, x, w, accumulate=I32)
    return net.add(Mul, net.add(Cast, whole, to=F32), net.const(np.float32(0.5)))


def constants(net: Net) -> Value:
    return net.const(np.array([[1.0, -2.0, 3.0, 0.0]], np.float32))


def stored(net: Net) -> Value:
    return net.add(Dequantize, net.input("r", 2, 4, dtype=I8), net.const(np.float32(0.25)), to=F32)


def twice_read(net: Net) -> Value:
    """Sums with a second reader, which would not be divided."""
    y = sums(net)
    net.add(Relu, y)
    return y


DIVIDED: dict[str, tuple[Callable[[Net], Value], bool]] = {
    "sums": (sums, True),
    "relu": (lambda net: net.add(Relu, sums(net)), True),
    "reshape": (lambda net: net.add(Reshape, sums(net), shape=[8]), True),
    "bias and residual": (
        lambda net: net.add(Add, net.add(Relu, net.add(Add, sums(net), constants(net))), stored(net)),
        True,
    ),
    "no sums": (lambda net: net.add(Add, constants(net), stored(net)), False),
    "floats beside them": (lambda net: net.add(Add, sums(net), net.input("f", 2, 4)), False),
    "another op": (lambda net: net.add(Sigmoid, sums(net)), False),
    "another reader": (twice_read, False),
    "a scale that leaves f32": (
        lambda net: net.add(Add, sums(net), net.const(np.full((1, 4), 3e38, np.float32))),
        True,
    ),
}


@pytest.mark.parametrize("case", DIVIDED)
@pytest.mark.parametrize("divisor", [4.0, 0.25])
def test_what_is_divided_is_the_quotient_and_all_else_is_refused(case: str, divisor: float) -> None:
    """By powers of two, so that no quotient is rounded."""
    make, divides = DIVIDED[case]
    net = Net()
    value = make(net)
    module = net.done(value)
    inputs = {"x": np.array([[5, -7, 100, 0], [1, 2, -128, 127]], np.int8)}
    inputs["r"] = inputs["x"][::-1].copy()
    inputs = {name: inputs.get(name, np.ones((2, 4), np.float32)) for name in module.main.inputs}
    before = evaluated(module, inputs)
    division = Division(np.asarray(divisor), module)
    overflows = divisor < 1 and case.startswith("a scale")
    assert division.reaches_sums(value) == (divides and not overflows)
    if not division.reaches_sums(value):
        return
    replace_output(module, lambda rewriter: division.apply(value, rewriter))
    np.testing.assert_array_equal(evaluated(module, inputs), before / np.float32(divisor))


def test_only_sums_of_bytes_with_no_other_reader_are_whole() -> None:
    net = Net()
    scaled = sums(net).producer
    assert isinstance(scaled, Mul)
    net.done(scaled.result)
    cast = scaled.x.producer
    assert isinstance(cast, Cast) and whole_sums(scaled.x) is cast.x and stored_sums(scaled.x)
    assert whole_sums(cast.x) is None and not stored_sums(scaled.result)


def test_products_of_eight_bit_floats_are_sums_of_what_is_stored_and_others_are_not() -> None:
    for dtype, stored in ((F8E4M3, True), (F8E5M2, True), (F32, False)):
        net = Net()
        x, w = net.input("x", 2, 4, dtype=dtype), net.const(np.eye(4).astype(dtype.numpy))
        product = net.add(Matmul, x, w, accumulate=F32)
        net.done(product)
        assert stored_sums(product) == stored and whole_sums(product) is None
