"""The three kinds of custom ops, from the ONNX node to the host: what they give, and what they fuse with."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import glassrt
import numpy as np
import pytest
from glassrt import custom
from glassrt.errors import ModelError
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from ...custom_ops import DOMAIN, drawn, model, node


def on_host(made: ModelProto, precision: str = "fp32", rows: int = 3) -> tuple[glassrt.Plan, np.ndarray]:
    plan = glassrt.compile(made, target="host", precision=precision)
    with glassrt.load(plan, "host") as engine:
        (y,) = engine.run({"x": drawn(rows, 24)}).values()
    return plan, y


def centred(x: np.ndarray) -> np.ndarray:
    return np.asarray(x - x.mean(-1, keepdims=True))


def bent(x: np.ndarray, bend: float = 0.5) -> np.ndarray:
    return np.asarray(x + bend * x * np.abs(x))


def test_an_elementwise_op_fuses_as_a_built_in_one_does() -> None:
    """Into the epilogue of a product, with operands that broadcast, in fp16 too."""
    weights, more = drawn(24, 8), drawn(8)
    nodes = [
        node("MatMul", ["x", "w"], "a"),
        node("Bend", ["a", "m"], "b", bend=0.25),
        node("Relu", ["b"], "y"),
    ]
    for precision, within in (("fp32", 1e-5), ("fp16", 1e-2)):
        plan, y = on_host(model(nodes, w=weights, m=more), precision)
        assert [launch.op for launch in plan.spec.launches] == ["matmul, glass_tests.bend, relu"]
        wanted = np.maximum(bent(drawn(3, 24).astype(np.float64) @ weights, 0.25) + more, 0)
        np.testing.assert_allclose(y, wanted, rtol=within, atol=within * np.abs(wanted).max())


COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("compare", COMPARISONS, ids=lambda each: str(each.__name__))
def test_terms_compare_by_element(compare: Callable[[Any, Any], Any]) -> None:
    """With a number on either side and with a term, NaN included."""
    with custom.registered():

        @custom.op("glass.tests::Compared")
        class Compared(custom.ElementwiseOp):
            x = custom.operand()
            w = custom.operand()
            y = custom.result()

            def compute(self, x: Any, w: Any) -> Any:
                return np.where(compare(x, 0), 1, 0) + 2 * compare(0, x) + np.where(compare(x, w), 4, 0)

            def formula(self, x: custom.Term, w: custom.Term) -> custom.Term:
                first = compare(x, 0).choose(x.term(1), 0) + compare(0, x).choose(x.term(2), 0)
                return first + compare(x, w).choose(x.term(4), 0)

        x = np.array([0.0, -0.0, 1.0, -1.0, np.nan, np.inf], np.float32)
        made = model([node("Compared", ["x", "w"], "y", domain=DOMAIN)], x.shape, w=x[::-1].copy())
        with glassrt.load(glassrt.compile(made, target="host"), "host") as engine:
            found = engine.run({"x": x})["y"]
    wanted = 1.0 * compare(x, 0) + 2 * compare(0, x) + 4 * compare(x, x[::-1])
    np.testing.assert_array_equal(found, wanted)


def test_an_op_on_rows_takes_what_is_elementwise_around_it() -> None:
    nodes = [node("Exp", ["x"], "a"), node("Centre", ["a"], "b"), node("Bend", ["b"], "y")]
    plan, y = on_host(model(nodes))
    assert [launch.op for launch in plan.spec.launches] == ["exp, glass_tests.centre, glass_tests.bend"]
    np.testing.assert_allclose(
        y, bent(centred(np.exp(drawn(3, 24).astype(np.float64)))), rtol=1e-4, atol=1e-5
    )


def test_other_loop_nests_are_loops() -> None:
    plan, y = on_host(model([node("Neighbours", ["x"], "a"), node("Neg", ["a"], "y")]))
    assert "neighbours" in plan.spec.launches[0].op
    padded = np.pad(drawn(3, 24), [(0, 0), (1, 1)])
    np.testing.assert_allclose(y, -(padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("precision", "stored"), [("fp32", "f32"), ("fp16", "f16")])
def test_a_body_in_cuda_is_a_kernel_among_others(precision: str, stored: str) -> None:
    """What is around it stays outside, and stores and loads what it reads and writes."""
    nodes = [node("Sin", ["x"], "a"), node("Scaled", ["a"], "b", factor=3), node("Neg", ["b"], "y")]
    plan, y = on_host(model(nodes), precision)
    assert [launch.op for launch in plan.spec.launches] == ["sin", "glass_tests.scaled", "neg"]
    line = next(line for line in plan.ir("precision").splitlines() if "glass_tests.scaled" in line)
    assert line.endswith(f'{{factor = 3}} : tensor<Nx24x{stored}> loc("b")')
    within = 2e-3 if precision == "fp16" else 1e-6
    np.testing.assert_allclose(y, -3 * np.sin(drawn(3, 24)), rtol=within, atol=within)


def test_views_are_written_out_for_a_body() -> None:
    """A body reads whole buffers: a slice and a transposed tensor are copied first, and an operand that is
    read twice is one buffer."""
    cut = [node("Slice", ["x", "zero", "five", "axis"], "a"), node("Scaled", ["a"], "y")]
    stored = {"zero": np.array([0]), "five": np.array([5]), "axis": np.array([1])}
    _, y = on_host(model(cut, **stored))
    np.testing.assert_array_equal(y, 2 * drawn(3, 24)[:, :5])
    turned = [node("Transpose", ["x"], "a"), node("Scaled", ["a"], "b"), node("Transpose", ["b"], "y")]
    np.testing.assert_array_equal(on_host(model(turned))[1], 2 * drawn(3, 24))
    parts = [node("Scaled", ["x"], "a"), node("Concat", ["a", "x"], "y", axis=1)]
    np.testing.assert_array_equal(on_host(model(parts))[1], np.hstack([2 * drawn(3, 24), drawn(3, 24)]))


def test_small_launches_are_grouped() -> None:
    nodes = [node("Scaled", ["x"], "y"), node("Scaled", ["x"], "z", factor=5)]
    plan = glassrt.compile(model(nodes, outputs=("y", "z")), target="host")
    assert "_family = custom" in plan.ir("launch")
    with glassrt.load(plan, "host") as engine:
        found = engine.run({"x": drawn(3, 24)})
    np.testing.assert_array_equal(found["y"], 2 * drawn(3, 24))
    np.testing.assert_array_equal(found["z"], 5 * drawn(3, 24))


def test_no_rows_are_nothing_to_do() -> None:
    for kind in ("Bend", "Centre", "Scaled"):
        assert on_host(model([node(kind, ["x"], "y")]), rows=0)[1].shape == (0, 24)


def test_elements_of_another_kind_are_refused() -> None:
    made = model([node("Cast", ["x"], "a", to=7), node("Bend", ["a"], "y")])
    with pytest.raises(ModelError, match="takes float elements, not i64"):
        glassrt.compile(made, target="host")


def test_constants_fold_through_an_op() -> None:
    made = model([node("Bend", ["w"], "a"), node("Add", ["x", "a"], "y")], w=drawn(24))
    plan, y = on_host(made)
    assert "glass_tests.bend" not in plan.ir("graph")
    np.testing.assert_allclose(y, drawn(3, 24) + bent(drawn(24)), rtol=1e-6)


def flowing() -> ModelProto:
    """y = x + (3 * 2x where the sum of x is above 0, else -2x), whose sign a loop changes max |x| times."""

    def value(name: str, kind: int = TensorProto.FLOAT, *shape: str | int) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    rows = (TensorProto.FLOAT, "N", 24)
    then = helper.make_graph([node("Scaled", ["x2"], "p", factor=3)], "then", [], [value("p", *rows)])
    other = helper.make_graph([node("Neg", ["x2"], "q")], "other", [], [value("q", *rows)])
    turn = [node("Scaled", ["v"], "w", factor=-1), node("Identity", ["c"], "d")]
    given = [value("i", TensorProto.INT64), value("c", TensorProto.BOOL), value("v", *rows)]
    body = helper.make_graph(turn, "body", given, [value("d", TensorProto.BOOL), value("w", *rows)])
    nodes = [
        node("ReduceSum", ["x"], "s", keepdims=0),
        node("Greater", ["s", "zero"], "any"),
        node("Abs", ["x"], "a"),
        node("ReduceMax", ["a"], "m", keepdims=0),
        node("Cast", ["m"], "count", to=TensorProto.INT64),
        node("Add", ["x", "x"], "x2"),
        node("If", ["any"], "f", then_branch=then, else_branch=other),
        node("Loop", ["count", "", "f"], "l", body=body),
        node("Add", ["l", "x"], "y"),
    ]
    return model(nodes, zero=np.array(0, np.float32))


def test_a_body_runs_in_branches_and_loops() -> None:
    """What these hand on keeps its type, so that its result is converted there."""
    plan = glassrt.compile(flowing(), target="host", precision="fp16")
    assert plan.ir("precision").count("glass_tests.scaled") == 2
    with glassrt.load(plan, "host") as engine:
        for x in (np.abs(drawn(3, 24)), -np.abs(drawn(3, 24)) * 2):
            chosen = 6 * x if x.sum() > 0 else -2 * x
            wanted = x + chosen * (-1) ** int(np.abs(x).max())
            np.testing.assert_allclose(engine.run({"x": x})["y"], wanted, rtol=4e-3, atol=4e-3)
