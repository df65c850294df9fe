"""The family of custom ops' bodies: which requests it takes, and the frame that it puts around a body."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import glassrt
import pytest
from glassrt.codegen.families.registry import candidates, families
from glassrt.codegen.nvrtc.cost import HEAVY_MS, kernel_ms
from glassrt.codegen.request.request import Candidate, Request
from glassrt.dialects.core.dtypes import F32
from glassrt.dialects.core.ir import Block, Value
from glassrt.dialects.core.types import TensorType, channels_last
from glassrt.dialects.graph.unary import Neg
from glassrt.errors import UnsupportedError

from ...custom_ops import Scaled, drawn, model, node
from ..one_kernel import Append, compare, kernel_module

IMAGE = TensorType((1, 3, 4, 4), F32)


def chosen(x: TensorType, *, fused: bool = False) -> str:
    """The family of a kernel of Scaled on X; FUSED with another op."""
    found: list[str] = []

    def choose(request: Request) -> Candidate:
        found.append(candidates(request)[0].family)
        return candidates(request)[0]

    def body(append: Append, value: Value) -> Value:
        scaled = append(Scaled(value))
        return append(Neg(scaled)) if fused else scaled

    compare(kernel_module(body, [x]), {"x0": drawn(*x.shape)}, choose)
    return found[-1]


def test_it_runs_one_op_on_dense_buffers() -> None:
    assert chosen(IMAGE) == "custom"


@pytest.mark.parametrize("case", ["fused", "another order"])
def test_it_refuses_everything_else(case: str) -> None:
    x = IMAGE if case == "fused" else IMAGE.with_layout(channels_last(4))
    with pytest.raises(UnsupportedError, match=r"no kernel family can run \(glass_tests\.scaled"):
        chosen(x, fused=case == "fused")


def test_the_frame_around_a_body() -> None:
    plan = glassrt.compile(model([node("Scaled", ["x"], "y")]), target="host")
    ((name, source),) = plan.sources.items()
    assert name.startswith("k_scaled_")
    head = source.split("\n")
    assert head[0] == f"// {name}: glass_tests.scaled"
    assert head[1] == "// from ONNX nodes y"
    assert "// The body of the custom op glass.tests::Scaled in custom_ops.py: 64 threads per block." in head
    assert f"namespace {name}_body {{" in head
    assert "constexpr int FACTOR = 2;" in head
    takes = "Input<x_type> x, Output<y_type> y, const int count, const int block"
    assert f"GLASS_DEVICE void compute({takes}) {{" in head
    assert f"GLASS_KERNEL(64, 1) {name}(Input<f32> x0, Output<f32> y0, const int s0) {{" in head
    assert "    const int count = s0*24;" in head
    assert f"    {name}_body::compute(x0, y0, count, block_x());" in head


def test_large_buffers_have_wide_indices() -> None:
    plan = glassrt.compile(
        model([node("Scaled", ["x"], "y")]), target="host", shapes={"N": (1, 2**20, 2**28)}
    )
    (source,) = plan.sources.values()
    assert "const i64 count" in source


def test_bodies_are_compiled_in_processes_that_can_be_killed() -> None:
    block = Block([IMAGE])
    block.append(Scaled(block.arguments[0]))
    assert kernel_ms(block) > HEAVY_MS
    assert not families()["custom"].designed


def test_a_plan_runs_where_its_op_is_not_registered(tmp_path: Path) -> None:
    """The plan holds the kernel; only what reads its text needs the op."""
    program = """
import sys
import numpy as np
import glassrt
with glassrt.load(sys.argv[1], "host") as engine:
    y = engine.run({"x": np.ones((2, 24), np.float32)})["y"]
assert (y == 2).all()
from glassrt.compiler.checking.accuracy import launched_module
try:
    launched_module(glassrt.Plan.load(sys.argv[1]))
except glassrt.PlanError as error:
    assert "custom ops are loaded by --ops FILE.py" in str(error), error
else:
    raise SystemExit("the text was read without its op")
"""
    path = tmp_path / "scaled.plan"
    glassrt.compile(model([node("Scaled", ["x"], "y")]), target="host").save(path)
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
