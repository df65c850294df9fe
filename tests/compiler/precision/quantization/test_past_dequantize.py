"""Ops that move past a dequantize: when two scalings are one, and what the moved op becomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt.compiler.patterns.rewrite import Pattern, Rewriter, rewrite
from glassrt.compiler.precision.quantization.past_dequantize import (
    equal_constants,
    keeps_order,
    move_before,
    per_tensor_dequantize,
    same_scaling,
    with_operand,
    with_scale_of,
)
from glassrt.dialects.core.dtypes import F8E4M3, F32, I8, U8, DType
from glassrt.dialects.core.ir import Value
from glassrt.dialects.graph.movement.reshape import Transpose
from glassrt.dialects.graph.quantization import Dequantize, Quantize, Scaling
from glassrt.testing.net import Net

from ...quantized import evaluated, ops


def scaling(net: Net, scale: Any, zero: int | None = None, dtype: DType = I8, **options: Any) -> Dequantize:
    """A dequantize of a model input; every constant of it is one of its own."""
    operands: list[Value] = [net.input(f"q{len(net.function.inputs)}", 3, 3, dtype=dtype)]
    operands.append(net.const(np.asarray(scale, np.float32)))
    operands += [] if zero is None else [net.const(np.full(np.shape(scale), zero, dtype.numpy))]
    op = net.add(Dequantize, *operands, to=F32, **options).producer
    assert isinstance(op, Dequantize)
    return op


PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "equal": ({"scale": 0.5, "zero": 3}, {"scale": 0.5, "zero": 3}, True),
    "another scale": ({"scale": 0.5}, {"scale": 0.25}, False),
    "another zero point": ({"scale": 0.5, "zero": 3}, {"scale": 0.5, "zero": 4}, False),
    "one without": ({"scale": 0.5, "zero": 0}, {"scale": 0.5}, False),
    "another type": ({"scale": 0.5, "dtype": I8}, {"scale": 0.5, "dtype": U8}, False),
    "per channel": ({"scale": [1, 2, 3], "axis": 1}, {"scale": [1, 2, 3], "axis": 1}, True),
    "another axis": ({"scale": [1, 2, 3], "axis": 0}, {"scale": [1, 2, 3], "axis": 1}, False),
    "an axis without meaning": ({"scale": 0.5, "axis": 0}, {"scale": 0.5, "axis": 1}, True),
}


@pytest.mark.parametrize("case", PAIRS)
def test_two_scalings_are_one_where_all_numbers_stand_for_the_same(case: str) -> None:
    one, other, same = PAIRS[case]
    net = Net()
    first, second = scaling(net, **one), scaling(net, **other)
    module = net.done(first.result, second.result)
    assert same_scaling(first, second, module) == same_scaling(second, first, module) == same


def test_constants_are_equal_by_what_they_hold_and_computed_values_by_what_they_are() -> None:
    net = Net()
    a, b, half = net.const(np.float32(1)), net.const(np.float32(1)), net.const(np.float16(1))
    x, y = net.input("x"), net.input("y")
    module = net.done(x)
    assert equal_constants(a, b, module) and equal_constants(None, None, module)
    assert equal_constants(x, x, module) and not equal_constants(x, y, module)
    assert not equal_constants(a, half, module) and not equal_constants(a, None, module)


@pytest.mark.parametrize(("scale", "kept"), [(0.5, True), (-0.5, False), (0.0, False), ([1, -1, 1], False)])
def test_order_is_kept_by_positive_scales(scale: Any, kept: bool) -> None:
    net = Net()
    op = scaling(net, scale)
    assert keeps_order(op, net.done(op.result)) == kept


def test_order_is_lost_where_what_overflows_is_no_number() -> None:
    net = Net()
    x, scale = net.input("x", 3), net.const(np.float32(0.5))
    made = [net.add(Quantize, x, scale, to=F8E4M3, saturate=saturate) for saturate in (True, False)]
    module = net.done(*made)
    found = [value.producer for value in made]
    assert [keeps_order(op, module) for op in found if isinstance(op, Scaling)] == [True, False]


def test_a_scale_per_tensor_has_no_axis_to_go_along() -> None:
    net = Net()
    whole, rows = scaling(net, 0.5, 3), scaling(net, [1, 2, 3], axis=0)
    x = net.input("x", 3, 3, dtype=I8)
    net.done(whole.result, rows.result)
    assert with_scale_of(whole, x, axis=1).attributes["axis"] == 0
    moved = with_scale_of(rows, x, axis=1)
    assert isinstance(moved, Dequantize) and (moved.axis, moved.x, moved.scale) == (1, x, rows.scale)
    assert per_tensor_dequantize(whole.result) is whole and per_tensor_dequantize(rows.result) is None


def test_an_op_that_moved_computes_the_same_on_what_is_stored() -> None:
    """transpose(dequantize(q)) => dequantize(transpose(q)), the scales along the axis where it is then."""
    net = Net()
    inner = scaling(net, [1, 2, 4], axis=0)
    module = net.done(net.add(Transpose, inner.result, perm=[1, 0]))
    inputs = {"q0": np.arange(9, dtype=np.int8).reshape(3, 3)}
    want = (np.arange(9).reshape(3, 3) * [[1], [2], [4]]).T

    def past(op: Transpose, rewriter: Rewriter) -> bool:
        found = op.x.producer
        if not isinstance(found, Dequantize):
            return False
        return move_before(op, [found], with_operand(op, found.x), rewriter, axis=1)

    np.testing.assert_array_equal(evaluated(module, inputs), want)
    rewrite(module, [Pattern("past", (Transpose,), past)])
    assert ops(module) == ["transpose", "dequantize"]
    np.testing.assert_array_equal(evaluated(module, inputs), want)
    moved, last = (op for op in module.main.block if isinstance(op, (Transpose, Dequantize)))
    assert (moved.location.nodes, last.location.nodes) == (("transpose1",), ("dequantize0",))
