"""The bounds of normalizations: sound where a row is nearly constant, tight where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.codegen.families.kernel_family import Accumulation
from glassrt.compiler.checking.bounds import Execution, Sums
from glassrt.compiler.checking.widen import widened_array, widened_block
from glassrt.dialects.core.interpreter import interpret, run_block

from .small import Array, built, measured, parsed

NORMALIZED = """module @normalized {{
  func @main(%x: tensor<2x3x50xf32>) -> (tensor<2x3x50xf32>) {{inputs = ["x"], outputs = ["y"]}} {{
    {constants}
    %1 = graph.{op} %x, %s, %b {{epsilon = {epsilon}{more}}} : tensor<2x3x50xf32> loc("norm")
    core.return %1
  }}
}}
"""
ROW = f"dense<50xf32: {', '.join(['2.0'] * 50)}>"
KINDS = {
    "instance_norm": ("dense<3xf32: 2.0, 2.0, 2.0>", "3xf32", ""),
    "layer_norm": (ROW, "50xf32", ", axis = 2"),
}


def text(op: str, epsilon: float) -> str:
    value, type, more = KINDS[op]
    constants = "\n    ".join(
        f"%{name} = graph.constant {{value = {value}}} : tensor<{type}>" for name in "sb"
    )
    return NORMALIZED.format(op=op, epsilon=epsilon, more=more, constants=constants)


def rows(centre: float, spread: float) -> dict[str, Array]:
    noise = np.random.default_rng(0).standard_normal((2, 3, 50))
    return {"x": (centre + spread * noise).astype(np.float32)}


@pytest.mark.parametrize("op", KINDS)
def test_rows_that_are_nearly_constant_enlarge_the_error_of_their_mean(op: str) -> None:
    plan, graph = built(parsed(text(op, 1e-10)))
    inputs = rows(7.3, 2e-5)
    (report,) = measured(plan, graph, inputs)
    assert report.excess(None) <= 1
    assert report.local.roundoffs > 100  # more than the arithmetic on the result accounts for
    assert report.allowed < 0.5 * np.abs(interpret(graph, inputs)["y"]).max()


@pytest.mark.parametrize("op", KINDS)
def test_the_bound_of_other_rows_is_tight(op: str) -> None:
    plan, graph = built(parsed(text(op, 1e-5)))
    inputs = rows(0.0, 1.0)
    (report,) = measured(plan, graph, inputs)
    assert report.excess(None) <= 1
    assert report.allowed < 64 * 2.0**-24 * np.abs(interpret(graph, inputs)["y"]).max()


CHAINED = """module @chained {
  func @main(%x: tensor<16x32xf16>, %w: tensor<32x32xf16>, %v: tensor<8x32xf16>) -> (tensor<16x32xf16>, tensor<16x8xf16>) {inputs = ["x", "w", "v"], outputs = ["y", "z"]} {
    %1 = graph.matmul %x, %w {transpose_b = true, accumulate = f32} : tensor<16x32xf32>
    %2 = graph.cast %1 {to = f16} : tensor<16x32xf16>
    %3 = graph.matmul %2, %v {transpose_b = true, accumulate = f32} : tensor<16x8xf32>
    %4 = graph.cast %3 {to = f16} : tensor<16x8xf16>
    core.return %2, %4
  }
}
"""  # noqa: E501 - one line per operation


def test_results_that_are_multiplied_again_may_have_been_rounded_to_neighbours() -> None:
    """Of large results, a step is more than all that the second sums, which cancel, are rounded by."""
    module = parsed(CHAINED)
    block, ones = module.main.block, np.ones((16, 32), np.float16)
    signs = np.tile(np.where(np.arange(32) % 2, 1, -1), (8, 1)).astype(np.float16)
    reads = [ones * np.float16(4), np.eye(32, dtype=np.float16) * np.float16(200), signs]
    sums = Sums(module, {})
    exact = run_block(widened_block(block, {}), [widened_array(array) for array in reads], sums)
    execution = Execution(block, Accumulation(), reads, sums, exact)
    want = [array.astype(np.float16) for array in exact]
    step = float(np.spacing(want[0].max()))
    types = [value.type for value in block.terminator.inputs]
    assert np.all(np.asarray(execution.allowed(1, types[1], want[1])) >= step)
    assert np.all(np.asarray(execution.allowed(0, types[0], want[0])) < 16 * step)
