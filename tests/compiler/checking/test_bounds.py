"""The bounds of normalizations: sound where a row is nearly constant, tight where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.dialects.core.interpreter import interpret

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
