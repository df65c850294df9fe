"""BitCast on the host, also where the policy stores numbers in 16 bits: its bits are those of the model."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from onnx import TensorProto, helper


def model_of(source: int, target: int) -> bytes:
    """The bits of twice the input as TARGET, and those again as SOURCE, halved."""
    nodes = [
        helper.make_node("Add", ["x", "x"], ["twice"]),
        helper.make_node("BitCast", ["twice"], ["bits"], to=target),
        helper.make_node("BitCast", ["bits"], ["back"], to=source),
        helper.make_node("Sub", ["back", "x"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, source, ["N", 7]) for name in "xy")
    bits = helper.make_tensor_value_info("bits", target, ["N", 7])
    graph = helper.make_graph(nodes, "bits", [x], [bits, y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 26)])
    return made.SerializeToString()


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(
    ("source", "target", "dtype", "bits"),
    [
        (TensorProto.FLOAT, TensorProto.INT32, np.float32, np.int32),
        (TensorProto.FLOAT16, TensorProto.UINT16, np.float16, np.uint16),
        (TensorProto.DOUBLE, TensorProto.INT64, np.float64, np.int64),
    ],
)
def test_bits(precision: str, source: int, target: int, dtype: type, bits: type) -> None:
    x = np.random.default_rng(0).normal(size=(3, 7)).astype(dtype)
    plan = glassrt.compile(model_of(source, target), target="host", precision=precision)
    with glassrt.load(plan, "host") as engine:
        found = engine.run({"x": x})
    np.testing.assert_array_equal(found["bits"], (x + x).view(bits))
    np.testing.assert_allclose(found["y"], x, rtol=2e-3)
