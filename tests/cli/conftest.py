"""What the tests of the commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from glassrt.compiler.cli.app import app
from typer.testing import CliRunner, Result

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits.onnx"

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


@pytest.fixture
def glassrt() -> Glassrt:
    """The command line: `glassrt("run", path, code=1)` runs it and checks its exit code."""

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == code, (result.output, result.exception)
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An .ir file of the precision level that builds in no time."""
    path = tmp_path / "net.ir"
    path.write_text(ADD_RELU, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def digits_plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits network for sm_90a and the host."""
    path = tmp_path_factory.mktemp("plans") / "digits.plan"
    result = CliRunner().invoke(app, ["build", str(DIGITS), "-o", str(path), "-t", "sm_90a"])
    assert result.exit_code == 0, result.output
    return path
