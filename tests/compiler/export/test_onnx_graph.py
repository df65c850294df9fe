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


BRANCHES = """<ir_version: 8, opset_import: ["" : 17]>
agraph (float[4,16] x, float[4,16] g) => (float[4,8] y) {
  h0 = MatMul(x, a) h = Relu(h0) side = Tanh(h) s = ReduceSum<keepdims = 0>(g) c = Greater(s, zero)
  p = If(c) <then_branch = t () => (float[4,24] k) {
               k0 = Mul(h, gain) p_scale = Add(k0, side) k = Neg(p_scale)
             },
             else_branch = e () => (float[4,24] l) {l = Neg(h)}>
  q = MatMul(p, b) r = Relu(q) y = MatMul(r, v)
}"""


def with_branches() -> onnx.ModelProto:
    """Products around branches, which read tensors and an initializer from outside."""
    made: onnx.ModelProto = onnx.parser.parse_model(BRANCHES)
    random = np.random.default_rng(0)
    for name, shape in (("a", (16, 24)), ("b", (24, 16)), ("v", (16, 8)), ("gain", (24,))):
        array = random.standard_normal(shape, np.float32) * np.float32(shape[0] ** -0.5)
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    made.graph.initializer.append(numpy_helper.from_array(np.float32(0), "zero"))
    return made


def test_what_branches_read_stays_and_no_new_name_is_one_of_theirs() -> None:
    random = np.random.default_rng(1)
    feeds = [{n: random.standard_normal((4, 16), np.float32) for n in "xg"} for _ in range(4)]
    made = glassrt.calibrate(with_branches(), feeds, calibrator="min-max", device="interpret")
    exported = glassrt.export_qdq(with_branches(), made)
    onnx.checker.check_model(exported, full_check=True)
    names = {each.name for each in exported.graph.initializer}
    assert "gain" in names and "p_scale_2" in names and "p_scale" not in names
    for each in feeds:
        want = runtime(with_branches(), each)["y"]
        error = np.linalg.norm(runtime(exported, each)["y"] - want) / np.linalg.norm(want)
        assert 1e-4 < error < 0.03


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
