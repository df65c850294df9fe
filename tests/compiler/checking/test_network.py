"""The outputs of a whole network against a reference, and who the reference is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from glassrt.compiler.checking.measures import Error
from glassrt.compiler.checking.network import (
    INTERPRETER,
    ONNX_RUNTIME,
    OutputReport,
    call_witness,
    compare_outputs,
    meaning,
    worst,
)
from glassrt.compiler.driver.build import brought_to, context_of
from glassrt.compiler.frontend import import_model
from glassrt.dialects.core.module import Module
from glassrt.dialects.graph.binary import Add, Sub
from glassrt.testing.net import Net
from onnx import ModelProto, TensorProto, helper

from .small import settings

ONE, LOST = np.float32(1), np.float32(2.0**-25)


def model(operator: str = "Neg") -> ModelProto:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"])], "g", values[:1], values[1:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def test_a_model_in_onnx_has_onnx_runtime_as_its_witness() -> None:
    x = np.array([1.0, -2.0, 0.5], np.float32)
    found = call_witness(model(), import_model(model()), {"x": x})
    assert (found.name, found.note) == (ONNX_RUNTIME, "")
    np.testing.assert_array_equal(found.outputs["y"], -x)


def test_others_have_the_interpreter_with_a_reason() -> None:
    module, x = import_model(model()), np.array([1.0, -2.0, 0.5], np.float32)
    found = call_witness(module, module, {"x": x})
    assert (found.name, found.note) == (INTERPRETER, "the model is not in ONNX")
    np.testing.assert_array_equal(found.outputs["y"], -x)


def cancelling() -> Module:
    """(x + z) - x."""
    net = Net()
    x, z = net.input("x", 1), net.input("z", 1)
    return net.done(net.add(Sub, net.add(Add, x, z), x))


def test_the_meaning_of_a_graph_is_not_rounded_and_of_lower_levels_as_they_round() -> None:
    inputs = {"x": np.full(1, ONE), "z": np.full(1, LOST)}
    assert meaning(cancelling(), inputs)["y"] == float(LOST)
    made = settings()
    lowered = brought_to("precision", cancelling(), made, context_of(made))
    assert meaning(lowered, inputs)["y"] == 0.0


@pytest.mark.parametrize(("have", "ok"), [(1.0, True), (1.0009, True), (1.1, False), (np.nan, False)])
def test_outputs_are_held_to_a_bound(have: float, ok: bool) -> None:
    (report,) = compare_outputs({"y": np.array([have])}, {"y": np.array([1.0])}, 2.0**-24, 1e-3)
    assert report.ok == ok and report.name == "y"
    (free,) = compare_outputs({"y": np.array([have])}, {"y": np.array([1.0])}, 2.0**-24, None)
    assert free.ok
    if math.isfinite(have):
        assert report.error.relative_l2 == pytest.approx(abs(have - 1))


def test_a_wrong_shape_is_excused_by_nothing() -> None:
    (report,) = compare_outputs({"y": np.zeros((1, 3))}, {"y": np.zeros((3, 1))}, 1.0, None)
    assert not report.ok and report.problem == "output 'y' has shape [1, 3], not [3, 1]"


def test_the_worst_output() -> None:
    reports = [OutputReport(str(error), Error(relative_l2=error), None) for error in (0.1, 0.3, 0.2)]
    assert worst(reports) == 0.3 and worst([]) == 0.0
