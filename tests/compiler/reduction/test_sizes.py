"""Dimensions become smaller together, so that a model stays one."""

from __future__ import annotations

import numpy as np
from glassrt.compiler.reduction.candidate import TrialModel, is_valid
from glassrt.compiler.reduction.sizes import numbers_of, smaller
from onnx import TensorProto, helper, numpy_helper


def heads() -> TrialModel:
    """x [N, 12] times a weight [12, 24], as 4 heads of 6."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Reshape", ["m", "to"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.ones((12, 24), np.float32), "w"),
        numpy_helper.from_array(np.int64([-1, 4, 6]), "to"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4, 6])
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return TrialModel(model, {"x": np.ones((5, 12), np.float32)})


def valid(number: int) -> list[TrialModel]:
    return [each for each in smaller(heads(), number) if is_valid(each, known=True)]


def test_a_number_is_cut_wherever_it_stands() -> None:
    assert numbers_of(heads()) == [24, 12, 5, 3]
    smallest = valid(12)[0]
    assert smallest.feeds["x"].shape == (5, 1)
    assert [tuple(each.dims) for each in smallest.model.graph.initializer] == [(1, 24), (3,)]
    assert heads().elements == 12 * 24 + 3 + 60  # what it was made of is left as it was


def test_multiples_go_along_and_what_is_no_model_is_told() -> None:
    assert valid(24) == []  # 4 heads of 6 need all of them
    shapes = {tuple(each.model.graph.initializer[0].dims) for each in valid(6)}
    assert shapes >= {(2 * k, 4 * k) for k in (1, 2, 3, 4)}
