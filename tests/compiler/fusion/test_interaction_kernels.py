"""Recommenders as they are exported: what becomes an interaction, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from glassrt import compile, load
from glassrt.compiler.driver.build import Settings, build
from glassrt.compiler.report.launches import launches_of
from glassrt.compiler.settings.policy import PrecisionPolicy
from onnx import ModelProto, TensorProto, helper, numpy_helper

TABLES, ROWS, WIDTH = 3, 11, 16


class Recommender:
    """A recommender: features of a product and of tables, their products in pairs, and a product on top.

    Each field says how a part of it is written.
    """

    def __init__(self, batch: int | str = 5) -> None:
        self.batch, self.generator = batch, np.random.default_rng(0)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.joined = True
        self.squared = True
        self.width = WIDTH
        self.own_indices = False
        self.stacked_table = False

    def constant(self, name: str, array: np.ndarray[Any, Any]) -> str:
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weights(self, name: str, *shape: int) -> str:
        return self.constant(name, (self.generator.standard_normal(shape) / 4).astype(np.float32))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def model(self) -> ModelProto:
        one = self.constant("one", np.array([1], np.int64))
        rows = self.add("Relu", self.add("MatMul", "x", self.weights("w", 8, self.width)))
        features = [self.add("Unsqueeze", rows, one)]
        for at in range(TABLES):
            source = f"indices{at}" if self.own_indices else "indices"
            place = self.constant(f"c{at}", np.array(TABLES - 1 - at, np.int64))
            picked = self.add("Gather", source, place, axis=1)
            looked = self.add("Gather", self.weights(f"table{at}", ROWS, self.width), picked)
            features.append(self.add("Unsqueeze", looked, one))
        if self.stacked_table:  # all samples have the rows at one place of it
            assert isinstance(self.batch, int)
            table = self.weights("samples", ROWS, self.batch, self.width)
            picked = self.add("Gather", "place", self.constant("second", np.array(1, np.int64)), axis=1)
            looked = self.add("Gather", table, self.add("Squeeze", picked))
            features.append(self.add("Unsqueeze", looked, one))
        stacked, count = self.add("Concat", *features, axis=1), len(features)
        other = stacked if self.squared else self.add("Relu", stacked)
        product = self.add("MatMul", stacked, self.add("Transpose", other, perm=[0, 2, 1]))
        flat = self.constant("flat", np.array([-1, count * count], np.int64))
        below = np.tril(np.ones((count, count)), -1).flatten().nonzero()[0]
        chosen = self.add("Gather", self.add("Reshape", product, flat), self.constant("pairs", below), axis=1)
        joined = self.add("Concat", rows, chosen, axis=1) if self.joined else chosen
        size = len(below) + (self.width if self.joined else 0)
        self.nodes.append(helper.make_node("MatMul", [joined, self.weights("top", size, 2)], ["y"], "y"))
        names = [f"indices{at}" for at in range(TABLES)] if self.own_indices else ["indices"]
        inputs = [("x", TensorProto.FLOAT, 8), *((name, TensorProto.INT64, TABLES) for name in names)]
        given = [helper.make_tensor_value_info(n, t, [self.batch, size]) for n, t, size in inputs]
        if self.stacked_table:
            given.append(helper.make_tensor_value_info("place", TensorProto.INT64, [1, 2]))
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [self.batch, 2])
        graph = helper.make_graph(self.nodes, "recommender", given, [y], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)

    def inputs(self, batch: int = 5) -> dict[str, np.ndarray[Any, Any]]:
        generator, shape = np.random.default_rng(1), (batch, TABLES)
        names = [f"indices{at}" for at in range(TABLES)] if self.own_indices else ["indices"]
        indices = {name: generator.integers(-ROWS, ROWS, shape) for name in names}
        return {"x": generator.standard_normal((batch, 8)).astype(np.float32)} | indices


def changed(change: Callable[[Recommender], None]) -> Recommender:
    made = Recommender()
    change(made)
    return made


@pytest.mark.parametrize("joined", [True, False])
def test_lookups_products_and_their_choice_are_one_launch(joined: bool) -> None:
    made = changed(lambda own: setattr(own, "joined", joined))
    model = made.model()
    plan = compile(model, target="host", precision="fp16")
    assert len(launches_of(plan, {})) == 3
    assert f"joined = {'true' if joined else 'false'}" in plan.ir("graph") or not joined
    assert "columns = [-1, 2, 1, 0]" in plan.ir("graph")
    assert "padding = 2" in plan.ir("graph")  # 6 products, behind 16 features or alone
    exact = compile(model, target="host")
    assert "graph.interaction" not in exact.ir("graph")  # kernels have 16-bit features only
    (have,) = load(plan, "host").run(made.inputs()).values()
    (want,) = load(exact, "host").run(made.inputs()).values()
    assert np.abs(have - want).max() < 4e-3 * np.abs(want).max()


def test_any_number_of_samples() -> None:
    made = Recommender("N")
    model, shapes = made.model(), {"N": (1, 64, 256)}
    plan = compile(model, target="host", precision="fp16", shapes=shapes)
    assert "graph.interaction" in plan.ir("graph")
    exact = load(compile(model, target="host", shapes=shapes), "host")
    with load(plan, "host") as engine:
        for batch in (1, 7, 64, 101):
            (have,), (want,) = (own.run(made.inputs(batch)).values() for own in (engine, exact))
            assert have.shape == want.shape and np.abs(have - want).max() < 4e-3 * np.abs(want).max()


def test_lookups_in_weights_by_an_input_wait_for_no_kernel() -> None:
    plan = compile(Recommender().model(), target="host", precision="fp16")
    (text,) = (source for source in plan.sources.values() if "Dot products" in source)
    assert text.index("own = i64(load(") < text.index("pdl_wait()")


@pytest.mark.parametrize(
    "made",
    [
        changed(lambda own: setattr(own, "squared", False)),
        changed(lambda own: setattr(own, "width", 20)),
    ],
    ids=["products with another value", "no kernel for the width"],
)
def test_what_is_no_interaction(made: Recommender) -> None:
    model = made.model()
    plan = compile(model, target="host", precision="fp16")
    assert "graph.interaction" not in plan.ir("graph")
    (have,) = load(plan, "host").run(made.inputs()).values()
    (want,) = load(compile(model, target="host"), "host").run(made.inputs()).values()
    assert np.abs(have - want).max() < 4e-3 * np.abs(want).max()


def test_lookups_by_other_tensors_are_rows_of_kernels_before() -> None:
    made = changed(lambda own: setattr(own, "own_indices", True))
    model = made.model()
    plan = compile(model, target="host", precision="fp16")
    assert "graph.interaction" in plan.ir("graph") and "columns = [-1, 2, -1, -1]" in plan.ir("graph")
    (have,) = load(plan, "host").run(made.inputs()).values()
    (want,) = load(compile(model, target="host"), "host").run(made.inputs()).values()
    assert np.abs(have - want).max() < 4e-3 * np.abs(want).max()


def test_the_rule_can_be_switched_off() -> None:
    settings = Settings((), PrecisionPolicy("fp16"), disabled=frozenset({"interaction-kernel"}))
    plan = build(Recommender().model(), settings).plan
    assert "graph.interaction" not in plan.ir("graph") and len(launches_of(plan, {})) > 3


def test_parts_of_other_formats_are_ops_of_their_own() -> None:
    model = Recommender().model()
    names = [node.name for node in model.graph.node if node.op_type == "MatMul"]
    for override in (f"node:{names[1]}", "op:matmul"):
        policy = PrecisionPolicy("fp16", overrides={override: "fp32"})
        assert "graph.interaction" not in compile(model, target="host", precision=policy).ir("graph")


def test_a_table_of_more_dimensions_is_looked_up_by_a_kernel_before() -> None:
    made = changed(lambda own: setattr(own, "stacked_table", True))
    plan = compile(made.model(), target="host", precision="fp16")
    assert "columns = [-1, 2, 1, 0, -1]" in plan.ir("graph")
