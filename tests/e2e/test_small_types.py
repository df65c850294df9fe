"""Models whose inputs, weights and outputs have a few bits: on the host, under every policy for floats."""

from __future__ import annotations

from typing import Any

import glassrt
import ml_dtypes
import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from ..models import Array

SHAPE = (48, 20)  # of weights
Types = dict[str, tuple[int, tuple[int, ...] | None]]


def model_of(nodes: list[NodeProto], inputs: Types, outputs: Types, weights: dict[str, Array]) -> ModelProto:
    values = [
        [helper.make_tensor_value_info(n, *type) for n, type in part.items()] for part in (inputs, outputs)
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        *values,
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)])


def run(model: ModelProto, precision: str, **inputs: Array) -> dict[str, Any]:
    plan = glassrt.compile(model.SerializeToString(), target="host", precision=precision)
    with glassrt.load(plan, "host") as engine:
        return dict(engine.run(inputs))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize(
    ("kind", "scale_kind", "block"),
    [("int4", "float32", 16), ("uint2", "float16", 24), ("float4_e2m1fn", "float8_e8m0fnu", 32)],
)
def test_weights_in_blocks(kind: str, scale_kind: str, block: int, precision: str) -> None:
    """Against float64; scales of powers of two are those of OCP microscaling."""
    rng = np.random.default_rng(0)
    quantized = rng.integers(0, 4, SHAPE).astype(np.uint8).view(np.dtype(getattr(ml_dtypes, kind)))
    scale_type = np.dtype(getattr(ml_dtypes, scale_kind, scale_kind))
    blocks = -(-SHAPE[0] // block)
    scales = np.exp2(rng.integers(-3, 3, (blocks, SHAPE[1]))).astype(scale_type)
    weights = {"w": quantized, "s": scales}
    names, real = ["w", "s"], quantized.astype(np.float64)
    if kind == "uint2":
        weights["z"] = rng.integers(0, 4, scales.shape).astype(np.uint8).view(quantized.dtype)
        names.append("z")
        real -= np.repeat(weights["z"].astype(np.float64), block, 0)[: SHAPE[0]]
    real *= np.repeat(scales.astype(np.float64), block, 0)[: SHAPE[0]]
    nodes = [
        helper.make_node(
            "DequantizeLinear", names, ["d"], axis=0, block_size=block, output_dtype=TensorProto.FLOAT
        ),
        helper.make_node("MatMul", ["x", "d"], ["y"]),
    ]
    x = rng.standard_normal((8, SHAPE[0])).astype(np.float32)
    made = model_of(
        nodes, {"x": (TensorProto.FLOAT, x.shape)}, {"y": (TensorProto.FLOAT, (8, SHAPE[1]))}, weights
    )
    found = run(made, precision, x=x)["y"]
    error = np.abs(found - x @ real).max() / np.abs(x @ real).max()
    assert error < {"fp32": 1e-6, "fp16": 2e-3, "bf16": 1.5e-2}[precision]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_small_types_cross_the_boundary(precision: str) -> None:
    """And are moved as they are: no policy stores them otherwise."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["moved"]),
        helper.make_node("Cast", ["moved"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["wide", "wide"], ["twice"]),
        helper.make_node("QuantizeLinear", ["twice", "one"], ["q"], output_dtype=TensorProto.INT4),
        helper.make_node("Cast", ["twice"], ["f"], to=TensorProto.FLOAT4E2M1),
    ]
    outputs = {"moved": TensorProto.FLOAT4E2M1, "q": TensorProto.INT4, "f": TensorProto.FLOAT4E2M1}
    made = model_of(
        nodes,
        {"x": (TensorProto.FLOAT4E2M1, (3, 5))},
        {name: (code, (5, 3)) for name, code in outputs.items()},
        {"one": np.float32(1.0)},
    )
    x = np.arange(15, dtype=np.uint8).reshape(3, 5).view(ml_dtypes.float4_e2m1fn)
    found = run(made, precision, x=x)
    twice = 2 * x.T.astype(np.float32)
    assert (found["moved"].view(np.uint8) == x.T.view(np.uint8)).all()
    assert found["q"].dtype == ml_dtypes.int4 and found["f"].dtype == ml_dtypes.float4_e2m1fn
    np.testing.assert_array_equal(found["q"].astype(np.float32), np.clip(np.rint(twice), -8, 7))
    np.testing.assert_array_equal(
        found["f"].astype(np.float32), twice.astype(ml_dtypes.float4_e2m1fn).astype(np.float32)
    )


def test_an_input_of_another_small_type_is_refused() -> None:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    made = model_of(nodes, {"x": (TensorProto.INT4, (3,))}, {"y": (TensorProto.INT4, (3,))}, {})
    with pytest.raises(glassrt.InputError, match=r"'x': i4\[3\]"):
        run(made, "fp32", x=np.zeros(3, ml_dtypes.uint4))
