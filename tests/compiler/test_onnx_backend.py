"""GlassRT behind ONNX's backend interface: models and single nodes, against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt import backend
from glassrt.compiler import onnx_backend
from glassrt.compiler.onnx_backend import GlassBackend, by_name
from glassrt.errors import DeviceError, InputError
from onnx import ModelProto, TensorProto, helper, numpy_helper

A = np.arange(6, dtype=np.float32).reshape(2, 3)
B = np.array([[1.0, -2.0, 0.5]], np.float32)


def model() -> ModelProto:
    """difference = a - b, total = a + b; b has a default."""
    values = [helper.make_tensor_value_info("a", 1, [2, 3]), helper.make_tensor_value_info("b", 1, [1, 3])]
    nodes = [
        helper.make_node("Sub", ["a", "b"], ["difference"]),
        helper.make_node("Add", ["a", "b"], ["total"]),
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in ("difference", "total")
    ]
    graph = helper.make_graph(nodes, "g", values, outputs, [numpy_helper.from_array(B, "b")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_outputs_come_in_the_order_of_the_model() -> None:
    prepared = GlassBackend.prepare(model(), "CPU", inputs={"a": [2, 3], "b": [1, 3]})
    for given in ([A, B], (A, B), {"b": B, "a": A}):
        difference, total = prepared.run(given)
        np.testing.assert_array_equal(difference, A - B)
        np.testing.assert_array_equal(total, A + B)


def test_the_short_name_has_the_functions_of_an_onnx_backend() -> None:
    for function in (backend.run_model, lambda *given: backend.prepare(given[0]).run(given[1])):
        np.testing.assert_array_equal(function(model(), [A])[0], A - B)
    (y,) = backend.run_node(helper.make_node("Neg", ["x"], ["y"]), [A])
    np.testing.assert_array_equal(y, -A)
    assert backend.supports_device("CPU")


def test_a_default_is_a_constant_and_one_array_one_input() -> None:
    (difference, total) = GlassBackend.run_model(model(), A)
    np.testing.assert_array_equal(difference, A - B)
    np.testing.assert_array_equal(total, A + B)


def test_a_node_alone_runs_on_the_types_that_it_is_given() -> None:
    node = helper.make_node("Clip", ["x", "", "most"], ["y"])
    x, most = np.array([-5, 3, 9], np.int32), np.array(4, np.int32)
    (y,) = GlassBackend.run_node(node, [x, most])
    np.testing.assert_array_equal(y, np.minimum(x, 4))
    assert y.dtype == np.int32
    largest, where = GlassBackend.run_node(
        helper.make_node("TopK", ["x", "k"], ["v", "i"]), {"x": A, "k": np.array([1])}
    )
    np.testing.assert_array_equal(largest, A.max(1, keepdims=True))
    np.testing.assert_array_equal(where, A.argmax(1)[:, None])


@pytest.mark.parametrize(
    ("inputs", "found"),
    [([1, 2], {"a": 1, "b": 2}), ((1,), {"a": 1}), (np.array(7), {"a": 7}), ({"z": 3}, {"z": 3})],
)
def test_inputs_by_name(inputs: Any, found: dict[str, int]) -> None:
    assert by_name(inputs, ["a", "b"]) == found


def test_wrong_inputs_are_named() -> None:
    with pytest.raises(InputError, match="3 inputs are given; the model has 2: a, b"):
        by_name([A, A, A], ["a", "b"])
    with pytest.raises(InputError, match="run has no argument more, other"):
        GlassBackend.prepare(model()).run([A], other=1, more=2)


@pytest.mark.parametrize(("present", "cuda"), [(None, False), ("sm_90a", True)])
def test_devices(monkeypatch: pytest.MonkeyPatch, present: str | None, cuda: bool) -> None:
    monkeypatch.setattr(onnx_backend, "present_target", lambda: present)
    assert GlassBackend.supports_device("CPU")
    assert GlassBackend.supports_device("CUDA") == GlassBackend.supports_device("CUDA:1") == cuda


def test_a_missing_gpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_backend, "present_target", lambda: None)
    with pytest.raises(DeviceError, match="there is no NVIDIA GPU here"):
        GlassBackend.prepare(model(), "CUDA")


def test_a_gpu_is_built_for_and_loaded_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(onnx_backend, "present_target", lambda: "sm_80")
    monkeypatch.setattr(onnx_backend, "compile", lambda model, target, **more: seen.append((target, more)))
    monkeypatch.setattr(onnx_backend, "load", lambda plan, device: seen.append(device))
    GlassBackend.prepare(model(), "CUDA:1", precision="fp16")
    assert seen == [("sm_80", {"precision": "fp16"}), "cuda:1"]
