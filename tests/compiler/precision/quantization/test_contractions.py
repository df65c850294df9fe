"""Contractions of quantized tensors on what is stored: exact sums, and what stays in floats and why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Verdict
from glassrt.compiler.precision.quantization.integer_arithmetic import IntegerArithmetic
from glassrt.dialects.core.dtypes import F8E4M3, F8E5M2, F8E5M2FNUZ, F16, F32, I8, I16, U8
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.quantization import Dequantize
from glassrt.testing.net import Net
from hypothesis import given, settings

from ...quantized import Problem, convolutions, evaluated, products, run
from .stored_sums import (
    CONTRACTION,
    SWITCHES,
    check_verdict,
    image,
    pointwise,
    records,
    steps_apart,
    sums_of,
    weights,
)


@given(problem=convolutions() | products(), disabled=SWITCHES)
def test_sums_are_exact(problem: Problem, disabled: frozenset[str]) -> None:
    """Times the product of scales, rounded once: not one bit may differ from numpy's whole numbers."""
    alone = problem.without_result()
    module, inputs = alone.module(), {"x": problem.x.stored}
    context = run([IntegerArithmetic()], module, disabled=disabled)
    after = evaluated(module, inputs)
    done = check_verdict(alone, module, context)
    sums = sums_of(problem, problem.x.centred, problem.w.centred)
    scale = (problem.x.scale * problem.w.scale).astype(np.float32)
    want = sums.astype(np.float32) * scale.reshape(problem.channel_shape if scale.ndim else ())
    # Where the scale is taken apart, its factor is rounded once more.
    np.testing.assert_allclose(after, want, rtol=0 if done else 3e-7)


@settings(max_examples=30)
@given(problem=convolutions(floats=True) | products(floats=True))
def test_eight_bit_floats_are_multiplied_as_they_are(problem: Problem) -> None:
    module, inputs = problem.module(), {"x": problem.x.stored}
    before = evaluated(module, inputs)
    context = run([IntegerArithmetic()], module)
    assert check_verdict(problem, module, context)
    after = evaluated(module, inputs)
    if problem.out is not None:
        assert steps_apart(after, before).max(initial=0) <= 1
        return
    x, w = problem.x.centred, problem.w.centred
    scale = (problem.x.scale * problem.w.scale).astype(np.float64)
    size = sums_of(problem, np.abs(x), np.abs(w)) * (
        scale.reshape(problem.channel_shape) if scale.ndim else scale
    )
    want = problem.real(sums_of(problem, x, w))
    terms = w.size
    assert np.all(np.abs(after - want) <= (terms + 4) * 2.0**-24 * (size + np.abs(want)) + 1e-6)


# ---------------------------------------------------------------- what stays in floats


def half(net: Net) -> Value:
    return pointwise(net, image(net, to=F16), weights(net, to=F16))


def computed(net: Net) -> Value:
    held = net.input("w", 4, 4, 1, 1, dtype=I8)
    w = net.add(Dequantize, held, net.const(np.float32(0.01)), None, to=F32)
    return pointwise(net, image(net), w)


def deep(net: Net) -> Value:
    terms = 2**31 // (255 * 255) + 1
    x = net.input("x", 1, terms, dtype=U8)
    one = net.const(np.float32(0.01))
    w = net.const(np.ones((terms, 2), np.int8))
    operands = (net.add(Dequantize, v, one, None, to=F32) for v in (x, w))
    return net.add(Matmul, *operands)


FOUR = [0.1, 0.2, 0.3, 0.4]
STAYS: dict[str, Callable[[Net], Value]] = {
    "only one of its operands is quantized": lambda net: net.conv(image(net), 3, 1),
    "its second operand is not a constant": computed,
    "its result is of type f16": half,
    "its first operand has a scale per channel": lambda net: pointwise(
        net, image(net, FOUR, axis=1), weights(net)
    ),
    "the scales of its weights do not vary along the output channels": lambda net: pointwise(
        net, image(net), weights(net, scale=FOUR, axis=1)
    ),
    "the product of its operands' scales overflows or underflows in f32": lambda net: pointwise(
        net, image(net, 1e30), weights(net, scale=1e30)
    ),
    "no kernel multiplies i16 by i8 as stored": lambda net: pointwise(
        net, image(net, dtype=I16), weights(net)
    ),
    "no kernel multiplies u8 by f8e4m3 as stored": lambda net: pointwise(
        net, image(net), weights(net, dtype=F8E4M3)
    ),
    "no kernel multiplies f8e5m2fnuz by f8e5m2 as stored": lambda net: pointwise(
        net, image(net, dtype=F8E5M2FNUZ), weights(net, dtype=F8E5M2)
    ),
    "a sum of 33026 products of bytes may overflow i32": deep,
}


@pytest.mark.parametrize("reason", STAYS)
def test_what_stays_in_floats_says_why(reason: str) -> None:
    net = Net()
    module = net.done(STAYS[reason](net))
    rng = np.random.default_rng(1)
    arrays = zip(module.main.inputs, module.main.arguments, strict=True)
    inputs = {
        name: rng.integers(0, 99, [int(str(n)) for n in value.type.shape]).astype(value.type.dtype.numpy)
        for name, value in arrays
    }
    before = evaluated(module, inputs)
    context = run([IntegerArithmetic()], module)
    (record,) = records(context, CONTRACTION)
    assert (record.verdict, record.reason) == (Verdict.REFUSED, reason)
    assert any(node.startswith(("conv", "matmul")) for node in record.nodes)
    np.testing.assert_array_equal(evaluated(module, inputs), before)


def test_wide_results_of_short_sums_are_no_reason_to_stay() -> None:
    """What may overflow is the number of products in a sum, not the number of columns."""
    net = Net()
    x, one = net.input("x", 1, 4, dtype=U8), net.const(np.float32(0.01))
    w = net.const(np.ones((4, 40000), np.int8))
    module = net.done(net.add(Matmul, *(net.add(Dequantize, v, one, None, to=F32) for v in (x, w))))
    context = run([IntegerArithmetic()], module)
    assert [record.verdict for record in records(context, CONTRACTION)] == [Verdict.TAKEN]
