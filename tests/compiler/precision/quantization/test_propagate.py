"""propagate-quantization: what runs on bytes, what cancels, what stays, and what the ledger says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.codegen.arch.names import REFERENCE
from glassrt.compiler.checking.widen import widened_block
from glassrt.compiler.driver.pipeline import passes_to
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import Pass, PassContext, PassManager
from glassrt.compiler.precision.quantization.propagate import PropagateQuantization
from glassrt.dialects.core.dtypes import F8E4M3, F32, I8, DType
from glassrt.dialects.core.interpreter import Evaluation
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.printer import print_module
from glassrt.dialects.graph.activations import Relu
from glassrt.dialects.graph.constants import Constant
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.convolution import Conv
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.testing.net import Net

TO_GRAPH = passes_to("graph", REFERENCE)
TO_FUSED = passes_to("fused", REFERENCE)

TO_GRAPH = passes_to("graph", REFERENCE)
TO_FUSED = passes_to("fused", REFERENCE)


class QuantNet(Net):
    """A net with both conversions at hand."""

    def q(self, x: Value, scale: float, zero: int | None = None, to: DType = I8) -> Value:
        return self.add(Quantize, x, *self._given(scale, zero, to), to=to)

    def dq(self, x: Value, scale: float, zero: int | None = None, to: DType = F32) -> Value:
        return self.add(Dequantize, x, *self._given(scale, zero, x.type.dtype), to=to)

    def _given(self, scale: float, zero: int | None, dtype: DType) -> list[Value]:
        given = [self.const(np.float32(scale))]
        return given if zero is None else [*given, self.const(np.array(zero, dtype.numpy))]

    def bytes(self, *shape: int, name: str = "x", dtype: DType = I8) -> Value:
        return self.input(name, *shape, dtype=dtype)

    def weight(self, *shape: int) -> Value:
        """A quantized weight, one scale per output channel."""
        q = self.const(self.random.integers(-128, 128, shape).astype(np.int8))
        scale = self.const(self.random.uniform(0.01, 0.1, shape[0]).astype(np.float32))
        return self.add(Dequantize, q, scale, axis=0, to=F32)


# What makes arithmetic on bytes, or floats, of conversions in the end.
INTEGER = frozenset({"integer-contraction", "dequantize-constant"})


def run(module: Module, *steps: Pass, **switches: Any) -> PassContext:
    context = PassContext(ALL_DIALECTS, **switches)
    chosen = steps or (PropagateQuantization(),)
    PassManager(chosen, context, verify_each="semantics").run(module)
    return context


def names(module: Module) -> list[str]:
    return [op.name.split(".")[1] for op in module.main.block if not isinstance(op, Constant)][:-1]


def test_quantized_weights_stay_quantized() -> None:
    net = QuantNet()
    x = net.dq(net.bytes(1, 4, 5, 5), 0.1)
    bias = net.dq(net.const(np.arange(6, dtype=np.int32)), 0.01)
    y = net.add(Conv, x, net.weight(6, 4, 3, 3))
    module = net.done(y, net.add(Reshape, bias, shape=[6, 1, 1]))
    run(module, *TO_GRAPH, disabled=INTEGER)
    assert names(module) == ["dequantize", "dequantize", "conv", "dequantize"]
    stored = [op.x.type for op in module.main.block if isinstance(op, Dequantize)][1:]
    assert [str(type) for type in stored] == ["tensor<6x4x3x3xi8>", "tensor<6x1x1xi32>"]


def test_float_weights_between_conversions_become_bytes() -> None:
    net = QuantNet()
    w = net.dq(net.q(net.weights(4, 6), 0.02), 0.02)
    module = net.done(net.add(Matmul, net.input("x", 2, 4), w))
    run(module, *TO_GRAPH, disabled=INTEGER)
    assert names(module) == ["dequantize", "matmul"]


def test_conversions_around_pooling_and_movement_cancel() -> None:
    net = QuantNet()
    y = net.dq(net.bytes(1, 4, 6, 6), 0.1, 3)
    y = net.dq(net.q(net.add(MaxPool, y, kernel=[3, 3], pads=[1] * 4), 0.1, 3), 0.1, 3)
    y = net.dq(net.q(net.add(Transpose, y, perm=[0, 2, 3, 1]), 0.1, 3), 0.1, 3)
    y = net.q(net.add(Relu, net.add(Reshape, y, shape=[36, 4])), 0.1, 3)
    module = net.done(y)
    context = run(module)
    assert names(module) == ["max_pool", "transpose", "reshape", "max"]
    assert {record.rule for record in context.ledger} >= {"quantize-dequantize", "dequantize-after-relu"}
    before = print_module(module)
    run(module)
    assert print_module(module) == before


def test_concat_rescales_what_has_another_scale_on_record() -> None:
    net = QuantNet()
    same = net.dq(net.bytes(2, 3, name="a"), 0.5, -2)
    other = net.dq(net.bytes(2, 4, name="b"), 0.1)
    real = net.add(Relu, net.input("c", 2, 2))
    joined = net.add(Concat, same, other, real, axis=1)
    module = net.done(net.q(joined, 0.5, -2))
    context = run(module)
    assert names(module) == ["dequantize", "relu", "quantize", "quantize", "concat"]
    (record,) = [r for r in context.ledger if r.rule == "quantize-before-concat"]
    assert "rescaled" in record.reason
    assert all(op.result.type.dtype == I8 for op in module.main.block if isinstance(op, Concat))


def test_a_concat_that_is_also_read_as_floats_is_left_alone() -> None:
    net = QuantNet()
    joined = net.add(
        Concat, net.dq(net.bytes(2, 3, name="a"), 0.5), net.dq(net.bytes(2, 4, name="b"), 0.1), axis=1
    )
    module = net.done(net.q(joined, 0.5), joined)
    run(module)
    assert names(module) == ["dequantize", "dequantize", "concat", "quantize"]


def test_without_any_rounding_a_short_float_is_the_quotient() -> None:
    net = QuantNet()
    module = net.done(net.q(net.input("x", 3), 0.5, to=F8E4M3))
    mapping: dict[Value, Value] = {}
    quantize = next(op for op in widened_block(module.main.block, mapping) if isinstance(op, Quantize))
    x = np.array([0.3, 17.1, 1e9])
    assert quantize.evaluate(Evaluation(module, {}), x, np.array(0.5)).tolist() == pytest.approx(
        (x / 0.5).tolist()
    )


def test_a_chain_that_moves_one_conversion_along_takes_linear_time() -> None:
    """Also the names of nodes must not pile up at the conversion that moves past all of them."""
    net = QuantNet()
    y = net.dq(net.bytes(4, 4), 0.1)
    for _ in range(2000):
        y = net.add(Transpose, y, perm=[1, 0])
    module = net.done(net.q(y, 0.1))
    PropagateQuantization().run(module, PassContext(ALL_DIALECTS))
    assert names(module) == ["transpose"] * 2000
    assert max(len(op.location.nodes) for op in module.main.block) <= 2


def test_scales_along_an_axis_are_no_common_step_of_siblings() -> None:
    net = QuantNet()
    x = net.input("x", 1, 16, 6, 6)
    ends = []
    for _ in range(2):
        scale = net.const(np.linspace(0.1, 1, 16, dtype=np.float32))
        ends.append(net.add(Quantize, net.conv(x, 16), scale, axis=1, to=I8))
    module = net.done(*ends)
    run(module, *TO_GRAPH)
    assert names(module).count("quantize") == 2


@pytest.mark.parametrize(("axis", "inside"), [(0, False), (1, True)])
def test_a_prologue_scales_along_the_summed_axis_alone(axis: int, inside: bool) -> None:
    net = QuantNet()
    scale = net.const(np.linspace(0.1, 1, 16, dtype=np.float32))
    x = net.add(Quantize, net.input("x", 16, 16), scale, axis=axis, to=I8)
    x = net.add(Dequantize, x, scale, axis=axis, to=F32)
    module = net.done(net.add(Matmul, x, net.weights(16, 8)))
    context = run(module, *TO_FUSED)
    reasons = [r.reason for r in context.ledger if r.rule == "contraction-prologue"]
    assert any("another axis than K" in reason for reason in reasons) is not inside
