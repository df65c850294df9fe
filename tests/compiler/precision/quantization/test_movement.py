"""Rules that move ops across conversions: the same bits, in floats and in bytes."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.compiler.patterns.rewrite import Pattern
from glassrt.compiler.precision.quantization import movement
from glassrt.compiler.precision.quantization.propagate import PropagateQuantization
from glassrt.dialects.core.dtypes import F8E4M3, F32, I8, U8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.elementwise import Cast
from glassrt.dialects.graph.movement.concat import Concat
from glassrt.dialects.graph.movement.reshape import Reshape, Transpose
from glassrt.dialects.graph.movement.slicing import Slice
from glassrt.dialects.graph.pool import MaxPool
from glassrt.dialects.graph.quantization import Quantize
from glassrt.testing.net import Net
from hypothesis import given
from hypothesis import strategies as st

from ....property.rule_checks import check_meaning, check_switch, name_of
from ...quantized import evaluated, ops, run
from .stored_sums import records


@pytest.mark.parametrize("rule", movement.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_keeps_the_meaning(rule: Pattern, data: st.DataObject) -> None:
    check_meaning(rule, data)


@pytest.mark.parametrize("rule", movement.PATTERNS, ids=name_of)
@given(data=st.data())
def test_a_rule_can_be_switched_off(rule: Pattern, data: st.DataObject) -> None:
    check_switch(PropagateQuantization(), rule, data)


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
