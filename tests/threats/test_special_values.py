"""T2: every special number, as a constant or an attribute, compiles and comes out bit by bit."""

from __future__ import annotations

from typing import Any

import glassrt
import ml_dtypes
import numpy as np
import pytest
from glassrt.compiler.frontend.source import load_module
from glassrt.dialects.core.interpreter import interpret
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, helper, numpy_helper

from ..models import Array

# Zeros, the denormals at both ends, the normals at both ends, infinities, quiet and signalling NaNs with
# payloads, and numbers that no short decimal spells.
FLOATS: dict[str, list[int]] = {
    "float32": [
        *(0, 0x80000000, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000),
        *(0xFF800000, 0x7FC00000, 0xFFC00000, 0x7FC12345, 0x7F800001, 0xFF812345, 0x3F800001, 0x3DCCCCCD),
    ],
    "float64": [
        *(0, 1 << 63, 1, 0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000),
        *(0xFFF0000000000000, 0x7FF8000000000000, 0xFFF8000000012345, 0x7FF0000000000001, 0x3FB999999999999A),
    ],
    # Arithmetic on these is done in float32, and which NaN comes back from there is the device's business.
    "float16": [0, 0x8000, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0xFC00, 0x3C01],
    "bfloat16": [0, 0x8000, 1, 0x7F, 0x80, 0x7F7F, 0x7F80, 0xFF80, 0x3F81],
}
INTEGERS: dict[str, list[int]] = {
    kind: [int(np.iinfo(kind).min), int(np.iinfo(kind).min) + 1, 0, 1, int(np.iinfo(kind).max)]
    for kind in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
}
ATTRIBUTES = [0.0, -0.0, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, np.inf, -np.inf, np.nan, 0.1, -1.0]


def array_of(kind: str, values: list[int]) -> Array:
    """VALUES as KIND: the bits of floats, the numbers of integers."""
    if kind in INTEGERS:
        return np.array(values, kind)
    dtype = np.dtype(ml_dtypes.bfloat16) if kind == "bfloat16" else np.dtype(kind)
    return np.array(values, f"u{dtype.itemsize}").view(dtype)


def chosen_constants(constants: Array) -> ModelProto:
    """Where(k, c, x) for all of CONSTANTS together, as a weight, and for each alone, inside its kernel."""
    kind = helper.np_dtype_to_tensor_dtype(constants.dtype)
    stored = [numpy_helper.from_array(constants, "c")]
    stored += [numpy_helper.from_array(one.reshape(()), f"c{i}") for i, one in enumerate(constants)]
    names = [tensor.name for tensor in stored]
    nodes = [helper.make_node("Where", ["k", name, "x"], [f"y_{name}"]) for name in names]
    inputs = [
        helper.make_tensor_value_info("k", helper.np_dtype_to_tensor_dtype(np.dtype(bool)), [len(constants)]),
        helper.make_tensor_value_info("x", kind, [len(constants)]),
    ]
    outputs = [helper.make_empty_tensor_value_info(node.output[0]) for node in nodes]
    graph = helper.make_graph(nodes, "g", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def check_constants(kind: str, values: list[int], target: str) -> None:
    constants = array_of(kind, values)
    plan = glassrt.compile(chosen_constants(constants), target=target, cache=False)
    inputs = {"k": np.ones(len(values), bool), "x": np.zeros_like(constants)}
    results = glassrt.load(plan, device="host").run(inputs)
    assert results.pop("y_c").tobytes() == constants.tobytes()
    for one, (name, result) in zip(constants, results.items(), strict=True):
        assert result.tobytes() == one.tobytes() * len(values), f"{name}: {one.tobytes().hex()}"


@pytest.mark.parametrize("kind", [*FLOATS, *INTEGERS])
def test_special_constants_come_out_bit_by_bit(kind: str) -> None:
    check_constants(kind, (FLOATS | INTEGERS)[kind], "sm_90a")


@settings(max_examples=5)
@given(data=st.data(), kind=st.sampled_from(["float32", "float64", "int64", "uint64"]))
def test_any_constants_come_out_bit_by_bit(data: st.DataObject, kind: str) -> None:
    if kind in INTEGERS:
        bounds = np.iinfo(kind)
        low, high = int(bounds.min), int(bounds.max)
    else:
        low, high = 0, 2 ** (8 * np.dtype(kind).itemsize) - 1
    values = data.draw(st.lists(st.integers(low, high), min_size=2, max_size=12))
    check_constants(kind, values, "host")


def with_attributes(value: float) -> ModelProto:
    """Every operator that takes a number as an attribute, given VALUE, side by side."""
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("LeakyRelu", {"alpha": value}),
        ("Elu", {"alpha": value}),
        ("Selu", {"alpha": value, "gamma": value}),
        ("ThresholdedRelu", {"alpha": value}),
        ("HardSigmoid", {"alpha": value, "beta": value}),
        ("Shrink", {"lambd": value, "bias": value}),
        ("Gemm", {"alpha": value, "beta": value}),
        ("BatchNormalization", {"epsilon": value}),
        ("InstanceNormalization", {"epsilon": value}),
        ("LRN", {"size": 3, "alpha": value, "beta": value, "bias": value}),
    ]
    extra = {"Gemm": ["w", "b"], "BatchNormalization": ["s"] * 4, "InstanceNormalization": ["s"] * 2}
    nodes = []
    for number, (kind, attributes) in enumerate(kinds):
        x = {"Gemm": "x", "InstanceNormalization": "finite", "LRN": "finite"}.get(kind, "image")
        nodes.append(helper.make_node(kind, [x, *extra.get(kind, ())], [f"y{number}"], **attributes))
    bound = numpy_helper.from_array(np.float32(value), "v")
    nodes.append(helper.make_node("Clip", ["image", "v"], ["clipped"]))
    nodes.append(helper.make_node("Pad", ["image", "p", "v"], ["padded"]))
    inputs = [
        helper.make_tensor_value_info("x", 1, [2, 3]),
        helper.make_tensor_value_info("image", 1, [1, 3, 2, 2]),
        helper.make_tensor_value_info("finite", 1, [1, 3, 2, 2]),
    ]
    weights = [
        bound,
        numpy_helper.from_array(np.eye(3, dtype=np.float32), "w"),
        numpy_helper.from_array(np.ones(3, np.float32), "b"),
        numpy_helper.from_array(np.ones(3, np.float32), "s"),
        numpy_helper.from_array(np.array([0, 0, 1, 0, 0, 0, 0, 1]), "p"),
    ]
    outputs = [helper.make_empty_tensor_value_info(node.output[0]) for node in nodes]
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("value", ATTRIBUTES, ids=repr)
def test_special_attributes_compile_and_mean_the_same(value: float) -> None:
    model = with_attributes(value)
    inputs = {
        "x": np.array([[-2, -0.5, 0], [0.25, 1, 3]], np.float32),
        "image": np.array([-np.inf, -3, -1, -0.0, 0, 0.5, 1, 2, 4, 1e30, 1e-40, 0.1], np.float32),
        "finite": np.array([-5, -3, -1, -0.5, 7, 0.5, 1, 2, 4, 12, 1e-2, 0.1], np.float32),
    }
    inputs = {name: array.reshape(2, 3) if name == "x" else array.reshape(1, 3, 2, 2)
              for name, array in inputs.items()}  # fmt: skip
    plan = glassrt.compile(model, target="host")
    results = glassrt.load(plan, device="host").run(inputs)
    with np.errstate(all="ignore"):
        expected = interpret(load_module(model), inputs)
    for name, want in expected.items():
        # Where sums and powers are involved, the last bits are the host library's.
        np.testing.assert_allclose(results[name], want, rtol=2e-6, atol=2e-38, err_msg=name)
    for name in ("padded", "y0", "y3"):
        numbers = ~np.isnan(expected[name])
        assert results[name][numbers].tobytes() == expected[name][numbers].tobytes()


def test_special_attributes_compile_for_the_gpu() -> None:
    for value in (np.nan, -np.inf, -0.0, 1e-45):
        plan = glassrt.compile(with_attributes(value), target="sm_90a", cache=False)
        assert plan.cubins["sm_90a"].keys() == plan.sources.keys()
        for source in plan.sources.values():
            assert "nan" not in source and "inf" not in source.replace("isinf", "")


def test_integers_at_the_end_of_their_range_as_shapes_are_typed_errors() -> None:
    for value in (-(2**63), 2**63 - 1):
        node = helper.make_node("Reshape", ["x", "s"], ["y"])
        graph = helper.make_graph(
            [node],
            "g",
            [helper.make_tensor_value_info("x", 1, [4])],
            [helper.make_empty_tensor_value_info("y")],
            [numpy_helper.from_array(np.array([value]), "s")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        with pytest.raises(glassrt.GlassError):
            glassrt.compile(model, target="host")
