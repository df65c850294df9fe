"""Scales, zero points and axes: faulty ones get a typed error that names the node and the tensor."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.dialects.graph.quantization import Quantize
from glassrt.errors import ModelError, UnsupportedError
from onnx import NodeProto, TensorProto, helper

from .graphs import model

F32, I8, U8, I32 = np.float32, np.int8, np.uint8, np.int32
ONE = np.array(0.5, F32)


def quantize(constants: dict[str, Any], opset: int = 21, **attributes: Any) -> Any:
    """A model that quantizes x [2, 3] with the tensors s and z of CONSTANTS."""
    names = ["x", *[name for name in "sz" if name in constants]]
    node = helper.make_node("QuantizeLinear", names, ["y"], name="Q7", **attributes)
    return model([node], constants=constants, opset=opset)


def through(node: NodeProto, constants: dict[str, Any], domain: str = "", opset: int = 21) -> Any:
    """A model of a NODE that reads constants and nothing else."""
    made = model([node], {}, ["y"], constants, opset=opset)
    if domain:
        made.opset_import.append(helper.make_opsetid(domain, 1))
    return made


@pytest.mark.parametrize(
    ("constants", "attributes", "words"),
    [
        ({"s": np.ones(3, F32)}, {"axis": 2}, "axis 2 is outside .* its scale 's'"),
        (
            {"s": np.ones(3, F32)},
            {"axis": 0},
            r"its scale 's' is tensor<3xf32>; for axis 0 .* \[2\] is expected",
        ),
        ({"s": np.ones((2, 3), F32)}, {}, r"its scale 's' .* \[3\] is expected"),
        ({"s": np.ones((2, 3), F32)}, {"axis": 1, "block_size": 2}, r"\[2, 2\] is expected"),
        (
            {"s": np.ones(3, F32), "z": np.zeros(2, I8)},
            {},
            "zero point 'z' is tensor<2xi8>, but its scale 's'",
        ),
        ({"s": ONE, "z": np.zeros(3, I8)}, {}, "zero point 'z' is tensor<3xi8>, but its scale is one number"),
        ({"s": ONE, "z": np.zeros((), I8)}, {"output_dtype": TensorProto.UINT8}, "output_dtype is u8.*'z'"),
        ({"s": ONE, "z": np.zeros((), I32)}, {}, "element type i32"),
        *[
            ({"s": np.array([1, bad, 1], F32)}, {}, "its scale 's' has the value .*; it must be positive")
            for bad in (0, -2, np.nan, np.inf)
        ],
    ],
)
def test_quantize(constants: dict[str, Any], attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=f"QuantizeLinear node 'Q7': .*{words}"):
        import_model(quantize(constants, **attributes))


def test_a_scale_per_channel_comes_with_opset_13() -> None:
    with pytest.raises(ModelError, match="'Q7': its scale 's' is tensor<3xf32>; before opset 13"):
        import_model(quantize({"s": np.ones(3, F32)}, opset=10))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"output_dtype": TensorProto.FLOAT8E8M0}, "f8e8m0 is not a type to quantize to"),
        ({"precision": TensorProto.DOUBLE}, "its precision is f64"),
    ],
)
def test_types_that_the_standard_rules_out(attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=f"QuantizeLinear node 'Q7': .*{words}"):
        import_model(quantize({"s": ONE}, opset=23, **attributes))


def test_a_scale_of_powers_of_two_says_nothing_of_the_result() -> None:
    dequantize = helper.make_node("DequantizeLinear", ["q", "s"], ["y"], name="D3")
    constants = {"q": np.ones(4, I8), "s": np.ones((), ml_dtypes.float8_e8m0fnu)}
    with pytest.raises(ModelError, match="'D3': its result would be f8e8m0; output_dtype must be f32"):
        import_model(through(dequantize, constants, opset=28))


def test_a_bias_has_no_zero_point() -> None:
    dequantize = helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], name="D3")
    constants = {"q": np.ones(4, I32), "s": ONE, "z": np.array(1, I32)}
    with pytest.raises(UnsupportedError, match=r"'D3'.*'z'"):
        import_model(through(dequantize, constants))


CONV = {
    "x": np.ones((1, 2, 4, 4), U8),
    "w": np.ones((3, 2, 2, 2), I8),
    "b": np.ones(3, I32),
    "s": ONE,
    "z": np.zeros((), U8),
    "zw": np.zeros((), I8),
    "s3": np.ones(3, F32),
    "s2": np.ones(2, F32),
    "z3": np.zeros(3, U8),
}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("x s z w s2 zw s z", "its scale 's2'"),
        ("x s3 z w s zw s z", "its scale 's3'"),
        ("x s zw w s zw s z", "element types"),
        ("x s z w s zw s z3", "its zero point 'z3'"),
        ("x s z w s3 zw s z w", "element type i8"),
    ],
)
def test_convolution(inputs: str, words: str) -> None:
    node = helper.make_node("QLinearConv", inputs.split(), ["y"], name="C5")
    with pytest.raises(ModelError, match=f"QLinearConv node 'C5': .*{words}"):
        import_model(through(node, CONV))


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "words"),
    [
        ("QLinearAdd", "x s z x s z", {}, "6 inputs"),
        ("QLinearAdd", "s s z x s z s z", {}, "input 's' is tensor<f32>, which is not quantized"),
        ("QLinearSigmoid", "x s zw s z", {}, "zero point 'zw' is tensor<i8>, u8 is expected"),
        ("QLinearConcat", "s z x s z x s", {"axis": 1}, "7 inputs"),
        ("QLinearAdd", "x s z x s z s z", {"alpha": 1.0}, "no attribute 'alpha'"),
    ],
)
def test_contributed_ops(op: str, inputs: str, attributes: dict[str, Any], words: str) -> None:
    node = helper.make_node(op, inputs.split(), ["y"], name="M2", domain="com.microsoft", **attributes)
    with pytest.raises(ModelError, match=f"{op} node 'M2': .*{words}"):
        import_model(through(node, CONV, "com.microsoft"))
    with pytest.raises(ModelError, match=r"no opset of com\.microsoft"):
        import_model(through(node, CONV))


def test_other_contributed_ops_are_listed() -> None:
    known = helper.make_node(
        "QLinearGlobalAveragePool",
        *(["x", "s", "z", "s", "z"], ["y"]),
        name="P1",
        domain="com.microsoft",
        channels_last=2,
    )
    unknown = helper.make_node("Snpe", ["y"], ["v"], name="A9", domain="com.microsoft")
    made = model([known, unknown], {}, ["v"], CONV, opset=21)
    made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    with pytest.raises(UnsupportedError) as caught:
        import_model(made)
    assert caught.value.offenders == (
        "QLinearGlobalAveragePool node 'P1': the attribute 'channels_last' is 2; only 0 and 1 are supported",
        "Snpe node 'A9': this op of the domain com.microsoft is not supported",
    )


@pytest.mark.parametrize(
    ("scale", "zero", "attributes", "stated"),
    [
        (ONE, None, {}, ((), None, 0, 0)),
        (ONE.reshape(1), np.zeros(1, I8), {}, ((), None, 0, 0)),  # a zero point of 0 is none
        (ONE, np.array(3, I8), {}, ((), (), 0, 0)),
        (np.ones(3, F32), np.array([1, 0, 2], I8), {"axis": -1}, ((3,), (3,), 1, 0)),
        (np.ones(2, F32), None, {"axis": 0}, ((2,), None, 0, 0)),
        (np.ones((2, 2), F32), None, {"axis": 1, "block_size": 2}, ((2, 2), None, 1, 2)),
    ],
)
def test_what_fits_becomes_one_op(scale: Any, zero: Any, attributes: dict[str, Any], stated: Any) -> None:
    """The shape of its scale and zero point, its axis and its blocks."""
    constants = {"s": scale} if zero is None else {"s": scale, "z": zero}
    if zero is None:
        attributes = {**attributes, "output_dtype": TensorProto.INT8}
    (op,) = (op for op in import_model(quantize(constants, **attributes)).walk() if isinstance(op, Quantize))
    shapes = (op.scale.type.shape, None if op.zero_point is None else op.zero_point.type.shape)
    assert (*shapes, op.axis, op.block) == stated
