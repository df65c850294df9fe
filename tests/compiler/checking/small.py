"""Networks in IR text that the checks are tried on."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.compiler.checking.accuracy import LaunchReport, measure
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.runtime import Engine, Plan

Array = np.ndarray[Any, Any]

# A convolution with bias and relu, a softmax, and a sum of the softmax's transpose with the former.
SMALL = """module @small {
  symbol N in [1, 2, 4]
  func @main(%x: tensor<Nx4x6x6xf32>) -> (tensor<Nx4x6x6xf32>) {inputs = ["x"], outputs = ["y"]} {
    %w = graph.constant {value = dense<4x4x1x1xf32: 0.5, -1.0, 2.0, 0.25, 1.0, 0.5, -0.5, 0.75, -1.5, 0.5, 0.25, 1.0, 0.125, -0.25, 1.5, -0.75>} : tensor<4x4x1x1xf32>
    %b = graph.constant {value = dense<4x1x1xf32: 0.5, -1.0, 2.0, 0.25>} : tensor<4x1x1xf32>
    %1 = graph.conv %x, %w {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} : tensor<Nx4x6x6xf32> loc("conv")
    %2 = graph.add %1, %b : tensor<Nx4x6x6xf32> loc("bias")
    %3 = graph.relu %2 : tensor<Nx4x6x6xf32> loc("relu")
    %4 = graph.softmax %3 {axis = 3} : tensor<Nx4x6x6xf32> loc("softmax")
    %5 = graph.transpose %4 {perm = [0, 1, 3, 2]} : tensor<Nx4x6x6xf32> loc("swap")
    %6 = graph.add %5, %3 : tensor<Nx4x6x6xf32> loc("sum")
    core.return %6
  }
}
"""  # noqa: E501 - one line per operation


def parsed(text: str) -> Module:
    """The module that TEXT is."""
    return parse_module(text, ALL_DIALECTS, file="test.ir")


def settings(precision: str = "fp32") -> Settings:
    """For the host, without a cache of cubins."""
    return Settings(precision=PrecisionPolicy.named(precision), cache=None)


def images(batch: int = 2, scale: float = 1.0) -> dict[str, Array]:
    """Inputs of SMALL."""
    generator = np.random.default_rng(batch)
    return {"x": (scale * generator.standard_normal((batch, 4, 6, 6))).astype(np.float32)}


def built(module: Module, precision: str = "fp32") -> tuple[Plan, Module]:
    """MODULE's plan, and its graph level with weights."""
    plan = build(module, settings(precision)).plan
    return plan, parse_module(plan.ir("graph"), ALL_DIALECTS, module.resources)


def measured(plan: Plan, graph: Module | None, inputs: dict[str, Array]) -> list[LaunchReport]:
    """The reports of a run on the host, in the order of the launches."""
    with Engine(plan, "host") as engine:
        return measure(engine, inputs, {"N": len(next(iter(inputs.values())))}, graph)[0]
