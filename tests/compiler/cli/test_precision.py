"""Precision on the command line: overrides, types of inputs and outputs, fallbacks, and what is proposed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import pytest
from glassrt import Plan
from onnx import TensorProto, helper, numpy_helper

from ...places import DIGITS
from .support import Glassrt


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """x w1 scaled by 1e5, relu, and multiplied with weights that scale it back: beyond fp16 in between."""
    return stored(tmp_path_factory.mktemp("models") / "large.onnx", 1.0, 1e5)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, w1 having the scale itself."""
    return stored(tmp_path_factory.mktemp("models") / "heavy.onnx", 1e5, 1.0)


def stored(path: Path, weight: float, scale: float) -> Path:
    random = np.random.default_rng(0)
    weights = {
        "w1": (random.standard_normal((8, 8)) * weight).astype(np.float32),
        "w2": (random.standard_normal((8, 4)) * 1e-5).astype(np.float32),
        "big": np.float32(scale),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"], "/in/matmul"),
        helper.make_node("Mul", ["a", "big"], ["b"], "scale"),
        helper.make_node("Relu", ["b"], ["c"], "relu"),
        helper.make_node("MatMul", ["c", "w2"], ["d"], "out[0]"),
        helper.make_node("Softmax", ["d"], ["y"], "softmax"),
    ]
    graph = helper.make_graph(
        nodes,
        "large",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 4])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def report(glassrt: Glassrt, *arguments: object, code: int = 0) -> dict[str, Any]:
    return json.loads(glassrt("check", *arguments, "-d", "host", "--json", code=code).stdout)


def test_a_check_proposes_overrides_that_help(glassrt: Glassrt, large: Path) -> None:
    # 1e5 does not go into the weights, which f16 could not hold; what is multiplied is beyond the range.
    arguments = (large, "-p", "fp16")
    found = report(glassrt, *arguments, code=1)
    assert found["overrides"] == ["node:relu=fp32", "node:out[[]0]=fp32"]
    (loss,) = [each for each in found["ranges"] if each["overflows"]]
    assert loss["nodes"] == ["relu"] and loss["largest"] > 65504 and loss["stored"] == "f16"
    text = glassrt("check", *arguments, "-d", "host", code=1).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("to avoid this: ")]
    options = shlex.split(line.removeprefix("to avoid this: "))
    assert options == ["--override", "node:relu=fp32", "--override", "node:out[[]0]=fp32"]
    fixed = report(glassrt, *arguments, *options)
    assert fixed["ok"] and fixed["overrides"] == []


# Values that leave the range of f16 by themselves: each model with an input, and the op that must be wider.
BEYOND = {
    "convolution": (
        """g (float[N,4,6,6] x) => (float[N,4,6,6] y) <float[4,4,1,1] w={W}, float[4] s={1,1,1,1},
        float[4] b={0,0,0,0}>
        { c = Conv(x, w) i = InstanceNormalization(c, s, b) y = Conv(i, w) }""",
        (2, 4, 6, 6), 1e5, ["node:c=fp32"],
    ),
    "matmul": (
        """g (float[N,4] x) => (float[N,4] y) <float[4,4] w={W}, float[4] s={1,1,1,1}>
        { c = MatMul(x, w) i = LayerNormalization(c, s) y = MatMul(i, w) }""",
        (3, 4), 1e5, ["node:c=fp32"],
    ),
    "quotient": (
        """g (float[N,4] x) => (float[N,4] y) <float[4,4] w={W}, float k={1e-6}>
        { a = Div(x, k) b = MatMul(a, w) y = Mul(b, k) }""",
        (3, 4), 1.0, ["node:b=fp32"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BEYOND)
def test_values_beyond_the_range_are_named_and_mended(glassrt: Glassrt, tmp_path: Path, name: str) -> None:
    body, shape, size, overrides = BEYOND[name]
    random = np.random.default_rng(0)
    weights = ", ".join(f"{value:.6g}" for value in random.standard_normal(16))
    text = '<ir_version: 10, opset_import: ["": 17]> ' + body.replace("W", weights)
    path, inputs = tmp_path / "model.onnx", tmp_path / "x.npz"
    model = onnx.parser.parse_model(text)
    for node in model.graph.node:
        node.name = node.output[0]
    onnx.save(model, path)
    np.savez(inputs, x=(random.standard_normal(shape) * size).astype(np.float32))
    found = report(glassrt, path, "-p", "fp16", "--inputs", inputs, code=1)
    assert found["overrides"] == overrides
    options = [word for override in overrides for word in ("--override", override)]
    fixed = report(glassrt, path, "-p", "fp16", "--inputs", inputs, *options)
    assert fixed["ok"] and fixed["overrides"] == []


def test_fallbacks_are_errors_until_they_are_allowed(glassrt: Glassrt, heavy: Path, tmp_path: Path) -> None:
    plan = tmp_path / "heavy.plan"
    arguments = ("build", heavy, "-o", plan, "-t", "host", "-p", "fp16")
    result = glassrt(*arguments, code=3)
    assert "/in/matmul" in result.output and "--override node:/in/matmul=fp32" in result.output
    assert not plan.exists()
    assert "1 kernel runs in another format" in glassrt(*arguments, "--allow-fallback").output
    output = glassrt("explain", plan).stdout
    assert "kernels by precision: " in output and "not as requested: taken precision-fallback" in output
    node = glassrt("explain", plan, "/in/matmul").stdout
    assert "requested f16, chosen f32, executed f32" in node and "exceeds the range" in node
    launches = json.loads(glassrt("inspect", plan, "--json").stdout)["launches"]
    assert {"requested": "f16", "chosen": "f32", "executed": "f32"} in [each["formats"] for each in launches]
    assert "f32 for f16" in glassrt("inspect", plan).stdout


def test_other_inputs_and_outputs(glassrt: Glassrt, large: Path, tmp_path: Path) -> None:
    plan, results = tmp_path / "digits.plan", tmp_path / "y.npz"
    glassrt("build", DIGITS, "-o", plan, "-t", "host", "-p", "fp16", "--io", "fp16", "--io", "logits=fp32")
    spec = Plan.load(plan).spec
    assert [t.dtype for t in (*spec.inputs, *spec.outputs)] == ["f16", "f32"]
    found = report(glassrt, DIGITS, "-p", "fp16", "--io", "fp16", "--size", "N=2")
    assert found["ok"] and found["witness"] == "ONNX Runtime"
    arguments = (large, "-p", "tf32", "--io", "fp16", "-o", results)
    glassrt("run", *arguments, "--interpret", "--level", "precision")
    oracle = np.load(results)["y"]
    glassrt("run", *arguments, "-d", "host")
    have = np.load(results)["y"]
    assert have.dtype == oracle.dtype == np.float16
    np.testing.assert_allclose(have.astype(float), oracle.astype(float), rtol=4 * 2.0**-11, atol=1e-3)


def test_tf32_is_shown(glassrt: Glassrt, large: Path) -> None:
    summary = json.loads(glassrt("explain", large, "-t", "host", "-p", "tf32", "--json").stdout)
    assert summary["precisions"] == {"tf32": 2, "f32": 1} and summary["fallbacks"] == []
    found = report(glassrt, large, "-p", "tf32")
    assert found["ok"] and found["ranges"] == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-p", "fp64"), "there is no precision 'fp64'"),
        (("--override", "op:sofmax=fp32"), "there is no op 'sofmax'"),
        (("--override", "softmax"), "has no format"),
        (("--override", "op:softmax=int4"), "there is no precision 'int4'"),
        (("--io", "int8"), "cannot be given as 'int8'"),
        (("--io", "fp16", "--io", "fp32"), "given twice"),
    ],
)
def test_options_that_mean_nothing(glassrt: Glassrt, options: tuple[str, ...], problem: str) -> None:
    output = glassrt("explain", DIGITS, *options, code=2).output
    assert problem in " ".join(output.replace("│", " ").split())


def test_names_that_the_model_has_not(glassrt: Glassrt, small: Path) -> None:
    assert "matches 'cnv*'" in glassrt("explain", DIGITS, "--override", "node:cnv*=fp32", code=1).output
    assert "no input or output 'z'" in glassrt("check", DIGITS, "--io", "z=fp16", code=1).output
    for options in (("--override", "op:add=fp16"), ("--io", "fp16")):
        assert "IR text of the precision level" in glassrt("explain", small, *options, code=1).output
