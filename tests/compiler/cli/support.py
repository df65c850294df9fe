"""What the tests of the commands share."""

from __future__ import annotations

from collections.abc import Callable

from typer.testing import Result

# y = relu(x + w) at the precision level, with a symbolic batch and one weight inside the text.
ADD_RELU = """module @net {
  symbol N in [1, 4, 16]
  func @main(%x: tensor<Nx4xf32>) -> (tensor<Nx4xf32>) {inputs = ["x"], outputs = ["y"]} {
    %w = graph.constant {value = dense<4xf32: 0.5, -1.0, 2.0, 0.0>} : tensor<4xf32>
    %y = precision.kernel %x, %w {root = loop, requested = f32, compute = f32, accumulate = f32} : tensor<Nx4xf32> loc("add", "relu") {
      ^(%a: tensor<Nx4xf32>, %b: tensor<4xf32>):
        %0 = graph.add %a, %b : tensor<Nx4xf32> loc("add")
        %1 = graph.relu %0 : tensor<Nx4xf32> loc("relu")
        core.yield %1
    }
    core.return %y
  }
}
"""  # noqa: E501 - one line per operation

Glassrt = Callable[..., Result]
