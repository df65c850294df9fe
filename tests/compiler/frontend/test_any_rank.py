"""Inputs of any rank: models of elementwise nodes need none."""

from __future__ import annotations

import glassrt
import numpy as np
import pytest
from glassrt.compiler.frontend import import_model
from glassrt.compiler.frontend.any_rank import MOST_ELEMENTS, alike
from glassrt.dialects.core.interpreter import interpret
from onnx import NodeProto, helper, numpy_helper

from ...models import run_onnxruntime
from .graphs import node
from .test_ranks import shapeless

HALF = helper.make_node("Constant", [], ["h"], value=numpy_helper.from_array(np.float32(0.5)))
CHAIN = [HALF, node("Mul", "x half", "a"), node("Clip", "a _ h", "c1"), node("Add", "c1 x")]


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 1, 3)])
def test_elementwise_nodes_need_no_rank(shape: tuple[int, ...]) -> None:
    made = shapeless(*CHAIN)
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    want = run_onnxruntime(made, {"x": x})["y"]
    module = import_model(made)
    assert module.unranked == {"y": "x"} and module.symbols["D0"].maximum == MOST_ELEMENTS
    found = interpret(module, {"x": x})["y"]
    np.testing.assert_array_equal(found, want)
    assert found.shape == shape


def test_a_plan_runs_every_shape() -> None:
    plan = glassrt.compile(shapeless(*CHAIN), target="host", shapes={"D0": (0, 8, 100)})
    with glassrt.load(plan, "host") as engine:
        for shape in ((2, 3), (100,), (1, 2, 2)):
            x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
            want = np.minimum(x / 2, np.float32(0.5)) + x
            np.testing.assert_array_equal(engine.run({"x": x})["y"], want)


def test_a_shape_that_is_given_counts() -> None:
    assert not import_model(shapeless(*CHAIN), inputs={"x": [2, "N"]}).unranked


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Softmax", "x")],
        [node("Add", "x c")],
        [node("Add", "x z")],
        [node("Relu", "x", "a"), node("Flatten", "a")],
        [node("Relu", "x", "y", domain="of.mine")],
    ],
    ids=["an axis", "a constant that broadcasts", "another input", "a node behind", "another domain"],
)
def test_where_the_rank_matters(nodes: list[NodeProto]) -> None:
    assert not alike("x", shapeless(*nodes).graph)
