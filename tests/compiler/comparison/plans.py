"""Two plans of one small network, one of which may not fuse a pair."""

from __future__ import annotations

from functools import cache

import numpy as np
from glassrt import Plan
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.settings.policy import as_policy
from onnx import ModelProto, TensorProto, helper, numpy_helper

X = np.random.default_rng(1).standard_normal((3, 8)).astype(np.float32)


def network() -> ModelProto:
    """softmax(relu(x · w) + 1), with names for all nodes."""
    weights = np.random.default_rng(0).standard_normal((8, 8)).astype(np.float32)
    stored = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.float32(1), "one")]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"], name="mm"),
        helper.make_node("Relu", ["m"], ["r"], name="relu"),
        helper.make_node("Add", ["r", "one"], ["a"], name="add"),
        helper.make_node("Softmax", ["a"], ["y"], name="soft"),
    ]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 8]) for name in "xy"]
    graph = helper.make_graph(nodes, "net", infos[:1], infos[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@cache
def plan(precision: str = "fp32", apart: tuple[str, str] | None = None) -> Plan:
    settings = Settings(
        precision=as_policy(precision),
        barriers=frozenset() if apart is None else frozenset({apart}),
        cache=None,
    )
    return build(network(), settings, shapes={"N": (1, 3, 8)}).plan
