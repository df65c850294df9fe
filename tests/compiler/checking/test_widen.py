"""Blocks in f64: every float is wider, and nothing is rounded on the way."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.checking.widen import widened_array, widened_block
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.dialects.core.dtypes import F64, I32
from glassrt.dialects.core.interpreter import Evaluation, run_block
from glassrt.dialects.core.ir import Value
from glassrt.dialects.core.parser import parse_module

TEXT = """module @net {
  func @main(%x: tensor<4xf16>) -> (tensor<4xf16>) {inputs = ["x"], outputs = ["y"]} {
    %k = fused.kernel %x {root = loop} : tensor<4xf16> {
      ^(%i: tensor<4xf16>):
        %a = graph.add %i, %i : tensor<4xf16>
        %b = graph.cast %a {to = f32} : tensor<4xf32>
        %c = graph.cast %b {to = i32} : tensor<4xi32>
        %d = graph.cast %c {to = f16} : tensor<4xf16>
        core.yield %d
    }
    core.return %k
  }
}
"""


def test_every_float_type_is_f64_in_regions_too() -> None:
    module = parse_module(TEXT, ALL_DIALECTS)
    mapping: dict[Value, Value] = {}
    copy = widened_block(module.main.block, mapping)
    types = {value.type.dtype for op in copy for value in (*op.operands, *op.results) if value is not None}
    inner = {value.type.dtype for op in copy.first.regions[0].block for value in op.results}
    assert types == {F64} and inner == {F64, I32}
    assert set(mapping) == {*module.main.arguments, *(v for op in module.main.block for v in op.results)}
    large = np.array([40000.0, 1.0, 2.0, -3.5])
    (found,) = run_block(copy, [large], Evaluation(module, {}))
    np.testing.assert_array_equal(found, [80000, 2, 4, -7])


def test_the_results_of_one_op_may_be_given() -> None:
    module = parse_module(TEXT, ALL_DIALECTS)
    (kernel, _) = module.main.block
    copy = widened_block(module.main.block, {}, given=kernel)
    assert len(copy.arguments) == 2 and [op.name for op in copy] == ["core.return"]
    assert copy.first.operands == (copy.arguments[1],)


def test_arrays_of_floats_are_widened_and_others_are_not() -> None:
    assert widened_array(np.ones(2, np.float16)).dtype == np.float64
    whole = np.ones(2, np.int8)
    assert widened_array(whole) is whole
