"""Sums of rows of several tables in one launch, switched off, and kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from glassrt import load
from glassrt.compiler.driver.build import Build, Settings, build
from glassrt.dialects.graph.embedding import MOST_TABLES
from onnx import ModelProto, TensorProto, helper, numpy_helper

WIDTH, ROWS = 4, 6


def model(tables: int) -> ModelProto:
    """Sums of bags of rows of TABLES, side by side."""
    generator, nodes = np.random.default_rng(0), []
    constants = [numpy_helper.from_array(np.array([1]), "axis")]
    for at in range(tables):
        table = generator.standard_normal((ROWS + at, WIDTH), dtype=np.float32)
        constants.append(numpy_helper.from_array(table, f"t{at}"))
        nodes.append(helper.make_node("Gather", [f"t{at}", f"i{at % 2}"], [f"r{at}"], f"rows{at}"))
        nodes.append(helper.make_node("ReduceSum", [f"r{at}", "axis"], [f"s{at}"], f"sum{at}", keepdims=0))
    nodes.append(helper.make_node("Concat", [f"s{at}" for at in range(tables)], ["y"], "all", axis=1))
    inputs = [helper.make_tensor_value_info(f"i{at}", TensorProto.INT64, ["N", 3 + at]) for at in range(2)]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", tables * WIDTH])
    graph = helper.make_graph(nodes, "bags", inputs, [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def kernels(made: Build) -> int:
    return made.plan.ir("launch").count("launch.kernel")


def test_tables_are_one_launch_that_writes_parts_of_the_result() -> None:
    made = build(model(3).SerializeToString(), Settings())
    assert kernels(made) == 1 and made.plan.ir("fused").count("graph.embedding_bag") == 1
    generator = np.random.default_rng(1)
    given = {f"i{at}": generator.integers(-ROWS, ROWS, (5, 3 + at)) for at in range(2)}
    (y,) = load(made.plan, "host").run(given).values()
    constants = {one.name: numpy_helper.to_array(one) for one in model(3).graph.initializer}
    want = [constants[f"t{at}"][given[f"i{at % 2}"]].sum(1) for at in range(3)]
    np.testing.assert_allclose(y, np.concatenate(want, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "ops"),
    [
        (Settings(disabled=frozenset({"join-bags"})), 3),
        (Settings(barriers=frozenset({("sum0", "sum1")})), 2),
        (Settings(disabled=frozenset({"embedding-bag"})), 0),
    ],
)
def test_switches_keep_tables_apart(settings: Settings, ops: int) -> None:
    made = build(model(3).SerializeToString(), settings)
    assert made.plan.ir("fused").count(" = graph.embedding_bag") == ops


def test_a_kernel_takes_so_many_tables() -> None:
    fused = build(model(MOST_TABLES + 2).SerializeToString(), Settings()).plan.ir("fused")
    assert fused.count(f"count = {MOST_TABLES}") == 1 and fused.count("count = 2") == 1
