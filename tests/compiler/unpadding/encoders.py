"""Small padded models as IR text, their rewriting, and runs of both."""

from __future__ import annotations

from typing import Any

import numpy as np
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.passes.manager import PassContext
from glassrt.compiler.simplify.dce import DeadCodeElimination
from glassrt.compiler.unpadding.unpad import Unpad
from glassrt.dialects.core.clone import clone_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.dialects.core.verifier import verify

Array = np.ndarray[Any, Any]
X = "tensor<NxSx6xf32>"
# Rows of 6 features that have attended to each other in two heads, as %a, behind the mask %m as numbers.
HEAD = """\
module @net {{
  symbol N in [0, 3, 8]
  symbol S in [1, 5, 9]
  func @main(%x: tensor<NxSx6xf32>, %m: tensor<NxSxf32>) -> ({result}) {{inputs = ["x", "m"], outputs = \
["y"]}} {{
    %one = graph.constant {{value = dense<f32: 1.0>}} : tensor<f32>
    %low = graph.constant {{value = dense<f32: -1e30>}} : tensor<f32>
    %m0 = graph.sub %one, %m : tensor<NxSxf32>
    %m1 = graph.mul %m0, %low : tensor<NxSxf32>
    %mask = graph.reshape %m1 {{shape = [N, 1, 1, S]}} : tensor<Nx1x1xSxf32>
    %h0 = graph.reshape %x {{shape = [N, S, 2, 3]}} : tensor<NxSx2x3xf32>
    %h = graph.transpose %h0 {{perm = [0, 2, 1, 3]}} : tensor<Nx2xSx3xf32>
    %h1 = graph.attention %h, %h, %h, %mask {{scale = 0.5}} : tensor<Nx2xSx3xf32> loc("attention")
    %h2 = graph.transpose %h1 {{perm = [0, 2, 1, 3]}} : tensor<NxSx2x3xf32>
    %a = graph.reshape %h2 {{shape = [N, S, 6]}} : tensor<NxSx6xf32>
"""


def parsed(body: str, result: str = X) -> Module:
    """The model that goes on with BODY, whose last value is %y of the type RESULT."""
    text = HEAD.format(result=result) + f"{body}\n    core.return %y\n  }}\n}}\n"
    module = parse_module(text, ALL_DIALECTS)
    verify(module, ALL_DIALECTS)
    return module


def unpadded(module: Module, mask: str | None = "m") -> Module:
    """A copy of MODULE without padding, by its MASK."""
    context = PassContext(ALL_DIALECTS, unpadded=mask)
    made = DeadCodeElimination().run(Unpad().run(clone_module(module), context), context)
    verify(made, ALL_DIALECTS)
    return made


def drawn(kept: Array, seed: int = 0) -> dict[str, Array]:
    """Inputs whose tokens KEPT are there; padding is NaN, so that whoever looks at it is found out."""
    x = np.random.default_rng(seed).standard_normal((*kept.shape, 6)).astype(np.float32)
    return {"x": np.where(kept[..., None], x, np.float32(np.nan)), "m": kept.astype(np.float32)}


MASKS = [
    np.arange(5) < np.array([[5], [0], [1]]),
    np.array([[False, True, True], [True, False, True]]),  # neither is a prefix
    np.zeros((2, 4), bool),
    np.zeros((0, 3), bool),
]


def outcomes(module: Module, kept: Array) -> tuple[Array, Array]:
    """What MODULE gives with its padding, of finite numbers, and without."""
    inputs = drawn(kept)
    finite = {**inputs, "x": np.nan_to_num(inputs["x"], nan=0.7)}
    with np.errstate(all="ignore"):
        return interpret(module, finite)["y"], interpret(unpadded(module), inputs)["y"]
