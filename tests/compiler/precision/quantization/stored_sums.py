"""Contractions on what is stored: what numpy makes of them, and what the ledger has to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from glassrt.compiler.passes.ledger import Record, Verdict
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.patterns.matching import constant_array
from glassrt.compiler.patterns.rewrite import Pattern, Rewriter, rewrite
from glassrt.dialects.core.builtin import Return
from glassrt.dialects.core.dtypes import BF16, F16, F32, I8, I32, U8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.quantization import Dequantize
from glassrt.testing.net import Net
from hypothesis import strategies as st

from ...quantized import Array, Problem

CONTRACTION, BIAS, REQUANTIZE = "integer-contraction", "integer-bias", "integer-requantize"
WINDOW, WHOLE = "integer-window-sums", "whole-numbers"
# How near a half the exact number of steps must be for two ways of rounding f32 products to differ.
NEAR_A_TIE = 1e-3
SWITCHES = st.sampled_from([frozenset[str](), frozenset({WINDOW})])


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


def steps_apart(one: Array, other: Array) -> Array:
    """How many representable numbers two arrays of quantized numbers are apart."""
    if one.dtype.kind in "iu":
        return np.abs(one.astype(np.int64) - other.astype(np.int64))
    ranks = []
    for array in (one, other):
        codes = array.view(np.uint8).astype(np.int64)
        ranks.append(np.where(codes >= 128, -(codes - 128), codes))
    return np.asarray(np.abs(ranks[0] - ranks[1]))


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


def replace_output(module: Module, change: Callable[[Rewriter], Value]) -> None:
    """The first output of MODULE becomes what CHANGE makes, once."""
    changed: list[Value] = []

    def apply(op: Return, rewriter: Rewriter) -> bool:
        if changed:
            return False
        changed.append(change(rewriter))
        op.set_operand(0, changed[0])
        return True

    rewrite(module, [Pattern("replace-output", (Return,), apply)])
