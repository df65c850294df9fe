"""The scales of models with QuantizeLinear nodes, as tables of the float models."""

from __future__ import annotations

from pathlib import Path

import glassrt
import numpy as np
import onnx
import pytest
from glassrt import CalibrationError, CalibrationTable
from glassrt.compiler.precision.scales.qdq import clips_in
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ....quantized import quantized, simplified, small_network
from ...export.odd_networks import ODD


def quantizing(
    scale: object, zero: object = np.int8(0), twice: object = None, opset: int = 19, **attributes: int
) -> ModelProto:
    """relu(x), stored with SCALE and ZERO, and once more with another scale TWICE."""
    stored = [numpy_helper.from_array(np.asarray(scale, np.float32), "s")]
    array = np.broadcast_to(np.asarray(zero), np.shape(scale))
    code = helper.np_dtype_to_tensor_dtype(array.dtype)
    stored.append(helper.make_tensor("z", code, array.shape, array.tobytes(), raw=True))
    nodes = [
        helper.make_node("Relu", ["x"], ["kept"], name="relu"),
        helper.make_node("QuantizeLinear", ["kept", "s", "z"], ["q"], name="quantize", **attributes),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], name="back", **attributes),
    ]
    if twice is not None:
        stored.append(numpy_helper.from_array(np.float32(twice), "t"))
        nodes.append(helper.make_node("QuantizeLinear", ["kept", "t", "z"], ["r"], name="again"))
    graph = helper.make_graph(
        nodes,
        "quantizing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])]
        + ([] if twice is None else [helper.make_tensor_value_info("r", code, ["N", 4])]),
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


@pytest.mark.parametrize(
    ("zero", "most"),
    [
        (np.int8(0), 127),  # symmetric, so that our scale is the same
        (np.int8(-128), 255),
        (np.int8(5), 133),
        (np.uint8(0), 255),
        (np.uint8(100), 155),
        (np.zeros((), onnx.helper.tensor_dtype_to_np_dtype(TensorProto.FLOAT8E4M3FN)), 448),
    ],
    ids=str,
)
def test_a_clip_is_the_largest_magnitude_that_is_represented(zero: object, most: int) -> None:
    assert clips_in(quantizing(0.013, zero)) == {"kept": pytest.approx(float(np.float32(0.013)) * most)}


def test_of_two_scales_the_larger_counts() -> None:
    for first, second in ((0.1, 0.3), (0.3, 0.1)):
        assert clips_in(quantizing(first, twice=second)) == {"kept": pytest.approx(0.3 * 127)}


def test_symmetric_scales_of_onnx_runtimes_quantizer_are_kept_bit_by_bit(tmp_path: Path) -> None:
    model = simplified(small_network(), tmp_path)
    made = quantized(model, tmp_path, "qdq", symmetric=True)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    table = CalibrationTable.from_qdq(made, model)
    symmetric = 0
    for node in made.graph.node:
        if node.op_type == "QuantizeLinear" and not stored[node.input[2]].any():
            assert table[node.input[0]].scale() == stored[node.input[1]]
            symmetric += 1
    assert symmetric >= 3
    plan = glassrt.compile(model, target="host", precision="int8", calibration=table)
    assert "xi8>" in plan.ir("launch")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (quantizing([0.1, 0.2, 0.3, 0.4], axis=1), "the tensor 'kept' has scales along axis 1"),
        (ODD["scaled_gemm"](), "quantizes no tensor that has a name"),
    ],
    ids=["per channel", "nothing"],
)
def test_what_makes_no_table_is_refused(model: ModelProto, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        clips_in(model)


def test_a_computed_scale_is_refused_with_its_tensor() -> None:
    model = quantizing(0.1)
    model.graph.node.insert(0, helper.make_node("ReduceMax", ["x"], ["s2"], name="scale", keepdims=0))
    for node in model.graph.node[2:]:
        node.input[1] = "s2"
    model.opset_import[0].version = 17
    with pytest.raises(CalibrationError, match="the scale of the tensor 'kept' is computed"):
        clips_in(model)


def test_an_axis_outside_is_refused_with_the_tensor() -> None:
    with pytest.raises(glassrt.ModelError, match=r"'quantize'.*axis 2 is outside .*'s'"):
        clips_in(quantizing([0.1, 0.2, 0.3, 0.4], axis=2))
