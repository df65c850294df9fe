"""ONNX Runtime as a witness: what it is given, and in which words it refuses."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from glassrt.compiler.checking.onnx_runtime import onnx_outputs
from glassrt.compiler.frontend import import_model
from onnx import ModelProto, TensorProto, helper, numpy_helper

X = np.array([1.5, -2.0, 0.25], np.float32)


def model(operator: str = "Neg", dtype: int = TensorProto.FLOAT, domain: str = "") -> ModelProto:
    values = [helper.make_tensor_value_info(name, dtype, [3]) for name in "xy"]
    node = helper.make_node(operator, ["x"], ["y"], domain=domain)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("odd", 1)]
    return helper.make_model(
        helper.make_graph([node], "g", values[:1], values[1:]), opset_imports=opsets, ir_version=9
    )


def test_a_model_is_run_however_it_is_given(tmp_path: Path) -> None:
    onnx.save(model(), tmp_path / "net.onnx")
    for source in (model(), model().SerializeToString(), tmp_path / "net.onnx", str(tmp_path / "net.onnx")):
        outputs = onnx_outputs(source, {"x": X})
        assert isinstance(outputs, dict) and list(outputs) == ["y"]
        np.testing.assert_array_equal(outputs["y"], -X)


@pytest.mark.parametrize(
    ("dtype", "numpy"),
    [(TensorProto.FLOAT16, np.float16), (TensorProto.FLOAT, np.float32), (TensorProto.DOUBLE, np.float64)],
)
def test_inputs_have_the_type_that_the_model_declares(dtype: int, numpy: Any) -> None:
    """A policy may have asked for them in another."""
    for given in (np.float16, np.float32, np.float64):
        outputs = onnx_outputs(model("Abs", dtype), {"x": X.astype(given)})
        assert isinstance(outputs, dict) and outputs["y"].dtype == numpy
        np.testing.assert_array_equal(outputs["y"], np.abs(X))


@pytest.mark.parametrize(("opset", "zero_point"), [(19, False), (21, True)])
def test_the_model_is_run_as_it_is_written(opset: int, zero_point: bool) -> None:
    """An optimised session of 1.32 computes 0 for -2 in one, and does not load the other."""
    made = onnx.parser.parse_model(
        f"""<ir_version: 9, opset_import: ["": {opset}]>
        g (int8[2,2] x) => (float[2,2] y) <float s = {{0.5}}, int8 z = {{0}}> {{
            real = DequantizeLinear (x, s{", z" if zero_point else ""})
            y = Transpose (real)
        }}"""
    )
    outputs = onnx_outputs(made, {"x": np.array([[1, 2], [-4, 5]], np.int8)})
    assert isinstance(outputs, dict) and outputs["y"].tolist() == [[0.5, -2.0], [1.0, 2.5]]


def test_an_input_with_a_default_may_be_given_or_not() -> None:
    made = model("Identity")
    made.graph.node[0].op_type = "Add"
    made.graph.node[0].input.append("w")
    made.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]))
    made.graph.initializer.append(numpy_helper.from_array(np.ones(3, np.float32), "w"))
    for more, want in (({}, X + 1), ({"w": X}, 2 * X)):
        outputs = onnx_outputs(made, {"x": X, **more})
        assert isinstance(outputs, dict)
        np.testing.assert_array_equal(outputs["y"], want)


def test_what_is_not_in_onnx_has_no_such_witness(tmp_path: Path) -> None:
    for source in (import_model(model()), tmp_path / "net.ir"):
        assert onnx_outputs(source, {"x": X}) == "the model is not in ONNX"


def test_what_it_cannot_run_is_said_in_one_line() -> None:
    for source in (model("Twist", domain="odd"), b"nonsense"):
        found = onnx_outputs(source, {"x": X})
        assert isinstance(found, str) and found.startswith("ONNX Runtime cannot run the model: ")
        assert "\n" not in found


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("onnxruntime"), "onnxruntime is not installed"),
        (ImportError("libgomp.so"), "onnxruntime cannot be loaded: libgomp.so"),
    ],
)
def test_where_it_is_missing(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    assert onnx_outputs(model(), {"x": X}) == message
