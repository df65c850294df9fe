"""Contractions of quantized tensors on what is stored: exact sums, and what stays in floats and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.patterns.matching import constant_array
from glassrt.compiler.precision.quantization.integer_arithmetic import LEFT_OVER, PATTERNS, IntegerArithmetic
from glassrt.compiler.precision.quantization.propagate import PropagateQuantization
from glassrt.dialects.core.dtypes import BF16, F8E4M3, F8E5M2, F16, F32, I8, I16, I32, U8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.testing.net import Net
from hypothesis import given, settings
from hypothesis import strategies as st

from ...quantized import Array, Problem, convolutions, evaluated, ops, products, run

CONTRACTION, BIAS, REQUANTIZE = "integer-contraction", "integer-bias", "integer-requantize"
WINDOW, WHOLE = "integer-window-sums", "whole-numbers"
# How near a half the exact number of steps must be for two ways of rounding f32 products to differ.
NEAR_A_TIE = 1e-3


def records(context: PassContext, rule: str) -> list[Record]:
    return [record for record in context.ledger if record.rule == rule]


def sums_of(problem: Problem, x: Array, w: Array) -> Array:
    """The sums of products of X and W, by one product of the matrices of each tap and group."""
    if not problem.is_conv:
        x = np.swapaxes(x, -1, -2) if problem.attributes["transpose_a"] else x
        w = np.swapaxes(w, -1, -2) if problem.attributes["transpose_b"] else w
        return np.asarray(np.matmul(x, w))
    rank, groups = w.ndim - 2, problem.attributes["groups"]
    pads, strides, dilations = (problem.attributes[key] for key in ("pads", "strides", "dilations"))
    x = np.pad(x, [(0, 0), (0, 0), *((pads[i], pads[i + rank]) for i in range(rank))])
    spans = [(t - 1) * d + 1 for t, d in zip(w.shape[2:], dilations, strict=True)]
    sizes = [(n - s) // by + 1 for n, s, by in zip(x.shape[2:], spans, strides, strict=True)]
    y = np.zeros((x.shape[0], groups, w.shape[0] // groups, *sizes), x.dtype)
    for tap in np.ndindex(*w.shape[2:]):
        begins = [t * d for t, d in zip(tap, dilations, strict=True)]
        picks = [slice(b, b + (n - 1) * by + 1, by) for b, n, by in zip(begins, sizes, strides, strict=True)]
        part = x[(slice(None), slice(None), *picks)].reshape(x.shape[0], groups, w.shape[1], *sizes)
        weights = w[(slice(None), slice(None), *tap)].reshape(groups, -1, w.shape[1])
        y += np.einsum("ngc...,gmc->ngm...", part, weights)
    return y.reshape(x.shape[0], -1, *sizes)


def fits(problem: Problem) -> bool:
    """Whether the weights are bytes, or 8-bit floats, without their zero point."""
    centred = problem.w.centred
    if not problem.w.dtype.is_integer or problem.w.zero == 0:
        return True
    return bool(centred.min() >= -128 and centred.max() <= 127)


def is_depthwise(problem: Problem) -> bool:
    return problem.is_conv and problem.attributes["groups"] > 1 and problem.w.stored.shape[1] == 1


def check_verdict(problem: Problem, module: Module, context: PassContext) -> bool:
    """The contraction is done on what is stored, with window sums beside it exactly when it needs them.

    False when it needs them and the rule for them is switched off.
    """
    found = [(r.rule, r.verdict) for r in context.ledger if r.rule in (CONTRACTION, WINDOW, WHOLE)]
    op, *others = [op for op in module.main.block if isinstance(op, (Conv, Matmul))]
    alone = fits(problem) or is_depthwise(problem)
    if WINDOW in context.disabled and not alone:
        assert found == [(CONTRACTION, Verdict.REFUSED), (WHOLE, Verdict.TAKEN)]
        (record,) = records(context, CONTRACTION)
        assert record.reason == "its weights less their zero point do not fit into bytes"
        assert record.nodes == op.location.nodes and not others
        check_whole(problem, module, op)
        return False
    assert found == [(CONTRACTION if alone else WINDOW, Verdict.TAKEN)]
    assert len(others) == (0 if alone else 1)
    for each in (op, *others):
        assert each.result.type.dtype == (I32 if problem.x.dtype.is_integer else F32)
        bits = [value.type.dtype.bits for value in each.inputs]
        assert bits == ([8, 8] if fits(problem) or not alone else [8, 16])
    return True


def check_whole(problem: Problem, module: Module, op: Conv | Matmul) -> None:
    """What OP multiplies are the whole numbers of PROBLEM, times powers of two; 8 bits hold them all."""
    x, w = op.inputs
    assert isinstance(x.producer, Dequantize) and isinstance(w.producer, Constant)
    scale = constant_array(x.producer.scale, module)
    numbers = w.producer.array(module)
    assert scale is not None
    for array, centred in ((problem.x.centred * scale, problem.x.centred), (numbers, problem.w.centred)):
        for short in (F16, BF16):
            np.testing.assert_array_equal(array.astype(short.numpy).astype(np.float64), array)
        ratios = array[centred != 0] / centred[centred != 0]
        assert (np.frexp(ratios)[0] == 0.5).all()


SWITCHES = st.sampled_from([frozenset[str](), frozenset({WINDOW})])


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


def steps_apart(one: Array, other: Array) -> Array:
    """How many representable numbers two arrays of quantized numbers are apart."""
    if one.dtype.kind in "iu":
        return np.abs(one.astype(np.int64) - other.astype(np.int64))
    ranks = []
    for array in (one, other):
        codes = array.view(np.uint8).astype(np.int64)
        ranks.append(np.where(codes >= 128, -(codes - 128), codes))
    return np.asarray(np.abs(ranks[0] - ranks[1]))


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


def image(net: Net, scale: Any = 0.02, dtype: DType = U8, **options: Any) -> Value:
    """A dequantized model input of four channels."""
    x = net.input("x", 1, 4, 5, 5, dtype=dtype)
    return net.add(Dequantize, x, net.const(np.asarray(scale, np.float32)), **{"to": F32, **options})


def weights(net: Net, numbers: Any = 3, scale: Any = 0.01, dtype: DType = I8, **options: Any) -> Value:
    """Dequantized weights of a 1x1 convolution of four channels."""
    held = net.const(np.broadcast_to(np.asarray(numbers), (4, 4, 1, 1)).astype(dtype.numpy))
    return net.add(Dequantize, held, net.const(np.asarray(scale, np.float32)), None, **{"to": F32, **options})


def pointwise(net: Net, x: Value, w: Value) -> Value:
    return net.add(Conv, x, w)


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
    "no kernel multiplies f8e5m2 by f8e5m2 as stored": lambda net: pointwise(
        net, image(net, dtype=F8E5M2), weights(net, dtype=F8E5M2)
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


# ---------------------------------------------------------------- biases


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


# ---------------------------------------------------------------- movement


def moved(net: Net, kind: str) -> tuple[Value, int]:
    """Float tensors through an op that only moves or selects; the number of its parts."""
    x = net.add(Cast, net.input("x", 2, 4, 6, 6), to=F32)
    match kind:
        case "max_pool":
            return net.add(MaxPool, x, kernel=[3, 2], strides=[2, 1], pads=[1, 1, 1, 0]), 1
        case "reshape":
            return net.add(Reshape, x, shape=[2, 144]), 1
        case "transpose":
            return net.add(Transpose, x, perm=[3, 1, 0, 2]), 1
        case "slice":
            return net.add(Slice, x, starts=[0, 1, 2, 0], sizes=[2, 2, 3, 6], steps=[1, 1, 1, 1]), 1
    return net.add(Concat, x, net.add(Cast, net.input("z", 2, 1, 6, 6), to=F32), axis=1), 2


@pytest.mark.parametrize("dtype", [I8, U8, F8E4M3])
@pytest.mark.parametrize("kind", ["max_pool", "reshape", "transpose", "slice", "concat"])
def test_quantization_moves_before_movement_without_a_trace(kind: str, dtype: DType) -> None:
    net = Net()
    y, parts = moved(net, kind)
    zero = net.const(np.asarray(9, dtype.numpy)) if dtype.is_integer else None
    module = net.done(net.add(Quantize, y, net.const(np.float32(0.02)), zero, to=dtype))
    rng = np.random.default_rng(2)
    inputs = {"x": (rng.standard_normal((2, 4, 6, 6)) * 2).astype(np.float32)}
    if parts == 2:
        inputs["z"] = rng.standard_normal((2, 1, 6, 6)).astype(np.float32)
    before = evaluated(module, inputs)
    context = run([PropagateQuantization()], module)
    assert ops(module)[-1] == kind and ops(module).count("quantize") == parts
    assert len(records(context, "quantize-before-" + ("concat" if parts == 2 else "movement"))) == 1
    np.testing.assert_array_equal(evaluated(module, inputs).view(np.uint8), before.view(np.uint8))


def test_floats_that_are_read_elsewhere_are_not_quantized_twice() -> None:
    net = Net()
    x = net.add(Cast, net.input("x", 2, 4, 6, 6), to=F32)
    pooled = net.add(MaxPool, x, kernel=[2, 2])
    stored = net.add(Quantize, pooled, net.const(np.float32(0.02)), None, to=I8)
    module = net.done(stored, x)
    context = run([PropagateQuantization()], module)
    assert ops(module) == ["cast", "max_pool", "quantize"] and not records(
        context, "quantize-before-movement"
    )


# ---------------------------------------------------------------- switches


def whole_net() -> Module:
    """A net in which every rule applies: weights that are left over feed an op that is no contraction."""
    net = Net()
    x = image(net)
    scale = np.float32(0.02) * np.float32(0.01)
    y = pointwise(net, x, weights(net))
    held = net.const(np.array([1, -2, 3, 4], np.int32).reshape(4, 1, 1))
    y = net.add(Add, y, net.add(Dequantize, held, net.const(scale), None, to=F32))
    stored = net.add(Quantize, y, net.const(np.float32(0.05)), None, to=I8)
    far = net.const(np.full((8, 4, 1, 1), 255, np.uint8))
    zero = net.const(np.uint8(3))
    far = net.add(Dequantize, far, net.const(np.float32(0.01)), zero, to=F32)
    odd = net.add(Slice, pointwise(net, x, far), starts=[0] * 4, sizes=[1, 4, 5, 5], steps=[1] * 4)
    known = net.add(Dequantize, net.const(np.int8([[[5]]])), net.const(np.float32(0.3)), None, to=F32)
    return net.done(stored, net.add(Add, odd, known))


def test_every_rule_leaves_a_record() -> None:
    found = set()
    for disabled in (frozenset[str](), frozenset({WINDOW})):
        context = run([IntegerArithmetic()], whole_net(), disabled=disabled)
        found |= {record.rule for record in context.ledger}
    assert found == {rule.name for rule in (*PATTERNS, *LEFT_OVER)}


@pytest.mark.parametrize("rule", [rule.name for rule in (*PATTERNS, *LEFT_OVER)])
def test_a_rule_that_is_switched_off_is_not_applied(rule: str) -> None:
    module = whole_net()
    inputs = {"x": np.arange(100, dtype=np.uint8).reshape(1, 4, 5, 5)}
    before = evaluated(module, inputs)
    context = run([IntegerArithmetic()], module, disabled=frozenset([rule]))
    assert not records(context, rule)
    assert steps_apart(evaluated(module, inputs), before).max() <= 1


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
