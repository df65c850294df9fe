"""Models of opsets 1 to 6 are brought to the oldest that is imported, and the ledger says so."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend.old_opsets import RULE
from glassrt.compiler.frontend.source import load_module
from glassrt.dialects.core.interpreter import interpret
from glassrt.errors import ModelError
from onnx import ModelProto, TensorProto, helper, numpy_helper

X = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
B = np.array([1, -2, 3, 4], np.float32)


def added(opset: int) -> ModelProto:
    """x + b along the last axis, as opset 6 broadcast."""
    node = helper.make_node("Add", ["x", "b"], ["y"], "sum", broadcast=1)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3, 4]) for name in "xy")
    b = helper.make_tensor_value_info("b", TensorProto.FLOAT, [4])
    graph = helper.make_graph([node], "g", [x, b], [y], [numpy_helper.from_array(B, "b")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3)


def test_the_old_broadcasting_means_what_it_meant() -> None:
    np.testing.assert_array_equal(interpret(load_module(added(6)), {"x": X})["y"], X + B)


def test_the_ledger_says_so() -> None:
    (record,) = (one for one in glassrt.compile(added(6), target="host").ledger if one.get("rule") == RULE)
    assert "opset 6 of ai.onnx was brought to 7 by the version converter of onnx" in record["reason"]


def test_what_the_converter_refuses_is_an_error_of_the_model() -> None:
    model = added(6)
    model.graph.node[0].op_type = "Nothing"
    with pytest.raises(ModelError, match=r"opset 6 of ai\.onnx, which has no converter: .*Nothing") as caught:
        load_module(model)
    assert "export it anew" in str(caught.value)


def test_weights_in_other_files_are_refused() -> None:
    model = added(6)
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="b.bin")
    with pytest.raises(ModelError, match="has its weights in other files"):
        load_module(model)


def test_slopes_of_old_prelus_are_per_channel() -> None:
    """The converter leaves them as they are, which would be per column where there are as many of these."""
    node = helper.make_node("PRelu", ["x", "s"], ["y"])
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 4, 3, 4]) for name in "xy")
    s = helper.make_tensor_value_info("s", TensorProto.FLOAT, [4])
    graph = helper.make_graph([node], "g", [x, s], [y], [numpy_helper.from_array(B, "s")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 6)], ir_version=3)
    given = np.random.default_rng(1).standard_normal((2, 4, 3, 4)).astype(np.float32)
    wanted = np.where(given < 0, given * B[:, None, None], given)
    np.testing.assert_array_equal(interpret(load_module(model), {"x": given})["y"], wanted)
