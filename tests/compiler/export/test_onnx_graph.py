"""Nodes and names in an exported graph."""

from __future__ import annotations

import glassrt
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from .exported import exporting, runtime
from .odd_networks import ODD, inputs


def test_new_names_are_free_ones() -> None:
    model = ODD["handed_on"]()
    taken = numpy_helper.from_array(np.ones((), np.float32), "x_scale")
    model.graph.initializer.append(taken)
    model.graph.node.append(onnx.helper.make_node("Add", ["x_scale", "x_scale"], ["x_quantized"], name="q"))
    model.graph.output.append(onnx.helper.make_tensor_value_info("x_quantized", 1, []))
    made = glassrt.calibrate(model, inputs(model), device="interpret")
    exported = glassrt.export_qdq(model, made)
    assert runtime(exported, inputs(model)[0])["x_quantized"] == 2.0


def test_nodes_of_one_name_are_refused_with_it() -> None:
    model = ODD["summed_branches"]()
    for node in model.graph.node:
        if node.op_type == "Conv":
            node.name = "the same"
    with pytest.raises(glassrt.UnsupportedError, match="3 nodes called 'the same'"):
        exporting(model)


def test_a_node_inside_of_a_function_is_refused() -> None:
    model = ODD["scaled_gemm"]()
    inner = onnx.helper.make_node("MatMul", ["a", "b"], ["c"], name="product")
    body = onnx.helper.make_function("d", "f", ["a", "b"], ["c"], [inner], [onnx.helper.make_opsetid("", 17)])
    model.functions.append(body)
    model.opset_import.append(onnx.helper.make_opsetid("d", 1))
    model.graph.node[0].CopyFrom(onnx.helper.make_node("f", ["x", "w0"], ["t0"], name="call", domain="d"))
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.eye(16, 12, dtype=np.float32), "w0"))
    with pytest.raises(glassrt.UnsupportedError, match="no node called 'call/product'"):
        exporting(model)
