"""What follows a contraction of bytes: biases in the sums, and one scale for two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.precision.quantization.integer_arithmetic import IntegerArithmetic
from glassrt.dialects.core.dtypes import F32, U8
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.quantization import Dequantize
from glassrt.testing.net import Net
from hypothesis import given

from ...quantized import Problem, convolutions, evaluated, products, run
from .stored_sums import (
    BIAS,
    CONTRACTION,
    NEAR_A_TIE,
    REQUANTIZE,
    SWITCHES,
    check_verdict,
    records,
    steps_apart,
    sums_of,
)


@given(problem=convolutions() | products(), disabled=SWITCHES)
def test_what_follows_rounds_as_it_did(problem: Problem, disabled: frozenset[str]) -> None:
    """Bias, relu and quantization: a step of difference at most, and that only beside a tie."""
    module, inputs = problem.module(), {"x": problem.x.stored}
    before = evaluated(module, inputs)
    context = run([IntegerArithmetic()], module, disabled=disabled)
    after = evaluated(module, inputs)
    done = check_verdict(problem, module, context)
    real = problem.real(sums_of(problem, problem.x.centred, problem.w.centred))
    if problem.out is None:
        np.testing.assert_allclose(after, real, rtol=1e-6, atol=np.abs(real).max(initial=0) * 1e-6)
        return
    assert steps_apart(after, before).max(initial=0) <= 1
    steps = real / problem.out.scale.astype(np.float64)
    if problem.out.dtype.is_integer:
        limits = np.iinfo(after.dtype)
        want = np.clip(np.rint(steps) + problem.out.zero, limits.min, limits.max)
        differs = after.astype(np.int64) != want
        near = np.abs(np.abs(steps - np.floor(steps)) - 0.5) < NEAR_A_TIE
        assert not np.any(differs & ~near)
    whole = done and problem.x.dtype.is_integer
    joins = problem.bias is not None and problem.bias_scale == 1.0
    assert bool(records(context, BIAS)) == (whole and joins)
    assert bool(records(context, REQUANTIZE)) == whole


def square_bias(axis: int) -> Callable[[Net, Value], Value]:
    """A matrix of biases with a scale per row, or per column, of a square result."""

    def make(net: Net, _product: Value) -> Value:
        scale = (np.array([0.5, 1.0, 2.0, 4.0]) * 0.02).astype(np.float32)
        held = net.const(np.arange(16, dtype=np.int32).reshape(4, 4) * 100)
        return net.add(Dequantize, held, net.const(scale), None, to=F32, axis=axis)

    return make


def large_bias(net: Net, _product: Value) -> Value:
    held = net.const(np.array([2**31 - 1, -(2**31), 0, 7], np.int32))
    scale = (np.array([0.5, 1.0, 2.0, 4.0]) * 0.02).astype(np.float32)
    return net.add(Dequantize, held, net.const(scale), None, to=F32, axis=0)


def float_bias(net: Net, _product: Value) -> Value:
    return net.weights(4)


@pytest.mark.parametrize("bias", [square_bias(0), square_bias(1), large_bias, float_bias])
def test_biases_of_another_form_are_added_as_floats(bias: Callable[[Net, Value], Value]) -> None:
    """Above all a matrix whose rows, not columns, have the scales of the product's columns."""
    net = Net()
    x = net.input("x", 4, 4, dtype=U8)
    scale = np.array([0.5, 1.0, 2.0, 4.0], np.float32)
    a = net.add(Dequantize, x, net.const(np.float32(0.02)), None, to=F32)
    w = net.const(np.eye(4, dtype=np.int8))
    y = net.add(Matmul, a, net.add(Dequantize, w, net.const(scale), None, to=F32, axis=1))
    module = net.done(net.add(Add, y, bias(net, y)))
    inputs = {"x": np.arange(16, dtype=np.uint8).reshape(4, 4)}
    before = evaluated(module, inputs)
    context = run([IntegerArithmetic()], module)
    assert records(context, CONTRACTION) and not records(context, BIAS)
    np.testing.assert_allclose(evaluated(module, inputs), before, rtol=1e-6)
