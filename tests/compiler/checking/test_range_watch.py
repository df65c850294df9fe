"""Values that the storage type cannot hold: counted in exact execution, with overrides that help."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from glassrt.compiler.checking.accuracy import observed
from glassrt.compiler.checking.range_watch import TensorLoss, losses, weight_losses
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.passes.levels import ALL_DIALECTS
from glassrt.compiler.settings.policy import PrecisionPolicy
from glassrt.dialects.core.module import Module
from glassrt.dialects.core.parser import parse_module
from glassrt.runtime import Engine

from .small import images, parsed

MakeModule = Callable[[], Module]
Array = np.ndarray

# Two products around a relu: the first overflows, or its weights vanish, by how w is scaled.
CHAIN = """module @chain {{
  func @main(%x: tensor<2x4xf32>) -> (tensor<2x2xf32>) {{inputs = ["x"], outputs = ["y"]}} {{
    %w = graph.constant {{value = dense<4x2xf32: {numbers}>}} : tensor<4x2xf32>
    %v = graph.constant {{value = dense<2x2xf32: 1.0, 0.5, -0.5, 0.25>}} : tensor<2x2xf32>
    %1 = graph.matmul %x, %w : tensor<2x2xf32> loc("first[0]")
    %2 = graph.relu %1 : tensor<2x2xf32> loc("relu")
    %3 = graph.matmul %2, %v : tensor<2x2xf32> loc("second")
    core.return %3
  }}
}}
"""


def chain(scale: float) -> Module:
    numbers = ", ".join(repr(float(np.float32(scale * n))) for n in (1, 2, 3, 4, 5, 6, 7, 8))
    return parsed(CHAIN.format(numbers=numbers))


def watched(module: Module, inputs: Mapping[str, Array], *overrides: str) -> list[TensorLoss]:
    """What MODULE loses in fp16 with OVERRIDES."""
    plan = build(module, Settings(precision=PrecisionPolicy("fp16", overrides), cache=None)).plan
    graph = parse_module(plan.ir("graph"), ALL_DIALECTS, module.resources)
    symbols = {"N": len(inputs["x"])} if module.symbols else {}
    with Engine(plan, "host") as engine:
        observer, _ = observed(engine, inputs, symbols, graph)
    return losses(observer.ranges) + weight_losses(observer.ranges, graph)


def test_what_makes_a_large_tensor_is_to_store_it_wider(small: MakeModule) -> None:
    inputs = images(1, scale=2.2e4)
    assert np.abs(inputs["x"]).max() < 65504
    found = [loss for loss in watched(small(), inputs) if loss.range.overflows]
    assert [(loss.nodes, loss.overrides) for loss in found] == [(("relu",), ("node:relu=fp32",))]
    assert found[0].range.largest > 65504 and found[0].stored.name == "f16"
    assert not [loss for loss in watched(small(), inputs, *found[0].overrides) if loss.range.overflows]


def test_what_multiplies_a_large_tensor_is_to_multiply_it_wider() -> None:
    inputs = {"x": np.array([[1, 2, 3, 4], [1, 0, 0, 0]], np.float32)}
    (loss,) = watched(chain(3e3), inputs)
    # Both columns of the first row, 16 and 20 columns' sums of 3e3 times up to 8, and nothing else.
    want = np.maximum(inputs["x"] @ (3e3 * np.arange(1, 9).reshape(4, 2)), 0)
    assert loss.range.overflows == int((want > 65504).sum()) == 2
    assert loss.range.nonzero == 4 and loss.range.largest == want.max()
    assert loss.overrides == ("node:relu=fp32", "node:second=fp32")
    assert watched(chain(3e3), inputs, *loss.overrides) == []
    # Stored wider but multiplied in fp16, it overflows while the product loads it.
    (operand,) = watched(chain(3e3), inputs, "node:relu=fp32")
    assert (operand.tensor, operand.overrides) == ("operand", ("node:second=fp32",))


def test_what_came_before_does_not_change_the_count() -> None:
    inputs = {"x": np.full((2, 4), 4e4, np.float32)}
    first = [loss for loss in watched(chain(3.0), inputs) if loss.nodes == ("relu",)]
    assert [loss.range.overflows for loss in first] == [4]
    large = watched(chain(3.0), {"x": np.full((2, 4), 7e4, np.float32)})
    # The input overflows while it is loaded, and yet what follows is that of exact numbers.
    assert large[0].range.overflows == 8 and large[0].overrides == ("node:first[[]0]=fp32",)
    assert [loss.range.largest for loss in large if loss.nodes == ("relu",)] == [7e4 * 3 * (2 + 4 + 6 + 8)]


def test_weights_that_vanish_are_named() -> None:
    inputs = {"x": np.full((2, 4), 1e3, np.float32)}
    found = [loss for loss in watched(chain(1e-9), inputs) if loss.tensor == "weights"]
    (loss,) = found
    assert (loss.range.subnormals, loss.range.vanished, loss.nodes) == (8, 8, ("first[0]",))
    assert loss.overrides == ("node:first[[]0]=fp32",)
    # Some bits of small numbers are lost all the time: that is reported, and nothing is proposed.
    (loss,) = [loss for loss in watched(chain(1e-5), inputs) if loss.tensor == "weights"]
    assert loss.range.subnormals > 0 and loss.range.vanished == 0 and loss.overrides == ()


def test_wide_types_lose_nothing(small: MakeModule) -> None:
    plan = build(small(), Settings(precision=PrecisionPolicy("tf32"), cache=None)).plan
    with Engine(plan, "host") as engine:
        observer, _ = observed(engine, images(1, scale=1e30), {"N": 1})
    assert losses(observer.ranges) == []
