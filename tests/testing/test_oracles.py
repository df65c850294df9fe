"""The oracles agree with each other, and say None to what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt.testing.oracles import ORACLES, Oracle
from onnx import helper

GRAPH = helper.make_graph(
    [helper.make_node("MatMul", ["x", "x"], ["y"])],
    "g",
    [helper.make_tensor_value_info("x", 1, [None, None])],
    [helper.make_tensor_value_info("y", 1, None)],
)
MODEL = helper.make_model(GRAPH, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@pytest.mark.parametrize("oracle", ORACLES)
def test_an_oracle_gives_the_outputs_or_none(oracle: Oracle) -> None:
    x = np.arange(4, dtype=np.float32).reshape(2, 2)
    found = oracle(MODEL, {"x": x})
    assert found is not None
    np.testing.assert_array_equal(found["y"], x @ x)
    assert oracle(MODEL, {"x": np.zeros((2, 3), np.float32)}) is None
