"""Bags of rows as exporters write them, from the model to kernels; the rules have cases in `tests/passes`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from glassrt import compile, load
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ...models import run_onnxruntime

ROWS, WIDTH = 9, 8
INDICES = np.array([[4, 0, -1], [8, 8, 2]])


def quantized(form: str, summed: bool) -> ModelProto:
    """Rows of a table of eight bits with a scale and a zero point each, dequantized `before` or `after`."""
    generator, nodes = np.random.default_rng(0), []
    scale = generator.uniform(0.01, 0.02, ROWS).astype(np.float32)
    zero = generator.integers(-3, 4, ROWS).astype(np.int8)
    table = generator.integers(-128, 128, (ROWS, WIDTH)).astype(np.int8)
    if form == "before":
        nodes.append(helper.make_node("DequantizeLinear", ["table", "scale", "zero"], ["d"], axis=0))
        nodes.append(helper.make_node("Gather", ["d", "i"], ["rows"]))
    else:
        scale, zero = scale[:, None], zero[:, None]
        for name in ("table", "scale", "zero"):
            nodes.append(helper.make_node("Gather", [name, "i"], [f"{name}0"]))
        for name in ("table", "zero"):
            nodes.append(helper.make_node("Cast", [f"{name}0"], [f"{name}1"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Sub", ["table1", "zero1"], ["moved"]))
        nodes.append(helper.make_node("Mul", ["moved", "scale0"], ["rows"]))
    nodes.append(
        helper.make_node("ReduceSum", ["rows", "axis"], ["y"], keepdims=0)
        if summed
        else helper.make_node("Identity", ["rows"], ["y"])
    )
    arrays: dict[str, Any] = {"table": table, "scale": scale, "zero": zero, "axis": np.array([1])}
    constants = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    i = helper.make_tensor_value_info("i", TensorProto.INT64, ["N", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "bags", [i], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("form", ["before", "after"])
@pytest.mark.parametrize("summed", [True, False])
def test_tables_of_eight_bits_stay_small(form: str, summed: bool) -> None:
    model = quantized(form, summed)
    plan = compile(model, target="host", precision="fp16")
    launch = plan.ir("launch")
    assert launch.count("launch.kernel") == 1 and ("graph.embedding_bag" in launch) is summed
    assert f"tensor<{ROWS}x{WIDTH}xi8>" in launch and f"tensor<{ROWS}x{WIDTH}xf" not in launch
    (y,) = load(plan, "host").run({"i": INDICES}).values()
    arrays = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    scale, zero = arrays["scale"].reshape(-1, 1), arrays["zero"].reshape(-1, 1).astype(np.float32)
    want = ((arrays["table"] - zero) * scale)[INDICES]
    np.testing.assert_allclose(y, want.sum(1) if summed else want, rtol=2e-3, atol=2e-3)


def wrapping(way: str) -> ModelProto:
    """Sums of rows, of whose factors or zero points integers cut something off."""
    draw = np.random.default_rng(0)
    table = draw.uniform(0, 200, (ROWS, WIDTH)).astype(np.uint8 if way == "zero" else np.float32)
    beside = draw.uniform(0, 200, (ROWS, 1)).astype(table.dtype)
    node = helper.make_node
    nodes = [node("Gather", ["table", "i"], ["a"]), node("Gather", ["beside", "i"], ["b"])]
    if way == "zero":
        nodes += [node("Sub", ["a", "b"], ["c"]), node("Cast", ["c"], ["rows"], to=TensorProto.FLOAT)]
    else:
        nodes.append(node("Cast", ["b"], ["c"], to=TensorProto.INT32))
        nodes += [node("Cast", ["c"], ["d"], to=TensorProto.FLOAT), node("Mul", ["a", "d"], ["rows"])]
    nodes.append(node("ReduceSum", ["rows", "axis"], ["y"], keepdims=0))
    arrays = {"table": table, "beside": beside, "axis": np.array([1])}
    constants = [numpy_helper.from_array(value, name) for name, value in arrays.items()]
    i = helper.make_tensor_value_info("i", TensorProto.INT64, ["N", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "bags", [i], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("way", ["zero", "factor"])
def test_what_integers_cut_off_is_cut_off(way: str) -> None:
    model = wrapping(way)
    (y,) = load(compile(model, target="host"), "host").run({"i": INDICES}).values()
    np.testing.assert_allclose(y, run_onnxruntime(model, {"i": INDICES})["y"], rtol=1e-6)
