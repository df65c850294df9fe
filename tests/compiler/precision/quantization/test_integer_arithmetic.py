"""integer-arithmetic: every rule of it is on record, and off where it is switched off."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.precision.quantization.integer_arithmetic import LEFT_OVER, PATTERNS, IntegerArithmetic
from glassrt.dialects.core.dtypes import F32, I8
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Add
from glassrt.dialects.graph.contraction import Matmul
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.quantization import Dequantize, Quantize
from glassrt.testing.net import Net

from ...quantized import evaluated, run
from .stored_sums import (
    WINDOW,
    image,
    pointwise,
    records,
    steps_apart,
    weights,
)


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
    columns = net.const(np.arange(40, dtype=np.int8).reshape(5, 8))
    scales = net.const(np.full((1, 8), 0.01, np.float32))
    columns = net.add(Dequantize, columns, scales, None, to=F32, block=16)
    product = net.add(Matmul, x, columns)
    return net.done(stored, net.add(Add, odd, known), product)


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
